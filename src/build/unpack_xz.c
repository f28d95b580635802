// SPDX-License-Identifier: Apache-2.0
// xz (The .xz File Format, version 1.1), by liblzma in one thread. The decoder holds a dictionary
// of the size that the first block names; the unpacked size is in the index at the end.
#include "build/unpack.h"

#include <lzma.h>

#include "abi/errno.h"
#include "lib/string.h"

enum {
    // What the stream decoder allocates beside its filters' memory: a few small states.
    DECODER_BYTES = 64 << 10,
    // Options of the four filters that a block can have, while its header is read.
    HEADER_ARENA_BYTES = 1024,
};

static void *allocate(void *arena, size_t items, size_t item_bytes)
{
    size_t bytes;

    return __builtin_mul_overflow(items, item_bytes, &bytes) ? NULL : arena_alloc(arena, bytes);
}

static void release(void *arena, void *p)
{
    arena_free(arena, p);
}

// Memory that the filters of the block at `in` need to decode, or UINT64_MAX where it is no block.
static uint64_t filter_memory(const uint8_t *in, size_t in_bytes, lzma_check check)
{
    uint8_t room[HEADER_ARENA_BYTES];
    struct arena arena = arena_over(room, sizeof(room));
    lzma_allocator allocator = {.alloc = allocate, .free = release, .opaque = &arena};
    lzma_filter filters[LZMA_FILTERS_MAX + 1];
    lzma_block block = {.version = 1, .check = check, .filters = filters};

    if (in_bytes == 0 || in[0] == 0) { // 0 starts an index: a stream without blocks
        return in_bytes == 0 ? UINT64_MAX : 0;
    }
    block.header_size = lzma_block_header_size_decode(in[0]);
    if (block.header_size > in_bytes ||
        lzma_block_header_decode(&block, &allocator, in) != LZMA_OK) {
        return UINT64_MAX;
    }
    return lzma_raw_decoder_memusage(filters);
}

// One number of the index. Where there is none, the offset goes past the end.
static lzma_vli take_number(const uint8_t *index, size_t index_bytes, size_t *at)
{
    lzma_vli number = 0;

    if (lzma_vli_decode(&number, NULL, index, at, index_bytes) != LZMA_OK) {
        *at = SIZE_MAX;
        return 0;
    }
    return number;
}

// The unpacked size, from the index that starts at `index`; UINT64_MAX where it is damaged.
// (Whether its check sum is right and it fits the blocks, the decoder finds out.)
static uint64_t sum_index(const uint8_t *index, size_t index_bytes)
{
    size_t at = 1; // after the byte that tells an index from a block
    uint64_t sum = 0;

    lzma_vli records = take_number(index, index_bytes, &at);
    for (; records != 0 && at < index_bytes; records--) {
        (void)take_number(index, index_bytes, &at);
        lzma_vli size = at < index_bytes ? take_number(index, index_bytes, &at) : 0;
        if (__builtin_add_overflow(sum, size, &sum)) {
            return UINT64_MAX;
        }
    }
    return records == 0 && at <= index_bytes ? sum : UINT64_MAX;
}

static int damaged(struct reason *reason)
{
    return refuse(reason, ENOEXEC, "kernel payload is damaged (xz)");
}

static int measure(const uint8_t *in, size_t in_bytes, struct unpack_sizes *sizes,
                   struct reason *reason)
{
    lzma_stream_flags header, footer;

    // Padding of zero words may follow the stream.
    while (in_bytes >= 4 && memcmp(in + in_bytes - 4, "\0\0\0\0", 4) == 0) {
        in_bytes -= 4;
    }
    if (in_bytes < 2 * LZMA_STREAM_HEADER_SIZE ||
        lzma_stream_header_decode(&header, in) != LZMA_OK ||
        lzma_stream_footer_decode(&footer, in + in_bytes - LZMA_STREAM_HEADER_SIZE) != LZMA_OK ||
        footer.backward_size > in_bytes - 2 * LZMA_STREAM_HEADER_SIZE) {
        return damaged(reason);
    }
    const uint8_t *index = in + in_bytes - LZMA_STREAM_HEADER_SIZE - footer.backward_size;
    uint64_t filters = filter_memory(in + LZMA_STREAM_HEADER_SIZE,
                                     in_bytes - LZMA_STREAM_HEADER_SIZE, header.check);
    sizes->out_bytes = sum_index(index, footer.backward_size);
    if (filters == UINT64_MAX || sizes->out_bytes == UINT64_MAX) {
        return damaged(reason);
    }
    sizes->scratch_bytes = filters + DECODER_BYTES;
    return 0;
}

// Only zero words may be left after the stream.
static bool is_padding(const uint8_t *in, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (in[i] != 0) {
            return false;
        }
    }
    return bytes % 4 == 0;
}

static int unpack(const uint8_t *in, size_t in_bytes, uint8_t *out, size_t *out_bytes,
                  struct arena *scratch, struct reason *reason)
{
    lzma_allocator allocator = {.alloc = allocate, .free = release, .opaque = scratch};
    uint64_t memory_limit = scratch->size_bytes;
    size_t in_at = 0, out_at = 0;

    lzma_ret result = lzma_stream_buffer_decode(&memory_limit, 0, &allocator, in, &in_at, in_bytes,
                                                out, &out_at, *out_bytes);
    if (result == LZMA_MEM_ERROR || result == LZMA_MEMLIMIT_ERROR) {
        return refuse(reason, ENOMEM,
                      "kernel payload needs more memory to unpack than it says (xz)");
    }
    if (result == LZMA_OPTIONS_ERROR) {
        return refuse(reason, EOPNOTSUPP, "kernel payload uses an xz filter that is not known");
    }
    if (result != LZMA_OK || !is_padding(in + in_at, in_bytes - in_at)) {
        return damaged(reason);
    }
    *out_bytes = out_at;
    return 0;
}

const struct unpacker unpack_xz = {
    .name = "xz",
    .magic = {0xfd, '7', 'z', 'X', 'Z', 0x00},
    .magic_bytes = 6,
    .measure = measure,
    .unpack = unpack,
};
