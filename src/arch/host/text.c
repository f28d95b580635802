// SPDX-License-Identifier: Apache-2.0
// A process's "instructions" are a test's own bytes.
#include "arch/text.h"

#include "lib/string.h"

void arch_write_text(void *where, const void *from, size_t bytes)
{
    memcpy(where, from, bytes);
}
