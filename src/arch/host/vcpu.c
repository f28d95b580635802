// SPDX-License-Identifier: Apache-2.0
// A vCPU's processor state, in a process: there is none, switches are counted.
#include "arch/vcpu.h"

#include "arch/guest.h"

/* Which vCPU was switched to last, and how often one was. */
struct vcpu *host_last_vcpu;
unsigned long host_vcpu_switches;

void arch_vcpu_switch(struct vcpu *from, struct vcpu *to)
{
    __atomic_store_n(&host_last_vcpu, to, __ATOMIC_RELAXED);
    __atomic_add_fetch(&host_vcpu_switches, 1, __ATOMIC_RELAXED);
}

int arch_copy_to_guest_kernel(gva_t to, const void *from, size_t bytes)
{
    return copy_to_guest(to, from, bytes);
}

int arch_copy_from_guest_kernel(void *to, gva_t from, size_t bytes)
{
    return copy_from_guest(to, from, bytes);
}
