// SPDX-License-Identifier: Apache-2.0
// Unpacking kernels: gzip, xz, zstd and LZ4 (the legacy frame that kernels use), by the
// distribution's libraries. They get all their memory from the caller, and never more.
#pragma once

#include "build/reason.h"
#include "lib/compiler.h"

struct unpacker;

/* A compressed image, and what it takes to unpack it. */
struct packed {
    const struct unpacker *unpacker;
    const uint8_t *bytes;
    size_t size_bytes;
    uint64_t out_bytes;     /* what it unpacks to, or an upper bound */
    bool out_bytes_exact;   /* unpacking to any other size is an error */
    uint64_t scratch_bytes; /* what the library needs meanwhile */
};

/* Whether the bytes start with the magic number of any compression format, unpackable or not. */
bool packed_detect(const void *bytes, size_t size_bytes);

/*
 * Recognise the format and learn the sizes. With `size_trailer`, the last four bytes are the
 * unpacked size, as Linux's build appends it to a bzImage's payload. -EOPNOTSUPP: a format that is
 * not unpacked here; -ENOEXEC: not a format, or a damaged header.
 */
must_check int packed_open(struct packed *packed, const void *bytes, size_t size_bytes,
                           bool size_trailer, struct reason *reason);

/*
 * Unpack to `out`, which has room for packed->out_bytes, with packed->scratch_bytes of memory at
 * `scratch`. The real size goes to `*written`. -ENOEXEC: damaged; -ENOMEM: it claimed less scratch
 * memory than it needs. Boot CPU only, before any guest has run: the libraries use SSE.
 */
must_check int packed_unpack(const struct packed *packed, void *out, void *scratch, size_t *written,
                             struct reason *reason);

/* "xz", "gzip", ... */
const char *packed_format(const struct packed *packed);
