// SPDX-License-Identifier: Apache-2.0
// Unpacking what the libraries' own compressors made; damage, wrong sizes and too little memory are
// errors, never more.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "abi/errno.h"
#include "build/arena.h"
#include "build/decompress.h"
#include "lib/crc64.h"
#include "lib/string.h"

enum { PLAIN_BYTES = 300000, ROOM_BYTES = PLAIN_BYTES * 2 };

struct sample {
    uint8_t *bytes;
    size_t size_bytes;
};

static uint8_t plain[PLAIN_BYTES];

// Text-like: repeats itself, but not at once.
static int make_plain(void **state)
{
    uint32_t random = 1;

    for (size_t i = 0; i < PLAIN_BYTES; i++) {
        random = random * 1103515245 + 12345;
        plain[i] = i > 1000 && (random >> 16) % 8 != 0 ? plain[i - 977] : (uint8_t)(random >> 24);
    }
    return 0;
}

static struct sample pack_gzip(void)
{
    struct sample s = {malloc(ROOM_BYTES), 0};
    z_stream stream = {
        .next_in = plain, .avail_in = PLAIN_BYTES, .next_out = s.bytes, .avail_out = ROOM_BYTES};

    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    s.size_bytes = stream.total_out;
    deflateEnd(&stream);
    return s;
}

static struct sample pack_xz_as(lzma_check check, bool x86, uint64_t block_bytes)
{
    struct sample s = {malloc(ROOM_BYTES), 0};
    lzma_options_lzma options;
    lzma_filter filters[3] = {{.id = LZMA_FILTER_X86}};
    lzma_filter *lzma2 = &filters[x86];

    lzma_lzma_preset(&options, 6);
    options.dict_size = 1 << 20;
    lzma2[0] = (lzma_filter){.id = LZMA_FILTER_LZMA2, .options = &options};
    lzma2[1] = (lzma_filter){.id = LZMA_VLI_UNKNOWN};
    lzma_mt mt = {.threads = 1, .block_size = block_bytes, .filters = filters, .check = check};
    lzma_stream stream = LZMA_STREAM_INIT;
    assert_int_equal(lzma_stream_encoder_mt(&stream, &mt), LZMA_OK);
    stream.next_in = plain;
    stream.avail_in = PLAIN_BYTES;
    stream.next_out = s.bytes;
    stream.avail_out = ROOM_BYTES;
    lzma_ret result;
    do {
        result = lzma_code(&stream, LZMA_FINISH);
    } while (result == LZMA_OK);
    assert_int_equal(result, LZMA_STREAM_END);
    s.size_bytes = stream.total_out;
    lzma_end(&stream);
    return s;
}

static struct sample pack_xz(void)
{
    return pack_xz_as(LZMA_CHECK_CRC32, true, PLAIN_BYTES);
}

// Streamed, as "zstd < file" does it: the frame does not state its size.
static struct sample pack_zstd(void)
{
    struct sample s = {malloc(ROOM_BYTES), 0};
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_inBuffer in = {plain, PLAIN_BYTES, 0};
    ZSTD_outBuffer out = {s.bytes, ROOM_BYTES, 0};

    while (in.pos < in.size) {
        ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue);
    }
    assert_int_equal(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0);
    ZSTD_freeCCtx(context);
    s.size_bytes = out.pos;
    return s;
}

static struct sample pack_lz4(void)
{
    struct sample s = {malloc(ROOM_BYTES), 0};
    uint32_t magic = 0x184c2102;
    uint32_t size = (uint32_t)LZ4_compress_default((const char *)plain, (char *)s.bytes + 8,
                                                   PLAIN_BYTES, ROOM_BYTES - 8);

    memcpy(s.bytes, &magic, 4);
    memcpy(s.bytes + 4, &size, 4);
    s.size_bytes = size + 8;
    return s;
}

static struct sample (*const packers[])(void) = {pack_gzip, pack_xz, pack_zstd, pack_lz4};
static const char *const names[] = {"gzip", "xz", "zstd", "lz4"};

// As Linux's build does for all but gzip, which ends with this word already.
static void append_size(struct sample *s, bool is_gzip, uint32_t size)
{
    memcpy(s->bytes + s->size_bytes - (is_gzip ? 4 : 0), &size, 4);
    s->size_bytes += is_gzip ? 0 : 4;
}

static int unpack(const struct packed *packed, size_t *written, struct reason *reason)
{
    // Exactly as large as stated, so the sanitizer sees every byte too many.
    uint8_t *out = malloc(packed->out_bytes);
    uint8_t *scratch = malloc(packed->scratch_bytes + 1);

    int error = packed_unpack(packed, out, scratch, written, reason);
    if (error == 0) {
        assert_int_equal(*written, PLAIN_BYTES);
        assert_memory_equal(out, plain, PLAIN_BYTES);
    }
    free(scratch);
    free(out);
    return error;
}

static void each_format_unpacks_with_its_size_appended(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
        struct sample s = packers[i]();
        struct packed packed;
        struct reason reason;
        size_t written;
        append_size(&s, i == 0, PLAIN_BYTES);
        assert_true(packed_detect(s.bytes, s.size_bytes));
        assert_int_equal(packed_open(&packed, s.bytes, s.size_bytes, true, &reason), 0);
        assert_string_equal(packed_format(&packed), names[i]);
        assert_int_equal(packed.out_bytes, PLAIN_BYTES);
        assert_int_equal(unpack(&packed, &written, &reason), 0);
        free(s.bytes);
    }
}

static void each_format_unpacks_as_a_plain_file(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
        struct sample s = packers[i]();
        struct packed packed;
        struct reason reason;
        size_t written;
        assert_int_equal(packed_open(&packed, s.bytes, s.size_bytes, false, &reason), 0);
        assert_true(packed.out_bytes >= PLAIN_BYTES);
        assert_int_equal(unpack(&packed, &written, &reason), 0);
        free(s.bytes);
    }
}

static void a_size_that_is_not_true_is_refused(void **state)
{
    static const uint32_t lies[] = {0, 1, PLAIN_BYTES - 1, PLAIN_BYTES + 1};

    for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(lies); j++) {
            struct sample s = packers[i]();
            struct packed packed;
            struct reason reason;
            size_t written;
            append_size(&s, i == 0, lies[j]);
            assert_int_equal(packed_open(&packed, s.bytes, s.size_bytes, true, &reason), 0);
            assert_int_equal(unpack(&packed, &written, &reason), -ENOEXEC);
            free(s.bytes);
        }
    }
}

static void damage_is_refused_and_does_no_harm(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
        struct sample s = packers[i]();
        for (size_t at = 0; at < s.size_bytes; at += at < 64 ? 1 : s.size_bytes / 61) {
            struct packed packed;
            struct reason reason;
            size_t written;
            s.bytes[at] ^= 0x41;
            if (packed_open(&packed, s.bytes, s.size_bytes, false, &reason) == 0 &&
                packed.out_bytes < 64 << 20 && packed.scratch_bytes < 64 << 20) {
                // lz4 has no check sum: damage may pass it, or hide in an unused bit elsewhere.
                uint8_t *out = malloc(packed.out_bytes), *scratch = malloc(packed.scratch_bytes);
                (void)!packed_unpack(&packed, out, scratch, &written, &reason);
                assert_true(written <= packed.out_bytes);
                free(scratch);
                free(out);
            }
            s.bytes[at] ^= 0x41;
        }
        free(s.bytes);
    }
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
        struct sample s = packers[i]();
        for (size_t size = 0; size < s.size_bytes; size += size < 64 ? 1 : s.size_bytes / 61) {
            // A copy of exactly this size, so the sanitizer sees a read behind it.
            uint8_t *cut = malloc(size + (size == 0));
            struct packed packed;
            struct reason reason;
            size_t written;
            memcpy(cut, s.bytes, size);
            int error = packed_open(&packed, cut, size, false, &reason);
            if (error == 0 && packed.out_bytes < 64 << 20) {
                uint8_t *out = malloc(packed.out_bytes + 1),
                        *scratch = malloc(packed.scratch_bytes);
                error = packed_unpack(&packed, out, scratch, &written, &reason);
                free(scratch);
                free(out);
            }
            // A bare lz4 magic number is an empty file.
            assert_true(error != 0 || (i == 3 && size == 4) || packed.out_bytes >= 64 << 20);
            free(cut);
        }
        free(s.bytes);
    }
}

static void xz_with_every_check_and_many_blocks_fits_its_scratch(void **state)
{
    static const lzma_check checks[] = {LZMA_CHECK_NONE, LZMA_CHECK_CRC32, LZMA_CHECK_CRC64,
                                        LZMA_CHECK_SHA256};

    for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
        struct sample s = pack_xz_as(checks[i], i % 2 == 0, 512);
        struct packed packed;
        struct reason reason;
        size_t written;
        assert_int_equal(packed_open(&packed, s.bytes, s.size_bytes, false, &reason), 0);
        assert_int_equal(packed.out_bytes, PLAIN_BYTES);
        assert_int_equal(unpack(&packed, &written, &reason), 0);
        free(s.bytes);
    }
}

static void xz_may_be_padded(void **state)
{
    struct sample s = pack_xz();
    struct packed packed;
    struct reason reason;
    size_t written;

    memset(s.bytes + s.size_bytes, 0, 8);
    s.size_bytes += 8;
    assert_int_equal(packed_open(&packed, s.bytes, s.size_bytes, false, &reason), 0);
    assert_int_equal(unpack(&packed, &written, &reason), 0);
    free(s.bytes);
}

static void too_little_scratch_is_an_error(void **state)
{
    for (size_t i = 0; i < 3; i++) {
        struct sample s = packers[i]();
        struct packed packed;
        struct reason reason;
        size_t written;
        assert_int_equal(packed_open(&packed, s.bytes, s.size_bytes, false, &reason), 0);
        packed.scratch_bytes = 1000;
        assert_int_equal(unpack(&packed, &written, &reason), -ENOMEM);
        free(s.bytes);
    }
}

static void formats_not_unpacked_are_named(void **state)
{
    struct packed packed;
    struct reason reason;

    assert_int_equal(packed_open(&packed, "BZh91AY", 7, false, &reason), -EOPNOTSUPP);
    assert_string_equal(reason.text,
                        "kernel is compressed with bzip2; gzip, xz, zstd and lz4 are understood");
    assert_int_equal(packed_open(&packed, "nothing", 7, false, &reason), -ENOEXEC);
    assert_int_equal(packed_open(&packed, "\x1f\x8b", 2, true, &reason), -ENOEXEC);
}

static void crc64_is_the_one_of_xz(void **state)
{
    uint64_t in_two = crc64(plain + 1000, 5000, crc64(plain, 1000, 0));

    assert_int_equal(crc64("123456789", 9, 0), 0x995dc9bbdf1939fa);
    assert_int_equal(crc64(plain, 6000, 0), lzma_crc64(plain, 6000, 0));
    assert_int_equal(in_two, lzma_crc64(plain, 6000, 0));
}

static void an_arena_gives_what_it_has(void **state)
{
    uint8_t room[128] aligned_to(16);
    struct arena arena = arena_over(room + 1, sizeof(room) - 1);

    void *a = arena_alloc(&arena, 10);
    void *b = arena_alloc(&arena, 50);
    assert_ptr_equal(a, room + 16);
    assert_ptr_equal(b, room + 32);
    assert_null(arena_alloc(&arena, 33));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    arena_free(&arena, b);
    assert_ptr_equal(arena_alloc(&arena, 96), room + 32);
    assert_null(arena_alloc(&arena, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_format_unpacks_with_its_size_appended),
        cmocka_unit_test(each_format_unpacks_as_a_plain_file),
        cmocka_unit_test(a_size_that_is_not_true_is_refused),
        cmocka_unit_test(damage_is_refused_and_does_no_harm),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(xz_with_every_check_and_many_blocks_fits_its_scratch),
        cmocka_unit_test(xz_may_be_padded),
        cmocka_unit_test(too_little_scratch_is_an_error),
        cmocka_unit_test(formats_not_unpacked_are_named),
        cmocka_unit_test(crc64_is_the_one_of_xz),
        cmocka_unit_test(an_arena_gives_what_it_has),
    };
    return cmocka_run_group_tests(tests, make_plain, NULL);
}
