// SPDX-License-Identifier: Apache-2.0
// The FIFO ABI: an event word a port, in pages the guest gives, linked into 16 queues a vCPU.
//
// A word holds PENDING, MASKED, LINKED, BUSY and, while LINKED, the number of the next port of its
// queue. The guest takes words from the head; Pavise appends at the tail. An unmasked event that
// becomes pending is linked into the queue of its priority; a control block per vCPU holds the
// queues' heads, and a bit per queue that says it is worth a look.
#pragma once

#include "event/channel.h"

#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define FIFO_PAGES     (MAX_PORTS / WORDS_PER_PAGE)

struct domain_fifo {
    uint32_t pages;                 /* [a] grows under [e] */
    event_word_t *page[FIFO_PAGES]; /* [a] each with a writable reference to its frame */
};

/* The event word of a port, or NULL where the guest has not given it yet. */
static inline event_word_t *fifo_word(const struct domain_fifo *fifo, uint32_t port)
{
    uint32_t page = port / WORDS_PER_PAGE;

    if (unlikely(page >= __atomic_load_n(&fifo->pages, __ATOMIC_ACQUIRE))) {
        return NULL;
    }
    return &fifo->page[page][port % WORDS_PER_PAGE];
}

/* Whether the event was pending already. */
static inline bool fifo_set_pending(event_word_t *word)
{
    const uint32_t bit = 1U << EVTCHN_FIFO_PENDING;

    return (__atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST) & bit) != 0;
}

/* Whether the event is to be put on its queue: it is neither masked nor on one. */
static inline bool fifo_may_link(const event_word_t *word)
{
    return (__atomic_load_n(word, __ATOMIC_SEQ_CST) &
            (1U << EVTCHN_FIFO_MASKED | 1U << EVTCHN_FIFO_LINKED)) == 0;
}

/*
 * Parts of channel_raise(), and of the same conditions. The event has become pending, or may be
 * linked: see to the queue and to who polls.
 */
void fifo_tell(struct domain_fifo *fifo, struct evtchn *channel, event_word_t *word);
/* The guest has not given the port its word yet. */
void fifo_raise_without_word(struct domain_fifo *fifo, struct evtchn *channel);

void fifo_unmask(struct domain_fifo *fifo, struct evtchn *channel);
bool fifo_is_pending(const struct domain_fifo *fifo, struct evtchn *channel);
void fifo_clear_pending(struct domain_fifo *fifo, struct evtchn *channel);

/* A closed port that is still in a queue must not be handed out again. The domain's lock is held.
 */
bool fifo_is_linked(const struct domain_fifo *fifo, uint32_t port);

/*
 * EVTCHNOP_init_control: `v`'s control block lies at `offset` of `frame`; the first one turns the
 * domain to the FIFO ABI. -EINVAL: `v` has one, a bad offset, no writable frame of the domain's,
 * the domain is closing; -ENOMEM. Each takes the domain's event lock.
 */
must_check int fifo_init_control(struct vcpu *v, mfn_t frame, uint32_t offset);

/* EVTCHNOP_expand_array. -EOPNOTSUPP: not the FIFO ABI; -ENOSPC; -EINVAL: as above. */
must_check int fifo_expand_array(struct domain *d, mfn_t frame);

/*
 * EVTCHNOP_set_priority. -ENOSYS: not the FIFO ABI; -EINVAL: no such port or priority; -EACCES: the
 * port is closed.
 */
must_check int fifo_set_priority(struct domain *d, uint32_t port, uint32_t priority);

/* Back to the 2-level ABI. No channel is open; the domain's lock is held. */
void fifo_destroy(struct domain *d);
