// SPDX-License-Identifier: Apache-2.0
// Backtraces in a process: the C library knows how. The process has no symbol table of Pavise's; a
// test that wants one defines its own.

#include "arch/backtrace.h"

#include <execinfo.h>

extern const uint32_t symbol_count, symbol_addresses[], symbol_names_offsets[];
extern const char symbol_names[];
extern struct image_text host_image_text;

__attribute__((weak)) const uint32_t symbol_count = 0;
__attribute__((weak)) const uint32_t symbol_addresses[1] = {0};
__attribute__((weak)) const uint32_t symbol_names_offsets[1] = {0};
__attribute__((weak)) const char symbol_names[1] = "";

/* A test with a symbol table says here where the code lies. */
struct image_text host_image_text;

size_t arch_backtrace(uintptr_t frame_pointer, uintptr_t *return_addresses, size_t max)
{
    int count = backtrace((void **)return_addresses, (int)max);
    return count > 0 ? (size_t)count : 0;
}

struct image_text arch_image_text(void)
{
    return host_image_text;
}
