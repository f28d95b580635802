// SPDX-License-Identifier: Apache-2.0
// The leaves behind the host's cpuid.h.
#include "arch/cpuid.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_LEAVES = 64 };

static struct {
    uint32_t leaf, subleaf;
    struct cpuid_regs value;
} leaves[MAX_LEAVES];
static unsigned used;

static struct cpuid_regs *find(uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < used; i++) {
        if (leaves[i].leaf == leaf && leaves[i].subleaf == subleaf) {
            return &leaves[i].value;
        }
    }
    return NULL;
}

void host_cpuid_set(uint32_t leaf, uint32_t subleaf, struct cpuid_regs value)
{
    struct cpuid_regs *known = find(leaf, subleaf);

    if (known != NULL) {
        *known = value;
        return;
    }
    if (used == MAX_LEAVES) {
        fprintf(stderr, "host: too many CPUID leaves\n");
        abort();
    }
    leaves[used].leaf = leaf;
    leaves[used].subleaf = subleaf;
    leaves[used++].value = value;
}

void host_cpuid_forget(void)
{
    used = 0;
}

struct cpuid_regs host_cpuid(uint32_t leaf, uint32_t subleaf)
{
    const struct cpuid_regs *known = find(leaf, subleaf);

    return known != NULL ? *known : (struct cpuid_regs){0};
}
