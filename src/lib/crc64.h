// SPDX-License-Identifier: Apache-2.0
// CRC-64 as ECMA-182 has it, bits reflected: the check sum of xz files that were made with xz's
// defaults.
#pragma once

#include "lib/compiler.h"

/* `crc` is 0, or the value of the bytes before. Not for two CPUs at once: the first call makes a
 * table. */
uint64_t crc64(const void *bytes, size_t size_bytes, uint64_t crc);
