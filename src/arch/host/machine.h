// SPDX-License-Identifier: Apache-2.0
// A machine inside a process: memory, CPUs and a guest's address space for tests to set up.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/idle.h"
#include "base/cpu.h"
#include "domain/domain.h"

/*
 * A machine of `frames` page frames, all but frame 0 given to the allocator, and `cpus` CPUs of
 * which the calling thread is CPU 0. host_machine_destroy() frees everything.
 */
void host_machine_create(uint64_t frames, unsigned int cpus);
void host_machine_destroy(void);

/* The calling thread plays CPU `id` from now on. */
void host_become_cpu(unsigned int id);

/*
 * Whether each CPU is a thread, which makes the calls that are addressed to it (base/cpu_call.h)
 * itself, in cpu_relax(). Otherwise who calls does that, in their place. At first not.
 */
extern bool host_cpus_are_threads;

/*
 * Guest addresses: [host_guest_base(), + bytes) is the one range that copies succeed in; the test
 * reads and writes it directly. A test may make part of it fault.
 */
unsigned char *host_guest_memory(uint64_t bytes);
gva_t host_guest_address(const void *p);
void host_guest_fault_from(uint64_t offset); /* copies fault from this offset on; ~0: none */
void host_guest_read_only(bool on);          /* copies to it fault */

extern struct idle_state host_idle_state; /* what arch_set_idle_state() was given last */

/* What the seam was asked for since host_machine_create(). */
struct host_calls {
    unsigned long tlb_flush_local, tlb_flush_page, tlb_flush_cpus, cache_flush, bytes_flushed;
    uint64_t last_flushed_cpus, last_flushed_address;
    unsigned long kicks[MAX_CPUS];
};
extern struct host_calls host_calls;
