// SPDX-License-Identifier: Apache-2.0
// How much a fuzzer has done: operations that could have broken something, told at the end.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern uint64_t fuzz_operations;
uint64_t fuzz_operations;

static void tell_operations(void)
{
    fprintf(stderr, "operations: %lu\n", (unsigned long)fuzz_operations);
}

__attribute__((constructor)) static void tell_at_the_end(void)
{
    atexit(tell_operations);
}
