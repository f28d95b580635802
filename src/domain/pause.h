// SPDX-License-Identifier: Apache-2.0
// Pausing: vCPUs and whole domains kept from running for a while, and made sure to be off CPUs.
//
// Pauses nest: what was paused runs again after as many unpauses. A domain's pause also holds for
// vCPUs that are created while it lasts.
//
// Who waits for a vCPU to leave its CPU must not hold a lock, and may itself be one that another
// waits for, on the CPU that it waits for. So a wait ends early when the waiter's own vCPU is
// paused: the pause is undone, and the caller, a hypercall, starts again after its vCPU was off.
#pragma once

#include "domain/domain.h"

/* Any lock of lower rank than RANK_SCHED held. The vCPU may be on its CPU for a moment still. */
void vcpu_pause_nosync(struct vcpu *v);
void vcpu_unpause(struct vcpu *v);

/*
 * The vCPU is paused and its state is all in memory (unless it is the caller's own). No lock held.
 * HYPERCALL_RESTART: nothing was paused.
 */
must_check long vcpu_pause(struct vcpu *v);

/* The same for all vCPUs of a domain, but the caller's own. The first two take the domain's lock.
 */
void domain_pause_nosync(struct domain *d);
void domain_unpause(struct domain *d);
must_check long domain_pause(struct domain *d);

/* Wait until no vCPU of the paused domain is on a CPU. No lock held. HYPERCALL_RESTART. */
must_check long domain_wait_until_off(struct domain *d);

/*
 * DOMCTL_pausedomain and DOMCTL_unpausedomain: pauses by control software, counted apart, so that
 * it can undo none but its own. -EINVAL: it would pause the caller, or undo what was not done;
 * -EOVERFLOW: it has paused the domain very often.
 */
#define DOMAIN_MAX_CONTROLLER_PAUSES 255
must_check long domain_pause_by_controller(struct domain *d);
must_check long domain_unpause_by_controller(struct domain *d);
/*
 * A pause that control software is to undo, though another made it: the domain stops itself, so it
 * may be the caller's own and is not waited for. -EOVERFLOW, as above: then it is paused already.
 */
must_check long domain_pause_for_controller(struct domain *d);
/* For a domain that control software creates: it starts with one such pause. */
bool domain_is_paused_by_controller(const struct domain *d);

/* domain.c: the domain's lock is held, and its vCPUs change with it. */
void domain_pause_locked(struct domain *d);
void domain_unpause_locked(struct domain *d);
