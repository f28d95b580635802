// SPDX-License-Identifier: Apache-2.0
// The FIFO ABI's set-up: control blocks, event array, priorities, and the way back.
#include "abi/errno.h"
#include "arch/frames.h"
#include "domain/quota.h"
#include "event/raise.h"

/* A guest's frame, referenced so that it stays writable memory of the domain's; NULL if it is not.
 */
static void *take_page(struct domain *d, mfn_t frame)
{
    if (!mfn_valid(frame) || !frame_get_writable(frame_of_guests(frame), d->id)) {
        return NULL;
    }
    return frame_to_virt(frame);
}

/* What is pending in the 2-level words comes along, and is raised when the array has its word. */
static void carry_over(struct domain *d)
{
    struct domain_events *e = d->events;

    for (uint32_t port = 1; port < MIN(e->port_end, SMALL_PORTS); port++) {
        struct evtchn *channel = channel_of(e, port);
        byte_lock(&channel->lock);
        if (channel->state != EVTCHNSTAT_closed && two_level_is_pending(d, port)) {
            __atomic_store_n(&channel->missed, 1, __ATOMIC_SEQ_CST);
        }
        byte_unlock(&channel->lock);
    }
}

static int init_control_locked(struct domain *d, struct vcpu *v, mfn_t frame, uint32_t offset)
{
    struct domain_events *e = d->events;
    struct domain_fifo *fifo = NULL;
    char *page;

    if (e->closing || e->dying || v->events->control) {
        return -EINVAL;
    }
    if (!e->fifo) {
        fifo = quota_new(d, struct domain_fifo);
        if (!fifo) {
            return -ENOMEM;
        }
    }
    page = take_page(d, frame);
    if (!page) {
        quota_free(d, fifo);
        return -EINVAL;
    }
    v->events->control_frame = frame;
    __atomic_store_n(&v->events->control, (void *)(page + offset), __ATOMIC_RELEASE);
    if (fifo) {
        carry_over(d);
        __atomic_store_n(&e->fifo, fifo, __ATOMIC_SEQ_CST);
    }
    return 0;
}

int fifo_init_control(struct vcpu *v, mfn_t frame, uint32_t offset)
{
    struct domain *d = v->domain;
    int error;

    if (offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || offset % 8 != 0) {
        return -EINVAL;
    }
    spin_lock(&d->events->lock);
    error = init_control_locked(d, v, frame, offset);
    spin_unlock(&d->events->lock);
    return error;
}

/* Raise what became pending at the ports of the newest page while it was not there. */
static void raise_missed(struct domain_events *e, uint32_t first)
{
    for (uint32_t port = first; port < MIN(e->port_end, first + WORDS_PER_PAGE); port++) {
        struct evtchn *channel = channel_of(e, port);
        if (__atomic_exchange_n(&channel->missed, 0, __ATOMIC_SEQ_CST) == 0) {
            continue;
        }
        byte_lock(&channel->lock);
        if (channel->state != EVTCHNSTAT_closed) {
            channel_raise(channel);
        }
        byte_unlock(&channel->lock);
    }
}

static int expand_array_locked(struct domain *d, mfn_t frame)
{
    struct domain_events *e = d->events;
    struct domain_fifo *fifo = e->fifo;
    event_word_t *page;

    if (!fifo) {
        return -EOPNOTSUPP;
    }
    if (fifo->pages == FIFO_PAGES) {
        return -ENOSPC;
    }
    page = e->closing || e->dying ? NULL : take_page(d, frame);
    if (!page) {
        return -EINVAL;
    }
    fifo->page[fifo->pages] = page;
    __atomic_store_n(&fifo->pages, fifo->pages + 1, __ATOMIC_SEQ_CST);
    raise_missed(e, (fifo->pages - 1) * WORDS_PER_PAGE);
    return 0;
}

int fifo_expand_array(struct domain *d, mfn_t frame)
{
    int error;

    spin_lock(&d->events->lock);
    error = expand_array_locked(d, frame);
    spin_unlock(&d->events->lock);
    return error;
}

int fifo_set_priority(struct domain *d, uint32_t port, uint32_t priority)
{
    struct evtchn *channel = channel_of(d->events, port);
    int error = 0;

    if (!channel) {
        return -EINVAL;
    }
    if (!__atomic_load_n(&d->events->fifo, __ATOMIC_ACQUIRE)) {
        return -ENOSYS;
    }
    if (priority > EVTCHN_FIFO_PRIORITY_MIN) {
        return -EINVAL;
    }
    byte_lock(&channel->lock);
    if (channel->state == EVTCHNSTAT_closed) {
        error = -EACCES;
    } else {
        /* An event that is queued stays where it is; the next one goes to the new queue. */
        WRITE_ONCE(channel->priority, (uint8_t)priority);
    }
    byte_unlock(&channel->lock);
    return error;
}

static void forget_control(struct vcpu *v)
{
    struct vcpu_events *e = v->events;

    if (e->control) {
        __atomic_store_n(&e->control, NULL, __ATOMIC_RELEASE);
        frame_put_writable(frame_of(e->control_frame));
    }
    for (unsigned int i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++) {
        e->queue[i].tail = 0;
    }
}

void fifo_destroy(struct domain *d)
{
    struct domain_fifo *fifo = d->events->fifo;

    if (!fifo) {
        return;
    }
    __atomic_store_n(&d->events->fifo, NULL, __ATOMIC_SEQ_CST);
    for (uint32_t id = 0; id < d->max_vcpus; id++) {
        if (vcpu_of(d, id)) {
            forget_control(vcpu_of(d, id));
        }
    }
    for (uint32_t i = 0; i < fifo->pages; i++) {
        frame_put_writable(frame_of(virt_to_frame(fifo->page[i])));
    }
    quota_free(d, fifo);
}
