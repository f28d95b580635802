// SPDX-License-Identifier: Apache-2.0
// Seam: changing Pavise's own instructions, which no mapping lets anybody write.
#pragma once

#include "lib/compiler.h"

/*
 * Overwrites `bytes` of the image's text or read-only data, at the address it is linked at. No
 * mapping of either is writable, the direct map's included; this is the one way in. Only at start
 * of day, while no other CPU runs.
 */
void arch_write_text(void *where, const void *from, size_t bytes);
