// SPDX-License-Identifier: Apache-2.0
// Why a domain can't be built, in one line for the person who chose the kernel.
#pragma once

#include "lib/compiler.h"

struct reason {
    char text[160];
};

/* Writes the reason, cut at its end, and returns -error:
 *     return refuse(reason, ENOEXEC, "kernel is for loader %s, not generic", loader);
 */
int refuse(struct reason *reason, int error, const char *format, ...) printf_like(3, 4);
