// SPDX-License-Identifier: Apache-2.0
// The seam to a CPU's start, up to its last steps before guests run on it.
#pragma once

#include "lib/compiler.h"

/*
 * Make the first CPU's own region (stacks, descriptor tables), load it, and go on in `function` on
 * its stack. Needs the allocator.
 */
noreturn_fn void arch_run_on_cpu_stack(void (*function)(void));

/*
 * Give CPU `id` its own region, with `cpus[id]` in it. It does not run yet. First CPU. -ENOMEM.
 */
must_check int arch_create_cpu(unsigned int id);

/* The first instructions of other processors need so many bytes of a page below 1 MiB. */
#define CPU_ENTRY_LIMIT (1UL << 20)

/*
 * Start the processor that has this APIC ID as CPU `id`, which was created: it comes by way of the
 * page of RAM at `entry`, below CPU_ENTRY_LIMIT, whose contents are lost, and goes on in `function`
 * on its own stack, with control registers, descriptor tables and local APIC as on the first CPU.
 * Takes milliseconds; one at a time. Returns 0 once it runs; -EIO: the APIC could not send; -ETIME:
 * no answer; -EOPNOTSUPP: it lacks something that the first CPU has (which, the log says). After an
 * error the processor has been reset and will not come; `id` is free for another.
 */
must_check int arch_start_cpu(unsigned int id, uint32_t apic_id, uint64_t entry,
                              void (*function)(void));

/* Sizes of register areas, processor features that entry code depends on. Once, before vCPUs. */
void arch_prepare_guests(void);

/* Leave start of day for whatever is to run. */
noreturn_fn void arch_enter_guests(void);
