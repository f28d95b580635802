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

/* Say that the queue is worth a look; whether that was said already. */
static bool set_ready(struct evtchn_fifo_control_block *control, uint32_t priority)
{
    uint32_t bit = 1U << priority;

    return (__atomic_fetch_or(&control->ready, bit, __ATOMIC_SEQ_CST) & bit) != 0;
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

/* A queue's number in its domain. */
static uint16_t queue_id(const struct vcpu *v, uint32_t priority)
{
    return (uint16_t)(v->id * EVTCHN_FIFO_MAX_QUEUES + priority);
}
_Static_assert(MAX_VCPUS *EVTCHN_FIFO_MAX_QUEUES <= UINT16_MAX, "a queue's number fits");

/*
 * The event may still be the tail of the queue it was last in, though the guest has taken it off.
 * Before it joins another, that queue must forget it: else its next event would be appended to a
 * word that by then belongs to the other queue.
 */
static void leave_queue(const struct evtchn *channel)
{
    struct vcpu *old = vcpu_of(channel->domain, channel->queue / EVTCHN_FIFO_MAX_QUEUES);
    struct fifo_queue *q;

    if (!old) {
        return;
    }
    q = &old->events->queue[channel->queue % EVTCHN_FIFO_MAX_QUEUES];
    byte_lock(&q->lock);
    if (q->tail == channel->port) {
        q->tail = 0;
    }
    byte_unlock(&q->lock);
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
        __atomic_store_n(head, port, __ATOMIC_RELEASE);
    }
    q->tail = port;
    return !linked;
}

/* `link_lock` is held, so nobody else links the event. */
static bool link_to(struct domain_fifo *fifo, struct evtchn *channel, event_word_t *word,
                    struct vcpu *v, uint32_t priority, uint32_t *head)
{
    struct fifo_queue *q = &v->events->queue[priority];
    uint16_t id = queue_id(v, priority);
    bool first;

    if (unlikely(channel->queue != id)) {
        leave_queue(channel);
        channel->queue = id;
    }
    byte_lock(&q->lock);
    first = append(fifo, q, head, channel->port, word);
    byte_unlock(&q->lock);
    return first;
}

/* Put the event on its queue, unless somebody else has just done so. */
static void link_event(struct domain_fifo *fifo, struct evtchn *channel, event_word_t *word)
{
    struct vcpu *v = vcpu_told(channel);
    uint32_t priority = READ_ONCE(channel->priority);
    struct evtchn_fifo_control_block *control =
        v ? __atomic_load_n(&v->events->control, __ATOMIC_ACQUIRE) : NULL;
    bool first = false;

    /* A vCPU that never gave a control block has no queues; the event stays pending. */
    if (unlikely(!control)) {
        return;
    }
    byte_lock(&channel->link_lock);
    /* The guest clears LINKED; only Pavise sets it, and does so under link_lock. */
    if ((load(word) & LINKED_BIT) == 0) {
        first = link_to(fifo, channel, word, v, priority, &control->head[priority]);
    }
    byte_unlock(&channel->link_lock);
    if (first && !set_ready(control, priority)) {
        vcpu_upcall(v);
    }
}

void fifo_tell(struct domain_fifo *fifo, struct evtchn *channel, event_word_t *word)
{
    struct domain *d = channel->domain;

    if (fifo_may_link(word)) {
        link_event(fifo, channel, word);
    }
    if (unlikely(READ_ONCE(d->events->poller_count) != 0)) {
        poll_wake(d, channel->port);
    }
}

/*
 * A note that the event is pending: fifo_expand_array() raises it when the word comes. It publishes
 * the page first and looks for notes then, so one of the two sees the other.
 */
void fifo_raise_without_word(struct domain_fifo *fifo, struct evtchn *channel)
{
    event_word_t *word;

    __atomic_exchange_n(&channel->missed, 1, __ATOMIC_SEQ_CST);
    word = fifo_word(fifo, channel->port);
    if (word) {
        (void)fifo_set_pending(word);
        fifo_tell(fifo, channel, word);
    } else if (READ_ONCE(channel->domain->events->poller_count) != 0) {
        poll_wake(channel->domain, channel->port);
    }
}

void fifo_unmask(struct domain_fifo *fifo, struct evtchn *channel)
{
    event_word_t *word = fifo_word(fifo, channel->port);

    if (word && (__atomic_fetch_and(word, ~MASKED_BIT, __ATOMIC_SEQ_CST) &
                 (PENDING_BIT | LINKED_BIT)) == PENDING_BIT) {
        link_event(fifo, channel, word);
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
