// SPDX-License-Identifier: Apache-2.0
// What each compression format offers to decompress.c; nobody else includes this.
#pragma once

#include "build/arena.h"
#include "build/reason.h"
#include "lib/compiler.h"

/* Sizes that unpacking needs, known from headers alone. Upper bounds, computed from untrusted
 * bytes. */
struct unpack_sizes {
    uint64_t out_bytes;
    uint64_t scratch_bytes;
};

struct unpacker {
    const char *name;
    uint8_t magic[6];
    uint8_t magic_bytes;
    /* A size appended to the payload is the stream's own last word and has to stay. */
    bool keeps_size_trailer;

    /* Fills `sizes`; out_bytes is an upper bound. */
    int (*measure)(const uint8_t *in, size_t in_bytes, struct unpack_sizes *sizes,
                   struct reason *reason);

    /* Unpacks all of `in`; `out_bytes` is the room on entry and what was written on success. */
    int (*unpack)(const uint8_t *in, size_t in_bytes, uint8_t *out, size_t *out_bytes,
                  struct arena *scratch, struct reason *reason);
};

extern const struct unpacker unpack_gzip, unpack_xz, unpack_zstd, unpack_lz4;
