// SPDX-License-Identifier: Apache-2.0
// zstd (RFC 8878), in one call from all of the input to all of the output: so the window, which
// kernels choose as large as 128 MiB, needs no memory of its own.
#include "build/unpack.h"

#define ZSTD_STATIC_LINKING_ONLY // for contexts in the caller's memory
#include <zstd.h>

#include "abi/errno.h"

// The arena's first byte may need moving up to its alignment.
enum { ALIGNMENT_BYTES = 16 };

static int measure(const uint8_t *in, size_t in_bytes, struct unpack_sizes *sizes,
                   struct reason *reason)
{
    unsigned long long bound = ZSTD_decompressBound(in, in_bytes);

    if (bound == ZSTD_CONTENTSIZE_ERROR) {
        return refuse(reason, ENOEXEC, "kernel payload is damaged (zstd)");
    }
    sizes->out_bytes = bound;
    sizes->scratch_bytes = ZSTD_estimateDCtxSize() + ALIGNMENT_BYTES;
    return 0;
}

static int unpack(const uint8_t *in, size_t in_bytes, uint8_t *out, size_t *out_bytes,
                  struct arena *scratch, struct reason *reason)
{
    size_t workspace_bytes = ZSTD_estimateDCtxSize();
    void *workspace = arena_alloc(scratch, workspace_bytes);
    ZSTD_DCtx *context = workspace == NULL ? NULL : ZSTD_initStaticDCtx(workspace, workspace_bytes);

    if (context == NULL) {
        return refuse(reason, ENOMEM, "no memory to unpack the kernel (zstd)");
    }
    size_t got = ZSTD_decompressDCtx(context, out, *out_bytes, in, in_bytes);
    if (ZSTD_isError(got)) {
        return refuse(reason, ENOEXEC, "kernel payload is damaged (zstd: %s)",
                      ZSTD_getErrorName(got));
    }
    *out_bytes = got;
    return 0;
}

const struct unpacker unpack_zstd = {
    .name = "zstd",
    .magic = {0x28, 0xb5, 0x2f, 0xfd},
    .magic_bytes = 4,
    .measure = measure,
    .unpack = unpack,
};
