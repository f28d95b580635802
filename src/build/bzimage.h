// SPDX-License-Identifier: Apache-2.0
// Linux's bzImage: real-mode code with a header, then protected-mode code with the kernel proper as
// its payload (The Linux/x86 Boot Protocol).
#pragma once

#include "build/reason.h"
#include "lib/compiler.h"

struct bzimage {
    uint16_t version; /* of the boot protocol, 0x020f is 2.15 */
    const uint8_t *payload;
    size_t payload_bytes;
};

/* Whether the image has the boot protocol's marks. */
bool bzimage_detect(const void *image, size_t size_bytes);

/* Finds the payload. -ENOEXEC where the image is older than protocol 2.08, or damaged. */
must_check int bzimage_open(struct bzimage *bzimage, const void *image, size_t size_bytes,
                            struct reason *reason);
