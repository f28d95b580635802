// SPDX-License-Identifier: Apache-2.0
// Event channels, as other rooms see them: the hypercalls, sending, polling, a vCPU's event words.
//
// An event is one bit. It becomes pending by a send; the change from 0 to 1 of an unmasked one
// tells the vCPU that the port is bound to (an upcall), a masked one tells nobody, and a second
// send of a pending one does nothing. The rules are those of <xen/event_channel.h> and of the
// comments on struct shared_info and struct vcpu_info in the interface's xen.h.
//
// Unless a function says otherwise it may be called on any CPU with any lock below RANK_EVENT
// held, and the caller knows that the domain's record stays.
#pragma once

#include "abi/xen.h"
#include "domain/domain.h"
#include "lib/address.h"
#include "lib/compiler.h"

/*
 * Start of day: registers the room's part of a domain, and says who hears of domains' ends and of
 * memory that runs out.
 */
void event_init(void);

/* Hypercalls 32 and 16. */
long hypercall_event_channel_op(uint64_t cmd, gva_t arg);
long hypercall_event_channel_op_compat(gva_t op);

/* ---- sending: any lock up to RANK_EVENT, and interrupt handlers, may do it ------------------ */

/*
 * Send a virtual interrupt of the per-vCPU kind (VIRQ_TIMER, VIRQ_DEBUG, ...), or of the global
 * kind to one domain by its vCPU 0. Nothing happens where the guest has not bound it.
 */
void event_send_virq(struct vcpu *v, unsigned int virq);

/*
 * Send a global virtual interrupt to the domain that handles it: domain 0, unless
 * event_set_virq_handler() chose another. Takes RANK_EVENT.
 */
void event_send_global_virq(unsigned int virq);

/*
 * XEN_DOMCTL_set_virq_handler's effect: `d` gets the global interrupt from now on, until it dies.
 * -EINVAL: not a global one, or the domain is dying.
 */
must_check int event_set_virq_handler(struct domain *d, unsigned int virq);

/* Send through a port that is bound to a physical interrupt; others are left alone. */
void event_send_port(struct domain *d, evtchn_port_t port);

/* The vCPU that a port tells just now; NULL: no such port. No lock is taken. */
struct vcpu *event_port_vcpu(struct domain *d, evtchn_port_t port);

/* ---- physical interrupts -------------------------------------------------------------------- */

/* What the room that manages physical interrupts does when a port is bound or closed. */
struct event_pirq_ops {
    /*
     * Let interrupt `pirq` arrive at `port` by event_send_port(). `flags` are BIND_PIRQ__*.
     * -EINVAL no such interrupt, -EPERM not allowed, -EEXIST bound already, -EBUSY not shared.
     * RANK_EVENT is held by both; they may take RANK_IRQ.
     */
    int (*bind)(struct domain *d, uint32_t pirq, uint32_t flags, evtchn_port_t port);
    void (*unbind)(struct domain *d, uint32_t pirq, evtchn_port_t port);
    /* The port notifies `v` from now on; may be NULL. RANK_EVENT is held. */
    void (*follow_vcpu)(struct domain *d, uint32_t pirq, struct vcpu *v);
};
void event_register_pirq_ops(const struct event_pirq_ops *ops);

/* EVTCHNOP_unmask's effect, for calls that unmask on the way (PHYSDEVOP_eoi). -EINVAL: no port. */
must_check int event_unmask_port(struct domain *d, evtchn_port_t port);

/* ---- ports for others: builders, toolstack -------------------------------------------------- */

/* EVTCHNOP_alloc_unbound's effect. -ENOSPC, -ENOMEM; -EINVAL: dying. Takes RANK_EVENT. */
must_check int event_alloc_unbound(struct domain *d, domid_t remote, evtchn_port_t *port);

/* EVTCHNOP_close's effect. -EINVAL: not open. Takes RANK_EVENT. */
int event_close_port(struct domain *d, evtchn_port_t port);

/* No port above `max_port` is handed out from now on (createdomain's max_evtchn_port). */
void event_set_max_port(struct domain *d, uint32_t max_port);

/*
 * EVTCHNOP_reset's effect: close all ports; with `to_two_level` also leave the FIFO ABI. 0, or
 * HYPERCALL_RESTART where it has to be called again; until it is done, nothing new can be bound.
 */
must_check long event_reset(struct domain *d, bool to_two_level);

/* ---- a vCPU's event words
 * ------------------------------------------------------------------------ */

/* An upcall is due: something is pending and upcalls are not masked. */
static inline bool event_vcpu_pending(const struct vcpu *v)
{
    const struct vcpu_info *info = READ_ONCE(v->info);

    return READ_ONCE(info->evtchn_upcall_pending) != 0 && READ_ONCE(info->evtchn_upcall_mask) == 0;
}

/*
 * VCPUOP_register_vcpu_info's effect: the words move to a page of the guest's. Only once a vCPU,
 * by itself or while it is down. -ENXIO: a bad offset (the structure crosses the page, or is not
 * 8-byte aligned). -EINVAL: registered already, running elsewhere, or not a writable frame of the
 * domain's. Afterwards everything is pending, so no event is lost on the way. Takes RANK_DOMAIN.
 */
must_check int event_register_vcpu_info(struct vcpu *v, mfn_t frame, uint32_t offset);

/* ---- SCHEDOP_poll
 * ---------------------------------------------------------------------------------- */

/*
 * Begin to wait for any of `count` ports. Marks `v`, the caller's own, VCPU_POLLING; then looks.
 * 0: it sleeps until a port becomes pending (masked or not), an upcall is due, or the caller's
 * timer clears VCPU_POLLING. 1: one is pending already, or an upcall is due; it does not sleep.
 * -EINVAL: not a port; it does not sleep.
 */
must_check int event_poll(struct vcpu *v, const evtchn_port_t *ports, unsigned int count);
