// SPDX-License-Identifier: Apache-2.0
// The guest's side of the FIFO form.

#include "fifo.h"
#include "mm.h"

#define MAX_PAGES (EVTCHN_FIFO_NR_CHANNELS / FIFO_PORTS_PER_PAGE)

static struct {
    bool active;
    struct evtchn_fifo_control_block *control;
    event_word_t *pages[MAX_PAGES];
    unsigned page_count;
    uint32_t heads[EVTCHN_FIFO_MAX_QUEUES];
    uint32_t ready; // what was taken from the control block and not emptied yet
} fifo;

bool fifo_active(void)
{
    return fifo.active;
}

long fifo_init_control(uint64_t frame, unsigned offset, unsigned vcpu)
{
    struct evtchn_init_control init = {.control_gfn = frame, .offset = offset, .vcpu = vcpu};

    return event_channel_op(EVTCHNOP_init_control, &init);
}

long fifo_expand_array(uint64_t frame)
{
    struct evtchn_expand_array expand = {.array_gfn = frame};

    return event_channel_op(EVTCHNOP_expand_array, &expand);
}

long fifo_set_priority(evtchn_port_t port, unsigned priority)
{
    struct evtchn_set_priority set = {.port = port, .priority = priority};

    return event_channel_op(EVTCHNOP_set_priority, &set);
}

// All ports of a page begin masked, as those of shared_info do here (event_init).
long fifo_grow(void)
{
    event_word_t *page = page_alloc();
    long error;

    if (fifo.page_count == MAX_PAGES) {
        return -XEN_ENOSPC;
    }
    for (unsigned i = 0; i < FIFO_PORTS_PER_PAGE; i++) {
        page[i] = 1u << EVTCHN_FIFO_MASKED;
    }
    error = fifo_expand_array(virt_to_mfn(page));
    if (error == 0) {
        fifo.pages[fifo.page_count++] = page;
    }
    return error;
}

long fifo_init(unsigned pages)
{
    long error;

    fifo.control = page_alloc();
    error = fifo_init_control(virt_to_mfn(fifo.control), 0, 0);
    fifo.active = error == 0;
    for (unsigned i = 0; i < pages && error == 0; i++) {
        error = fifo_grow();
    }
    return error;
}

void fifo_forget(void)
{
    memset(&fifo, 0, sizeof(fifo));
}

static event_word_t *word_of(evtchn_port_t port)
{
    static event_word_t nowhere;
    unsigned page = (unsigned)(port / FIFO_PORTS_PER_PAGE);

    return page < fifo.page_count ? &fifo.pages[page][port % FIFO_PORTS_PER_PAGE] : &nowhere;
}

event_word_t fifo_word(evtchn_port_t port)
{
    return __atomic_load_n(word_of(port), __ATOMIC_SEQ_CST);
}

void fifo_set_bits(evtchn_port_t port, event_word_t bits)
{
    __atomic_fetch_or(word_of(port), bits, __ATOMIC_SEQ_CST);
}

void fifo_clear_bits(evtchn_port_t port, event_word_t bits)
{
    __atomic_fetch_and(word_of(port), ~bits, __ATOMIC_SEQ_CST);
}

uint32_t fifo_ready(void)
{
    return __atomic_load_n(&fifo.control->ready, __ATOMIC_SEQ_CST);
}

// Unlinks a port and returns the one behind it. The hypervisor appends at the tail meanwhile, so
// LINKED and the link go in one step.
static evtchn_port_t unlink_word(event_word_t *word)
{
    const event_word_t gone = 1u << EVTCHN_FIFO_LINKED | EVTCHN_FIFO_LINK_MASK;
    event_word_t old = __atomic_fetch_and(word, ~gone, __ATOMIC_SEQ_CST);

    return old & EVTCHN_FIFO_LINK_MASK;
}

// The head of a queue that has one is in the control block; the rest hangs on the words.
static evtchn_port_t take_from(unsigned queue)
{
    evtchn_port_t port = fifo.heads[queue];

    if (port == 0) {
        port = __atomic_load_n(&fifo.control->head[queue], __ATOMIC_SEQ_CST);
    }
    fifo.heads[queue] = unlink_word(word_of(port));
    if (fifo.heads[queue] == 0) {
        fifo.ready &= ~(1u << queue);
    }
    return port;
}

evtchn_port_t fifo_take(void)
{
    fifo.ready |= __atomic_exchange_n(&fifo.control->ready, 0, __ATOMIC_SEQ_CST);
    while (fifo.ready != 0) {
        evtchn_port_t port = take_from((unsigned)__builtin_ctz(fifo.ready));
        event_word_t word = fifo_word(port);
        if ((word & 1u << EVTCHN_FIFO_PENDING) != 0 && (word & 1u << EVTCHN_FIFO_MASKED) == 0) {
            fifo_clear_bits(port, 1u << EVTCHN_FIFO_PENDING);
            return port;
        }
    }
    return 0;
}
