// SPDX-License-Identifier: Apache-2.0
// LZ4's legacy frame ("lz4 -l", what Linux's build makes): a magic number, then blocks, each a
// 32-bit compressed size and its bytes, of which each unpacks to at most 8 MiB. There is no end
// mark and no check sum. (lz4_Frame_format.md, "Legacy frame".)
#include "build/unpack.h"

#include <lz4.h>

#include "abi/errno.h"
#include "lib/string.h"

#define LEGACY_MAGIC       0x184c2102u
#define LEGACY_BLOCK_BYTES (8u << 20)

struct block {
    const uint8_t *bytes;
    uint32_t size_bytes;
};

// Takes the next block off `*in`; false at the end. -ENOEXEC goes to `*error` where it is cut
// short.
static bool next_block(const uint8_t **in, size_t *left, struct block *block, int *error)
{
    uint32_t word;

    do {
        *error = *left == 0 ? 0 : -ENOEXEC;
        if (*left < sizeof(word)) {
            return false;
        }
        memcpy(&word, *in, sizeof(word));
        *in += sizeof(word);
        *left -= sizeof(word);
    } while (word == LEGACY_MAGIC); // Frames may follow each other.

    if (word == 0 || word > *left) {
        *error = -ENOEXEC;
        return false;
    }
    *block = (struct block){.bytes = *in, .size_bytes = word};
    *in += word;
    *left -= word;
    return true;
}

static int damaged(struct reason *reason)
{
    return refuse(reason, ENOEXEC, "kernel payload is damaged (lz4)");
}

static int measure(const uint8_t *in, size_t in_bytes, struct unpack_sizes *sizes,
                   struct reason *reason)
{
    struct block block;
    int error;

    while (next_block(&in, &in_bytes, &block, &error)) {
        sizes->out_bytes += LEGACY_BLOCK_BYTES;
    }
    return error == 0 ? 0 : damaged(reason);
}

static int unpack(const uint8_t *in, size_t in_bytes, uint8_t *out, size_t *out_bytes,
                  struct arena *scratch, struct reason *reason)
{
    size_t room = *out_bytes;
    struct block block;
    int error;

    *out_bytes = 0;
    while (next_block(&in, &in_bytes, &block, &error)) {
        size_t block_room = MIN(room - *out_bytes, (size_t)LEGACY_BLOCK_BYTES);
        if (block.size_bytes > (uint32_t)LZ4_COMPRESSBOUND(LEGACY_BLOCK_BYTES)) {
            return damaged(reason);
        }
        int got = LZ4_decompress_safe((const char *)block.bytes, (char *)out + *out_bytes,
                                      (int)block.size_bytes, (int)block_room);
        if (got < 0) {
            return damaged(reason);
        }
        *out_bytes += (size_t)got;
    }
    return error == 0 ? 0 : damaged(reason);
}

const struct unpacker unpack_lz4 = {
    .name = "lz4",
    .magic = {0x02, 0x21, 0x4c, 0x18},
    .magic_bytes = 4,
    .measure = measure,
    .unpack = unpack,
};
