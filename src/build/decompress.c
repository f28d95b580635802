// SPDX-License-Identifier: Apache-2.0
// Telling compression formats apart and calling the right library, in the surroundings it expects.
#include "build/decompress.h"

#include "abi/errno.h"
#include "arch/library.h"
#include "build/unpack.h"
#include "lib/string.h"

static const struct unpacker *const unpackers[] = {&unpack_gzip, &unpack_xz, &unpack_zstd,
                                                   &unpack_lz4};

// Formats that a kernel can be configured for and that are not unpacked here: known by name only.
static const struct {
    const char *name;
    uint8_t magic[4];
    uint8_t magic_bytes;
} strangers[] = {
    {"bzip2", {'B', 'Z', 'h'}, 3},
    {"LZMA (the format before xz)", {0x5d, 0x00, 0x00}, 3},
    {"LZO", {0x89, 'L', 'Z', 'O'}, 4},
    {"LZ4 (in the frame that kernels do not use)", {0x04, 0x22, 0x4d, 0x18}, 4},
};

static bool starts_with(const uint8_t *bytes, size_t size_bytes, const uint8_t *magic,
                        size_t magic_bytes)
{
    return size_bytes >= magic_bytes && memcmp(bytes, magic, magic_bytes) == 0;
}

static const struct unpacker *find_unpacker(const uint8_t *bytes, size_t size_bytes)
{
    for (size_t i = 0; i < ARRAY_SIZE(unpackers); i++) {
        if (starts_with(bytes, size_bytes, unpackers[i]->magic, unpackers[i]->magic_bytes)) {
            return unpackers[i];
        }
    }
    return NULL;
}

static const char *find_stranger(const uint8_t *bytes, size_t size_bytes)
{
    for (size_t i = 0; i < ARRAY_SIZE(strangers); i++) {
        if (starts_with(bytes, size_bytes, strangers[i].magic, strangers[i].magic_bytes)) {
            return strangers[i].name;
        }
    }
    return NULL;
}

bool packed_detect(const void *bytes, size_t size_bytes)
{
    return find_unpacker(bytes, size_bytes) != NULL || find_stranger(bytes, size_bytes) != NULL;
}

// Takes the size that Linux's build appended, and takes it off unless it is the stream's own.
static int take_trailer(struct packed *packed, struct reason *reason)
{
    uint32_t out_bytes;

    if (packed->size_bytes < sizeof(out_bytes)) {
        return refuse(reason, ENOEXEC, "kernel payload is cut short");
    }
    memcpy(&out_bytes, packed->bytes + packed->size_bytes - sizeof(out_bytes), sizeof(out_bytes));
    packed->out_bytes = out_bytes;
    packed->out_bytes_exact = true;
    if (!packed->unpacker->keeps_size_trailer) {
        packed->size_bytes -= sizeof(out_bytes);
    }
    return 0;
}

int packed_open(struct packed *packed, const void *bytes, size_t size_bytes, bool size_trailer,
                struct reason *reason)
{
    const char *stranger = find_stranger(bytes, size_bytes);
    struct unpack_sizes sizes = {0};

    *packed = (struct packed){
        .unpacker = find_unpacker(bytes, size_bytes),
        .bytes = bytes,
        .size_bytes = size_bytes,
    };
    if (stranger != NULL) {
        return refuse(reason, EOPNOTSUPP,
                      "kernel is compressed with %s; gzip, xz, zstd and lz4 are understood",
                      stranger);
    }
    if (packed->unpacker == NULL) {
        return refuse(reason, ENOEXEC,
                      "kernel payload is neither ELF nor a known compression format");
    }
    int error = size_trailer ? take_trailer(packed, reason) : 0;
    if (error != 0) {
        return error;
    }
    arch_library_enter();
    error = packed->unpacker->measure(packed->bytes, packed->size_bytes, &sizes, reason);
    arch_library_leave();
    packed->scratch_bytes = sizes.scratch_bytes;
    if (!packed->out_bytes_exact) {
        packed->out_bytes = sizes.out_bytes;
    }
    return error;
}

int packed_unpack(const struct packed *packed, void *out, void *scratch, size_t *written,
                  struct reason *reason)
{
    struct arena arena = arena_over(scratch, packed->scratch_bytes);

    *written = packed->out_bytes;
    arch_library_enter();
    int error =
        packed->unpacker->unpack(packed->bytes, packed->size_bytes, out, written, &arena, reason);
    arch_library_leave();
    if (error == 0 && packed->out_bytes_exact && *written != packed->out_bytes) {
        return refuse(reason, ENOEXEC,
                      "kernel payload is damaged: it unpacks to a size it does not state");
    }
    return error;
}

const char *packed_format(const struct packed *packed)
{
    return packed->unpacker->name;
}
