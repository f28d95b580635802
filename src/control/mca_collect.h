// SPDX-License-Identifier: Apache-2.0
// Errors of processors: looked for every while, when a processor says that it has corrected one,
// and after a machine check; told to domain 0 by telemetry and VIRQ_MCA.
#pragma once

#include "domain/vcpu.h"

/* Once all CPUs have started: hooks, the timer, and what each processor has to be told. */
void mca_start(void);

/*
 * A machine check came: in this vCPU, or in Pavise where it is NULL (between any two instructions:
 * no lock is taken). Returns if the machine can go on; the guest has been told, or is being ended.
 */
void mca_machine_check(struct vcpu *v);

/* What this CPU's banks have, to the log, for a panic. */
void mca_log_banks(void);
