// SPDX-License-Identifier: Apache-2.0
// gzip (RFC 1952), by zlib. The stream's last word is the unpacked size modulo 4 GiB.
#include "build/unpack.h"

#include <zlib.h>

#include "abi/errno.h"
#include "lib/string.h"

enum {
    // zlib's inflate state, and a window of 32 KiB that it keeps when a call ends before the
    // stream.
    SCRATCH_BYTES = 64 << 10,
    SHORTEST_BYTES = 18, // a header and a trailer with nothing between
    GZIP_WRAPPER = 16,   // inflateInit2: add to the window's logarithm to expect gzip's header
};

static void *allocate(void *arena, unsigned int items, unsigned int item_bytes)
{
    size_t bytes;

    return __builtin_mul_overflow((size_t)items, (size_t)item_bytes, &bytes)
               ? NULL
               : arena_alloc(arena, bytes);
}

static void release(void *arena, void *p)
{
    arena_free(arena, p);
}

static int measure(const uint8_t *in, size_t in_bytes, struct unpack_sizes *sizes,
                   struct reason *reason)
{
    uint32_t size;

    if (in_bytes < SHORTEST_BYTES) {
        return refuse(reason, ENOEXEC, "kernel payload is cut short (gzip)");
    }
    memcpy(&size, in + in_bytes - sizeof(size), sizeof(size));
    sizes->out_bytes = size;
    sizes->scratch_bytes = SCRATCH_BYTES;
    return 0;
}

static int unpack(const uint8_t *in, size_t in_bytes, uint8_t *out, size_t *out_bytes,
                  struct arena *scratch, struct reason *reason)
{
    z_stream stream = {
        .next_in = (Bytef *)(uintptr_t)in, // zlib has no const here, and writes nothing
        .avail_in = (uInt)in_bytes,
        .next_out = out,
        .avail_out = (uInt)*out_bytes,
        .zalloc = allocate,
        .zfree = release,
        .opaque = scratch,
    };

    if (in_bytes > UINT32_MAX || *out_bytes > UINT32_MAX) {
        return refuse(reason, ENOEXEC, "kernel payload is larger than 4 GiB (gzip)");
    }
    if (inflateInit2(&stream, MAX_WBITS + GZIP_WRAPPER) != Z_OK) {
        return refuse(reason, ENOMEM, "no memory to unpack the kernel (gzip)");
    }
    int result = inflate(&stream, Z_FINISH);
    *out_bytes = stream.total_out;
    (void)inflateEnd(&stream);
    if (result != Z_STREAM_END || stream.avail_in != 0) {
        return refuse(reason, ENOEXEC, "kernel payload is damaged (gzip)");
    }
    return 0;
}

const struct unpacker unpack_gzip = {
    .name = "gzip",
    .magic = {0x1f, 0x8b},
    .magic_bytes = 2,
    .keeps_size_trailer = true,
    .measure = measure,
    .unpack = unpack,
};
