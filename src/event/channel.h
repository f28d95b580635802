// SPDX-License-Identifier: Apache-2.0
// Inside the event room: a channel's record, and where a domain keeps its channels.
//
// Locks. A channel's own `lock` guards what it is connected to. The two ends of an interdomain
// channel point to each other, and connecting or parting them takes the locks of both; therefore a
// sender that holds the lock of the port it sends through knows that the other end, the domain it
// belongs to and that domain's pages stay as they are. It needs no other lock and no reference:
// a send costs one uncontended exchange. A domain's `lock` (RANK_EVENT) serialises what allocates
// and frees its ports; nobody takes that of two domains. Order: a domain's lock, then channels'
// (the lower address first), then a channel's `link_lock`, then a queue's.
//
// Legend: [a] atomic, [I] set at creation, [c] the channel's lock, [e] the domain's lock,
// [f] `link_lock`, [q] the queue's lock.
#pragma once

#include "arch/index.h"
#include "base/cpu.h"
#include "base/lock.h"
#include "event/byte_lock.h"
#include "event/event.h"
#include "memory/frame.h"

/* 32 bytes, so that one cache line holds two and a page 128. */
struct evtchn {
    byte_lock_t lock;
    byte_lock_t link_lock;
    uint8_t state;         /* [c] EVTCHNSTAT_* */
    uint8_t priority;      /* [a] FIFO: queue for the next event */
    uint8_t missed;        /* [a] FIFO: pending, but the guest gave no word for this port yet */
    uint16_t queue;        /* [f] FIFO: where it was last linked, queue_id() of a vCPU's queue */
    struct domain *domain; /* [I] */
    union {                /* [c] by state */
        struct evtchn *peer;
        uint32_t pirq;
        uint32_t virq;
        domid_t remote_id; /* unbound: the domain that may connect */
    };
    uint32_t port; /* [I] */
    uint16_t vcpu; /* [a] which is told; written under [c] */
};
_Static_assert(sizeof(struct evtchn) == 32, "two records a cache line");

#define CHUNK_PORTS  (PAGE_SIZE / sizeof(struct evtchn))
#define SMALL_PORTS  EVTCHN_2L_NR_CHANNELS
#define SMALL_CHUNKS (SMALL_PORTS / CHUNK_PORTS)
#define MAX_PORTS    ((uint32_t)EVTCHN_FIFO_NR_CHANNELS)
#define MAX_CHUNKS   (MAX_PORTS / CHUNK_PORTS)

/* The guest's array of event words, a page for every 1024 ports (see fifo.h). */
struct domain_fifo;

struct domain_events {
    uint32_t port_end;        /* [a] ports below it have records; grows only */
    uint32_t poller_count;    /* [a] vCPUs in event_poll() */
    struct evtchn **chunks;   /* [a] of CHUNK_PORTS records; grows before port_end does */
    struct domain_fifo *fifo; /* [a] NULL: the 2-level ABI; freed when no channel is open */
    spinlock_t lock;
    uint64_t *used;      /* [e] bit per port: handed out */
    uint32_t max_port;   /* [a] highest that may be handed out */
    uint32_t close_next; /* [e] progress of close_all */
    bool closing;        /* [e] a reset is on its way: nothing new is bound */
    bool dying;          /* [e] the same for ever */
    /* The tables' first size, for all that the 2-level ABI can name. */
    struct evtchn *small_chunks[SMALL_CHUNKS];
    uint64_t small_used[SMALL_PORTS / 64];
};

/* A queue of the FIFO ABI: a list that the guest takes from its head and Pavise extends. */
struct fifo_queue {
    byte_lock_t lock;
    uint32_t tail; /* [q] port last added, 0 where none was */
};

#define NOT_POLLING   0U
#define POLLS_SEVERAL 0xffffffffU

struct vcpu_events {
    uint32_t virq_port[NR_VIRQS];              /* [a] 0: not bound; global ones at vCPU 0 */
    uint32_t poll_port;                        /* [a] the port it waits for in SCHEDOP_poll */
    mfn_t control_frame;                       /* [e] */
    struct evtchn_fifo_control_block *control; /* [a] NULL before EVTCHNOP_init_control */
    struct fifo_queue queue[EVTCHN_FIFO_MAX_QUEUES];
};

/* The record of a port, or NULL where the domain has none of that number. */
static inline struct evtchn *channel_of(struct domain_events *e, uint32_t port)
{
    if (unlikely(port >= __atomic_load_n(&e->port_end, __ATOMIC_ACQUIRE))) {
        return NULL;
    }
    port = (uint32_t)index_below(port, READ_ONCE(e->port_end));
    return &__atomic_load_n(&e->chunks, __ATOMIC_ACQUIRE)[port / CHUNK_PORTS][port % CHUNK_PORTS];
}

/* The vCPU by number, or NULL where the domain has none. */
static inline struct vcpu *vcpu_of(const struct domain *d, uint32_t id)
{
    return id < d->max_vcpus
               ? __atomic_load_n(&d->vcpus[index_below(id, d->max_vcpus)], __ATOMIC_ACQUIRE)
               : NULL;
}

/* The vCPU that the channel tells; NULL before the domain's first one is made. */
static inline struct vcpu *vcpu_told(const struct evtchn *channel)
{
    return __atomic_load_n(&channel->domain->vcpus[READ_ONCE(channel->vcpu)], __ATOMIC_ACQUIRE);
}

static inline bool virq_is_global(unsigned int virq)
{
    return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF && virq != VIRQ_XENPMU;
}

/* ---- ports.c: records and numbers ----------------------------------------------------------- */

/* Sets the fields up; the first records are there from the start. -ENOMEM. */
must_check int ports_create(struct domain *d);
/* Nobody can reach them: free the records, in pieces. 0 or HYPERCALL_RESTART. */
must_check int ports_bury(struct domain *d);
void ports_destroy(struct domain *d);
/* What records are charged at most, by the highest port. */
uint64_t ports_most_heap(const struct domain *d);

/*
 * Hand out the lowest free port, with a closed record whose fields are those of a fresh channel.
 * The domain's lock is held until the caller has set its state. -EINVAL: the domain is closing;
 * -ENOSPC; -ENOMEM.
 */
must_check int port_alloc(struct domain *d, struct evtchn **channel);
/* Take back a port; its channel is closed. The domain's lock is held. */
void port_free(struct domain *d, struct evtchn *channel);

/* ---- raise.c: an event becomes pending ------------------------------------------------------ */

/* EVTCHNOP_unmask's effect. The channel is open and can't close meanwhile, here and below. */
void channel_unmask(struct evtchn *channel);
bool channel_is_pending(struct evtchn *channel);
void channel_clear_pending(struct evtchn *channel);
/* To make a channel pending: channel_raise(), in raise.h. */

#define VCPU_ASLEEP ((uint32_t)VCPU_BLOCKED | VCPU_POLLING)

/*
 * A sleeping vCPU wakes; a running one is made to leave its guest, for on the way back it looks at
 * its words. One that is about to sleep, or to run, set that state before it looked.
 */
void vcpu_notice(struct vcpu *v);

/*
 * Set evtchn_upcall_pending; if that is news, see that the vCPU notices. Whether upcalls are masked
 * does not matter: the guest unmasks with a plain store before it looks, and its processor may do
 * these the other way round; only the kick settles that.
 */
static inline void vcpu_upcall(struct vcpu *v)
{
    if (__atomic_exchange_n(&READ_ONCE(v->info)->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST) != 0) {
        return;
    }
    if ((__atomic_load_n(&v->pause, __ATOMIC_SEQ_CST) & VCPU_ASLEEP) != 0 ||
        READ_ONCE(v->cpu) != this_cpu()) {
        vcpu_notice(v);
    }
}

/* ---- poll.c
 * ---------------------------------------------------------------------------------------- */

/* The channel became pending: wake who polls it. Call only where poller_count is not 0. */
void poll_wake(struct domain *d, uint32_t port);

/* ---- close.c
 * --------------------------------------------------------------------------------------- */

/*
 * Close every port from `close_next` on, a piece at a time: 0 or HYPERCALL_RESTART. `closing` or
 * `dying` is set. Takes the domain's lock.
 */
must_check long close_all(struct domain *d);

/* ---- virq.c
 * ---------------------------------------------------------------------------------------- */

/* The domain is dying: its global interrupts go to domain 0 again. */
void virq_release_handlers(struct domain *d);

/* ---- vcpu_info.c
 * ----------------------------------------------------------------------------------- */

/* The domain is dying and does not run: let go of the pages that hold its vCPUs' words. */
void vcpu_info_release(struct domain *d);

/* ---- audit.c -----------------------------------------------------------------------------------
 */

void event_audit(struct domain *d, audit_tell_t tell, void *audit);

/* ---- close.c, bind.c: the calls' effects, on the caller's domain `d`; each takes d's event lock
 * ---- */

must_check int bind_interdomain(struct domain *d, struct domain *remote, uint32_t remote_port,
                                uint32_t *port);
must_check int bind_virq(struct domain *d, uint32_t virq, uint32_t vcpu, uint32_t *port);
must_check int bind_ipi(struct domain *d, uint32_t vcpu, uint32_t *port);
must_check int bind_pirq(struct domain *d, uint32_t pirq, uint32_t flags, uint32_t *port);
must_check int bind_vcpu(struct domain *d, uint32_t port, uint32_t vcpu);

/* Send through a port of the caller's. -EINVAL: not one to send through. */
must_check int channel_send(struct domain *d, uint32_t port);
/* EVTCHNOP_send: the same with the port in guest memory; or -EFAULT. */
must_check long op_send(gva_t arg);

/* Fill in EVTCHNOP_status's answer. -EINVAL: no such port. */
must_check int channel_status(struct domain *d, uint32_t port, struct evtchn_status *status);

extern const struct event_pirq_ops *pirq_ops;
