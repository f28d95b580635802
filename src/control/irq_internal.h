// SPDX-License-Identifier: Apache-2.0
// Inside physical interrupts: an irq's record, a domain's table.
//
// Locks. An irq's own lock (RANK_IRQ) guards its record and is held while its events are sent, so a
// domain that is listed there stays. Which pirq means which irq changes under the domain's lock and
// is read without: whoever reads it locks the irq and looks whether the domain is listed.
//
// Legend: [I] set at start, [d] the domain's lock, [i] the irq's lock, [a] atomic.
#pragma once

#include "abi/xen.h"
#include "base/lock.h"
#include "control/irq.h"

#define IRQ_MESSAGES   192 /* more than there are vectors for devices */
#define IRQ_MAX_GUESTS 8   /* domains that share one pin */

/* A domain that an irq is mapped for. */
struct irq_guest {
    struct domain *domain;
    uint32_t pirq;
    evtchn_port_t port; /* 0: not bound */
    bool will_share;
    bool owes_eoi;
};

struct irq {
    spinlock_t lock;
    uint32_t number;            /* [I] */
    unsigned int cpu;           /* [i] where it arrives */
    struct irq_trigger trigger; /* [i] */
    bool trigger_known;         /* [i] domain 0 has told, or a domain has bound it */
    bool masked;                /* [i] */
    uint8_t guest_count;        /* [i] */
    uint8_t bound_count;        /* [i] of these have a port */
    uint8_t eois_owed;          /* [i] by so many */
    void (*handler)(void);      /* [i] Pavise's own; then there are no guests */
    uint32_t first_message;     /* [i] messages: the first of those that were mapped together */
    uint32_t message_count;     /* [i] their number; 0: not mapped */
    struct irq_source source;   /* [i] of the first */
    struct irq_guest guest[IRQ_MAX_GUESTS]; /* [i] */
};

struct domain_irqs {
    uint64_t *eoi_bits; /* [a] set under [d], goes at the domain's end: see pirq_set_eoi_page() */
    mfn_t eoi_frame;    /* [d] */
    bool unmask_ports;  /* [d] before eoi_bits is set */
    uint16_t irq_of[];  /* [a] written under [d]; by pirq */
};

#define PIRQ_FREE     0xffffU
#define PIRQ_RESERVED 0xfffeU

extern const struct irq_ops *irq_ops;

static inline bool irq_is_message(uint32_t number)
{
    return number >= irq_ops->gsi_count;
}

/* ---- irq.c ----------------------------------------------------------------------------------- */

/* The record; `number` is below pirq_limit(), which bounds irqs too. */
struct irq *irq_of(uint32_t number);

/* Whether a domain has to say when it has served it. The irq's lock is held. */
bool irq_needs_eoi(const struct irq *irq);

/*
 * Lock the irq behind a pirq and find the domain's entry. NULL, and nothing is locked: not mapped.
 */
must_check struct irq *irq_lock_pirq(const struct domain *d, uint32_t pirq,
                                     struct irq_guest **guest);

/* List a domain (-ENOSPC), or take it off: its port is unbound first. The irq's lock is held. */
must_check int irq_add_guest(struct irq *irq, struct domain *d, uint32_t pirq);
void irq_remove_guest(struct irq *irq, struct irq_guest *guest);

/* Take `count` message numbers in a row. -ENOSPC. Takes RANK_IRQ. */
must_check int irq_take_messages(unsigned int count, uint32_t *first);
void irq_free_messages(uint32_t first, unsigned int count);

/* ---- irq_domain.c ---------------------------------------------------------------------------- */

extern struct domain_part irq_domain_part;

/* The guest's bit for a pirq, where it has registered a page. The irq's lock is held. */
void pirq_show_eoi_needed(struct domain *d, uint32_t pirq, bool needed);
