// SPDX-License-Identifier: Apache-2.0
// Pauses of vCPUs and domains, and the wait until they have left their CPUs.
#include "domain/pause.h"

#include "abi/errno.h"
#include "base/cpu.h"
#include "base/hypercall.h"
#include "base/panic.h"

/* ---- one vCPU ------------------------------------------------------------------------------- */

void vcpu_pause_nosync(struct vcpu *v)
{
    if (__atomic_add_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST) == 1) {
        vcpu_set_pause(v, VCPU_PAUSED);
    }
}

void vcpu_unpause(struct vcpu *v)
{
    if (__atomic_sub_fetch(&v->pause_count, 1, __ATOMIC_SEQ_CST) == 0) {
        vcpu_clear_pause(v, VCPU_PAUSED);
    }
}

/* Somebody may be waiting for this CPU's vCPU to leave. */
static bool own_vcpu_is_paused(void)
{
    const uint32_t paused = VCPU_PAUSED | VCPU_DOMAIN_PAUSED;
    const struct vcpu *self = current_vcpu();

    return self && (READ_ONCE(self->pause) & paused) != 0;
}

static long wait_until_off(struct vcpu *v)
{
    while (v != current_vcpu() && vcpu_on_cpu && vcpu_on_cpu(v)) {
        if (own_vcpu_is_paused()) {
            return HYPERCALL_RESTART;
        }
        cpu_relax();
    }
    return 0;
}

long vcpu_pause(struct vcpu *v)
{
    long result;

    vcpu_pause_nosync(v);
    result = wait_until_off(v);
    if (result != 0) {
        vcpu_unpause(v);
    }
    return result;
}

/* ---- a domain ------------------------------------------------------------------------------- */

static void for_each_vcpu(struct domain *d, void (*change)(struct vcpu *v, enum vcpu_pause why))
{
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        if (d->vcpus[i]) {
            change(d->vcpus[i], VCPU_DOMAIN_PAUSED);
        }
    }
}

void domain_pause_locked(struct domain *d)
{
    if (d->pause_count++ == 0) {
        for_each_vcpu(d, vcpu_set_pause);
    }
}

void domain_unpause_locked(struct domain *d)
{
    BUG_ON(d->pause_count == 0);
    if (--d->pause_count == 0) {
        for_each_vcpu(d, vcpu_clear_pause);
    }
}

void domain_pause_nosync(struct domain *d)
{
    spin_lock(&d->lock);
    domain_pause_locked(d);
    spin_unlock(&d->lock);
}

void domain_unpause(struct domain *d)
{
    spin_lock(&d->lock);
    domain_unpause_locked(d);
    spin_unlock(&d->lock);
}

long domain_wait_until_off(struct domain *d)
{
    long result = 0;

    for (unsigned int i = 0; i < d->max_vcpus && result == 0; i++) {
        struct vcpu *v = READ_ONCE(d->vcpus[i]);
        result = v ? wait_until_off(v) : 0;
    }
    return result;
}

long domain_pause(struct domain *d)
{
    long result;

    domain_pause_nosync(d);
    result = domain_wait_until_off(d);
    if (result != 0) {
        domain_unpause(d);
    }
    return result;
}

/* ---- by control software -------------------------------------------------------------------- */

long domain_pause_for_controller(struct domain *d)
{
    long result = -EOVERFLOW;

    spin_lock(&d->lock);
    if (d->controller_pauses < DOMAIN_MAX_CONTROLLER_PAUSES) {
        WRITE_ONCE(d->controller_pauses, d->controller_pauses + 1);
        domain_pause_locked(d);
        result = 0;
    }
    spin_unlock(&d->lock);
    return result;
}

long domain_pause_by_controller(struct domain *d)
{
    long result;

    if (current_vcpu() && d == current_vcpu()->domain) {
        return -EINVAL;
    }
    result = domain_pause_for_controller(d);
    if (result == 0) {
        result = domain_wait_until_off(d);
        if (result != 0) {
            (void)!domain_unpause_by_controller(d);
        }
    }
    return result;
}

long domain_unpause_by_controller(struct domain *d)
{
    long result = -EINVAL;

    spin_lock(&d->lock);
    if (d->controller_pauses != 0) {
        WRITE_ONCE(d->controller_pauses, d->controller_pauses - 1);
        domain_unpause_locked(d);
        result = 0;
    }
    spin_unlock(&d->lock);
    return result;
}

bool domain_is_paused_by_controller(const struct domain *d)
{
    return READ_ONCE(d->controller_pauses) != 0;
}
