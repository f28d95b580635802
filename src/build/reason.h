// SPDX-License-Identifier: Apache-2.0
// Why a domain can't be built, in one line for the person who chose the kernel.
#pragma once

#include "lib/compiler.h"

struct reason {
    char text[160];
};

/*
 * Joins the given strings into the reason's text (cut at its end) and returns -error:
 *
 *     return refuse(reason, ENOEXEC, "kernel is for ", machine, ", not for x86");
 *
 * A number is a string by decimal(n).text.
 */
#define refuse(reason, error, ...) \
    reason_set(reason, error, (const char *const[]){__VA_ARGS__, NULL})

int reason_set(struct reason *reason, int error, const char *const *parts);

struct decimal {
    char text[21];
};

struct decimal decimal(uint64_t n);

/* MiB that hold `bytes`, for messages. */
struct decimal decimal_mib(uint64_t bytes);
