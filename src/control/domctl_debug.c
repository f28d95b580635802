// SPDX-License-Identifier: Apache-2.0
// domctl: what a debugger needs of a domain: its memory by the guest's addresses, vCPUs that stop,
// at breakpoints and by themselves.
#include "abi/errno.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "base/hypercall.h"
#include "control/domctl.h"
#include "domain/pause.h"
#include "memory/allocator.h"
#include "mmu/peek.h"

#define NO_VCPU UINT32_MAX /* domstatus: none has stopped the domain */

/*
 * From now on breakpoints and debug exceptions of its kernel stop it (pv/debug.h), or no longer.
 * Stops of an earlier debugger's are forgotten; the pauses stay until somebody unpauses. -EINVAL:
 * of oneself.
 */
long domctl_set_debugging(struct domain *d, struct xen_domctl *op)
{
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = domctl_vcpu(d, i);
        if (v) {
            WRITE_ONCE(v->debugger_event, 0);
        }
    }
    spin_lock(&d->lock);
    WRITE_ONCE(d->debugged, op->u.setdebugging.enable != 0);
    spin_unlock(&d->lock);
    return 0;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Copy one page's part; its bytes, or 0 where either side has nothing to copy from or to. */
static uint32_t copy_part(struct domain *d, const struct xen_domctl_gdbsx_memio *m, uint32_t done,
                          uint8_t *buffer)
{
    uint64_t address = m->gva + done;
    uint32_t bytes = MIN(m->len - done, (uint32_t)(PAGE_SIZE - address % PAGE_SIZE));
    gva_t ours = gva(m->uva + done);

    if (m->gwr != 0) {
        return copy_from_guest(buffer, ours, bytes) == 0 &&
                       peek_write(d->vcpus[0], address, buffer, bytes) == 0
                   ? bytes
                   : 0;
    }
    return peek_read(d->vcpus[0], address, buffer, bytes) == 0 &&
                   copy_to_guest(ours, buffer, bytes) == 0
               ? bytes
               : 0;
}

static long copy_all(struct domain *d, struct xen_domctl_gdbsx_memio *m, uint8_t *buffer)
{
    uint32_t done = 0, bytes = 1;

    while (done < m->len && bytes != 0 && !(done > 0 && should_stop())) {
        bytes = copy_part(d, m, done, buffer);
        done += bytes;
    }
    m->remain = m->len - done;
    return m->remain != 0 && bytes == 0 ? -EFAULT : 0;
}

/*
 * By the address space of the kernel of its first vCPU. `remain` says how much was not copied: what
 * lies behind an address where nothing is mapped (-EFAULT), or what the caller is to ask for again.
 * -EINVAL: of oneself; -ESRCH: it has no vCPU.
 */
long domctl_debug_memory(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_gdbsx_memio *m = &op->u.gdbsx_guest_memio;
    uint8_t *buffer;
    long result;

    if (!domctl_vcpu(d, 0)) {
        return -ESRCH;
    }
    buffer = page_alloc();
    if (!buffer) {
        return -ENOMEM;
    }
    m->remain = m->len;
    result = domain_pause(d);
    if (result == 0) {
        result = copy_all(d, m, buffer);
        domain_unpause(d);
    }
    page_free(buffer);
    return result;
}

/* ---- stopping -------------------------------------------------------------------------------- */

/* -EINVAL: no such vCPU, the caller itself; -EBUSY: it was stopped before. */
long domctl_debug_pause(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = domctl_vcpu(d, op->u.gdbsx_pauseunp_vcpu.vcpu);
    long result;

    if (!v || v == current_vcpu()) {
        return -EINVAL;
    }
    if (v->debugger_paused) {
        return -EBUSY;
    }
    result = vcpu_pause(v);
    v->debugger_paused = result == 0;
    return result;
}

/* -EINVAL: no such vCPU, or a debugger has not stopped it. */
long domctl_debug_unpause(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = domctl_vcpu(d, op->u.gdbsx_pauseunp_vcpu.vcpu);

    if (!v || !v->debugger_paused) {
        return -EINVAL;
    }
    v->debugger_paused = false;
    vcpu_unpause(v);
    return 0;
}

/*
 * Whether the domain is paused, and which of its vCPUs has stopped it by what vector. Each stop is
 * told once, the lowest vCPU's first.
 */
long domctl_debug_status(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_gdbsx_domstatus *status = &op->u.gdbsx_domstatus;

    *status = (struct xen_domctl_gdbsx_domstatus){
        .paused = domain_is_paused_by_controller(d),
        .vcpu_id = NO_VCPU,
    };
    for (unsigned int i = 0; i < d->max_vcpus && status->paused && status->vcpu_ev == 0; i++) {
        struct vcpu *v = domctl_vcpu(d, i);
        status->vcpu_ev = v ? __atomic_exchange_n(&v->debugger_event, 0, __ATOMIC_SEQ_CST) : 0;
        status->vcpu_id = status->vcpu_ev != 0 ? i : NO_VCPU;
    }
    return 0;
}
