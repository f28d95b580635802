// SPDX-License-Identifier: Apache-2.0
// For tests that start CPUs: which processors answer, and the end of the threads that play them.
#pragma once

#include <stdint.h>

/* What arch_start_cpu() returns for a processor; NULL: all answer. */
extern int (*host_processor_answers)(uint32_t apic_id);

/* After arch_enter_guests() a CPU's thread ends; this waits for all. */
void host_join_cpus(void);
