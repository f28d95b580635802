// SPDX-License-Identifier: Apache-2.0
// What a fuzzer insists on.
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void must(bool condition, const char *file, const char *what)
{
    if (!condition) {
        fprintf(stderr, "%s: %s\n", file, what);
        abort();
    }
}
#define MUST(condition) must((condition), __FILE__, #condition)
