// SPDX-License-Identifier: Apache-2.0
// Changing instructions at start of day.
#include "arch/text.h"

#include "cpu_features.h"
#include "instructions.h"
#include "lib/string.h"

/* With CR0.WP clear, ring 0 may write to read-only pages. Loading CR0 drops prefetched code. */
void arch_write_text(void *where, const void *from, size_t bytes)
{
    uint64_t cr0 = read_cr0();

    write_cr0(cr0 & ~CR0_WP);
    memcpy(where, from, bytes);
    write_cr0(cr0);
}
