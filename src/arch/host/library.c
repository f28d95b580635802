// SPDX-License-Identifier: Apache-2.0
// A process is what library code expects; only the pairing of the two calls is checked.
#include "arch/library.h"

#include <assert.h>
#include <stdbool.h>

static _Thread_local bool inside;

void arch_library_enter(void)
{
    assert(!inside);
    inside = true;
}

void arch_library_leave(void)
{
    assert(inside);
    inside = false;
}
