// SPDX-License-Identifier: Apache-2.0
// Processors go offline and come back, as domain 0 says (XENPF_cpu_online and its sisters,
// XEN_SYSCTL_cpu_hotplug).
#pragma once

#include "lib/compiler.h"

/*
 * Take a CPU from guests: its vCPUs, timers and interrupts move away, and it idles. -EINVAL: no
 * such CPU, or the one that has to stay; HYPERCALL_RESTART while one of its vCPUs has not left,
 * which may be the caller's own. What is offline already stays so: 0. No lock held.
 */
must_check long cpu_take_offline(unsigned int cpu);

/* Guests may have it again. -EINVAL: no such CPU. No lock held. */
must_check long cpu_bring_online(unsigned int cpu);
