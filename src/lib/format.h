// SPDX-License-Identifier: Apache-2.0
// Formatted text into a buffer: the part of C's vsnprintf() that a hypervisor needs.
//
// Conversions d i u x X c s p %, flags - 0 # + space, width and precision as numbers or *, lengths
// hh h l ll z j t. Anything else is copied as it stands. No floating point, no %n, no locale.
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "lib/compiler.h"

/*
 * Writes at most `capacity` bytes to `to`, the terminating zero included (nothing when it is 0).
 * Returns the length that the whole text has without it: a result >= capacity says it was cut.
 */
size_t format_text(char *to, size_t capacity, const char *format, ...) printf_like(3, 4);
size_t format_text_v(char *to, size_t capacity, const char *format, va_list arguments)
    printf_like(3, 0);
