// SPDX-License-Identifier: Apache-2.0
// The other processors.
#pragma once

#include "boot/boot_info.h"

/*
 * Starts all that firmware names, one after the other, up to what the options `maxcpus` and `nosmp`
 * allow; those that don't answer are reported and left out. Settles how CPUs idle
 * (boot/idle.h) before, and after that what time is computed from, as their time-stamp counters
 * agree or not (boot/clocks.h). After irqs_start() and sched_init_cpu(0), before a domain is
 * created.
 */
void cpus_start(const struct boot_info *info);

/*
 * A page of usable memory that processors can begin in, free of modules: physical address, 0 where
 * there is none.
 */
uint64_t cpus_entry_page(const struct boot_info *info);
