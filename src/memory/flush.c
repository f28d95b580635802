// SPDX-License-Identifier: Apache-2.0
// Deferred TLB flushes: done when a frame's new use needs them, on the CPUs that owe one.
#include "memory/flush.h"

#include "arch/tlb.h"

uint64_t flush_clock = 1;

void flush_older_than(uint64_t stamp)
{
    uint64_t owing = 0;

    for (unsigned int id = 0; id < cpu_count; id++) {
        if (READ_ONCE(cpus[id]->flush_stamp) <= stamp && !READ_ONCE(cpus[id]->holds_no_guest)) {
            owing |= 1ULL << id;
        }
    }
    if (owing != 0) {
        arch_tlb_flush_cpus(owing);
    }
}
