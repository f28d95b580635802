// SPDX-License-Identifier: Apache-2.0
// Names for the hypervisor's own code addresses, from the table that the build links in.
#pragma once

#include "lib/compiler.h"

struct symbol {
    const char *name;
    uintptr_t offset; /* of the address from the function's start */
};

/* The function that `address` lies in. False, and `found` untouched, where it is no code of ours.
 */
bool symbol_find(uintptr_t address, struct symbol *found);

#define SYMBOL_TEXT_MAX 80

/* "name+0x1f", or the bare address where it has no name, into `to`, which is returned. */
const char *symbol_describe(uintptr_t address, char to[SYMBOL_TEXT_MAX]);
