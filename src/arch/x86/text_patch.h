// SPDX-License-Identifier: Apache-2.0
// Changing instructions at start of day, where a processor lacks or needs something.
#pragma once

#include <stddef.h>

/*
 * Overwrites `bytes` of the image's text or read-only data, at the address it is linked at. No
 * mapping of either is writable, the direct map's included; this is the one way in. Only while no
 * other CPU runs.
 */
void text_patch(void *where, const void *from, size_t bytes);
