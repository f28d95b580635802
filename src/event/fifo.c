// SPDX-License-Identifier: Apache-2.0
// The FIFO ABI while events flow: raising, linking, unmasking.
//
// A guest can write anything into its words and control blocks. What Pavise relies on (tails, the
// queue an event was linked in) it keeps itself; a guest that breaks the rules loses its own
// events.
#include "event/fifo.h"

#define PENDING_BIT (1U << EVTCHN_FIFO_PENDING)
#define MASKED_BIT  (1U << EVTCHN_FIFO_MASKED)
#define LINKED_BIT  (1U << EVTCHN_FIFO_LINKED)
#define BUSY_BIT    (1U << EVTCHN_FIFO_BUSY)
#define LINK_FIELD  ((uint32_t)EVTCHN_FIFO_LINK_MASK)

/* How often a link is tried before the guest is told to keep off, and after that. */
#define LINK_TRIES 16

static uint32_t load(const event_word_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

enum link_result { LINK_DONE, LINK_CONSUMED, LINK_CONTENDED };

/* Make `tail` lead to `port`, unless the guest has taken `tail` off the queue. */
static enum link_result try_link(event_word_t *tail, uint32_t port)
{
    uint32_t seen = load(tail);

    for (unsigned int i = 0; i < LINK_TRIES; i++) {
        if ((seen & LINKED_BIT) == 0) {
            return LINK_CONSUMED;
        }
        if (__atomic_compare_exchange_n(tail, &seen, (seen & ~(BUSY_BIT | LINK_FIELD)) | port,
                                        false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            return LINK_DONE;
        }
    }
    return LINK_CONTENDED;
}

/*
 * False: the queue is empty, its tail was consumed. BUSY asks the guest's own mask and unmask loops
 * to wait, which bounds the tries that an honest guest can cost; one that goes on forfeits its
 * queue.
 */
static bool link_after(event_word_t *tail, uint32_t port)
{
    enum link_result result = try_link(tail, port);

    if (unlikely(result == LINK_CONTENDED)) {
        __atomic_fetch_or(tail, BUSY_BIT, __ATOMIC_SEQ_CST);
        result = try_link(tail, port);
        __atomic_fetch_and(tail, ~BUSY_BIT, __ATOMIC_SEQ_CST);
    }
    return result == LINK_DONE;
}

/*
 * The event may still be the tail of the queue it was last in, though the guest has taken it off.
 * Before it joins another, that queue must forget it: else its next event would be appended to a
 * word that by then belongs to the other queue.
 */
static void leave_queue(struct domain *d, struct evtchn *channel, uint32_t vcpu, uint8_t priority)
{
    struct vcpu *old = vcpu_of(d, channel->queue_vcpu);
    struct fifo_queue *q;

    if (old && (channel->queue_vcpu != vcpu || channel->queue_priority != priority)) {
        q = &old->events->queue[channel->queue_priority];
        byte_lock(&q->lock);
        if (q->tail == channel->port) {
            q->tail = 0;
        }
        byte_unlock(&q->lock);
    }
    channel->queue_vcpu = (uint16_t)vcpu;
    channel->queue_priority = priority;
}

/* Append; returns whether the event is the queue's first, which the guest has to be told. */
static bool append(struct domain_fifo *fifo, struct fifo_queue *q, uint32_t *head, uint32_t port,
                   event_word_t *word)
{
    event_word_t *tail = q->tail != 0 && q->tail != port ? fifo_word(fifo, q->tail) : NULL;
    bool linked;

    /* Before anything leads to it: who follows a link finds a word that is LINKED. */
    __atomic_fetch_or(word, LINKED_BIT, __ATOMIC_SEQ_CST);
    linked = tail && link_after(tail, port);
    if (!linked) {
        __atomic_store_n(head, port, __ATOMIC_SEQ_CST);
    }
    q->tail = port;
    return !linked;
}

/* The event is pending and not masked: put it on its queue, unless it is on one. */
static void link_event(struct domain *d, struct domain_fifo *fifo, struct evtchn *channel,
                       event_word_t *word)
{
    struct vcpu *v = vcpu_of(d, READ_ONCE(channel->vcpu));
    uint8_t priority = READ_ONCE(channel->priority);
    struct evtchn_fifo_control_block *control =
        v ? __atomic_load_n(&v->events->control, __ATOMIC_ACQUIRE) : NULL;
    struct fifo_queue *q;
    bool first;

    /* A vCPU that never gave a control block has no queues; the event stays pending. */
    if (!control) {
        return;
    }
    byte_lock(&channel->link_lock);
    /* The guest clears LINKED, only Pavise sets it, and does so under link_lock. */
    if ((load(word) & LINKED_BIT) != 0) {
        byte_unlock(&channel->link_lock);
        return;
    }
    leave_queue(d, channel, v->id, priority);
    q = &v->events->queue[priority];
    byte_lock(&q->lock);
    first = append(fifo, q, &control->head[priority], channel->port, word);
    byte_unlock(&q->lock);
    byte_unlock(&channel->link_lock);
    if (first && (__atomic_fetch_or(&control->ready, 1U << priority, __ATOMIC_SEQ_CST) >> priority &
                  1) == 0) {
        vcpu_upcall(v);
    }
}

/*
 * The word, or NULL after noting that the event is pending: fifo_expand_array() raises it when the
 * word comes. It publishes the page first and looks for notes then, so one of the two sees the
 * other.
 */
static event_word_t *word_or_note(struct domain_fifo *fifo, struct evtchn *channel)
{
    event_word_t *word = fifo_word(fifo, channel->port);

    if (likely(word)) {
        return word;
    }
    __atomic_exchange_n(&channel->missed, 1, __ATOMIC_SEQ_CST);
    return fifo_word(fifo, channel->port);
}

void fifo_raise(struct domain *d, struct domain_fifo *fifo, struct evtchn *channel)
{
    event_word_t *word = word_or_note(fifo, channel);
    uint32_t before = 0;

    if (likely(word)) {
        before = __atomic_fetch_or(word, PENDING_BIT, __ATOMIC_SEQ_CST);
        if ((before & (MASKED_BIT | LINKED_BIT)) == 0) {
            link_event(d, fifo, channel, word);
        }
    }
    if ((before & PENDING_BIT) == 0 && unlikely(READ_ONCE(d->events->poller_count) != 0)) {
        poll_wake(d, channel->port);
    }
}

void fifo_unmask(struct domain *d, struct domain_fifo *fifo, struct evtchn *channel)
{
    event_word_t *word = fifo_word(fifo, channel->port);

    if (word && (__atomic_fetch_and(word, ~MASKED_BIT, __ATOMIC_SEQ_CST) &
                 (PENDING_BIT | LINKED_BIT)) == PENDING_BIT) {
        link_event(d, fifo, channel, word);
    }
}

bool fifo_is_pending(const struct domain_fifo *fifo, struct evtchn *channel)
{
    event_word_t *word = fifo_word(fifo, channel->port);

    return word ? (load(word) & PENDING_BIT) != 0
                : __atomic_load_n(&channel->missed, __ATOMIC_SEQ_CST) != 0;
}

void fifo_clear_pending(struct domain_fifo *fifo, struct evtchn *channel)
{
    event_word_t *word = fifo_word(fifo, channel->port);

    __atomic_store_n(&channel->missed, 0, __ATOMIC_SEQ_CST);
    if (word) {
        __atomic_fetch_and(word, ~PENDING_BIT, __ATOMIC_SEQ_CST);
    }
}

bool fifo_is_linked(const struct domain_fifo *fifo, uint32_t port)
{
    event_word_t *word = fifo_word(fifo, port);

    return word && (load(word) & LINKED_BIT) != 0;
}
