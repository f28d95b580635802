// SPDX-License-Identifier: Apache-2.0
// Event channels of the 2-level form, and of the FIFO form once that is set up (fifo.h).

#include "event.h"
#include "fifo.h"

#define BITS_PER_WORD 64
#define PORTS_COUNTED 4096

static unsigned upcalls;
static unsigned counts[PORTS_COUNTED];

static void set_bit(uint64_t *words, unsigned bit)
{
    __atomic_fetch_or(&words[bit / BITS_PER_WORD], 1ul << bit % BITS_PER_WORD, __ATOMIC_SEQ_CST);
}

static void clear_bit(uint64_t *words, unsigned bit)
{
    __atomic_fetch_and(&words[bit / BITS_PER_WORD], ~(1ul << bit % BITS_PER_WORD),
                       __ATOMIC_SEQ_CST);
}

static bool test_bit(const uint64_t *words, unsigned bit)
{
    uint64_t word = __atomic_load_n(&words[bit / BITS_PER_WORD], __ATOMIC_SEQ_CST);
    return (word >> bit % BITS_PER_WORD & 1) != 0;
}

void event_init(void)
{
    memset(shared_info->evtchn_mask, 0xff, sizeof(shared_info->evtchn_mask));
    upcalls_enable();
}

static void take_word(unsigned word)
{
    uint64_t ready = shared_info->evtchn_pending[word] & ~shared_info->evtchn_mask[word];

    __atomic_fetch_and(&shared_info->evtchn_pending[word], ~ready, __ATOMIC_SEQ_CST);
    for (; ready != 0; ready &= ready - 1) {
        counts[word * BITS_PER_WORD + (unsigned)__builtin_ctzl(ready)]++;
    }
}

static void take_fifo(void)
{
    for (evtchn_port_t port = fifo_take(); port != 0; port = fifo_take()) {
        counts[port % PORTS_COUNTED]++;
    }
}

void event_dispatch(void)
{
    struct vcpu_info *vcpu = this_vcpu();

    upcalls++;
    do {
        vcpu->evtchn_upcall_pending = 0;
        if (fifo_active()) {
            take_fifo();
            continue;
        }
        uint64_t selected = __atomic_exchange_n(&vcpu->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
        for (; selected != 0; selected &= selected - 1) {
            take_word((unsigned)__builtin_ctzl(selected));
        }
    } while (__atomic_load_n(&vcpu->evtchn_upcall_pending, __ATOMIC_SEQ_CST) != 0);
}

unsigned event_upcalls(void)
{
    return __atomic_load_n(&upcalls, __ATOMIC_SEQ_CST);
}

unsigned event_count(evtchn_port_t port)
{
    return __atomic_load_n(&counts[port], __ATOMIC_SEQ_CST);
}

void event_reset_counts(void)
{
    upcalls = 0;
    memset(counts, 0, sizeof(counts));
}

int event_bind_ipi(unsigned vcpu)
{
    struct evtchn_bind_ipi bind = {.vcpu = vcpu};
    long error = event_channel_op(EVTCHNOP_bind_ipi, &bind);

    return error != 0 ? (int)error : (int)bind.port;
}

int event_bind_virq(unsigned virq, unsigned vcpu)
{
    struct evtchn_bind_virq bind = {.virq = virq, .vcpu = vcpu};
    long error = event_channel_op(EVTCHNOP_bind_virq, &bind);

    return error != 0 ? (int)error : (int)bind.port;
}

long event_close(evtchn_port_t port)
{
    struct evtchn_close close = {.port = port};
    return event_channel_op(EVTCHNOP_close, &close);
}

long event_send(evtchn_port_t port)
{
    struct evtchn_send send = {.port = port};
    return event_channel_op(EVTCHNOP_send, &send);
}

long event_unmask_call(evtchn_port_t port)
{
    struct evtchn_unmask unmask = {.port = port};
    return event_channel_op(EVTCHNOP_unmask, &unmask);
}

void event_mask(evtchn_port_t port)
{
    if (fifo_active()) {
        fifo_set_bits(port, 1u << EVTCHN_FIFO_MASKED);
    } else {
        set_bit(shared_info->evtchn_mask, port);
    }
}

void event_clear_mask(evtchn_port_t port)
{
    if (fifo_active()) {
        fifo_clear_bits(port, 1u << EVTCHN_FIFO_MASKED);
    } else {
        clear_bit(shared_info->evtchn_mask, port);
    }
}

bool event_masked(evtchn_port_t port)
{
    if (fifo_active()) {
        return (fifo_word(port) & 1u << EVTCHN_FIFO_MASKED) != 0;
    }
    return test_bit(shared_info->evtchn_mask, port);
}

bool event_pending(evtchn_port_t port)
{
    if (fifo_active()) {
        return (fifo_word(port) & 1u << EVTCHN_FIFO_PENDING) != 0;
    }
    return test_bit(shared_info->evtchn_pending, port);
}

void event_set_pending(evtchn_port_t port)
{
    if (fifo_active()) {
        fifo_set_bits(port, 1u << EVTCHN_FIFO_PENDING);
    } else {
        set_bit(shared_info->evtchn_pending, port);
    }
}

void event_clear_pending(evtchn_port_t port)
{
    if (fifo_active()) {
        fifo_clear_bits(port, 1u << EVTCHN_FIFO_PENDING);
    } else {
        clear_bit(shared_info->evtchn_pending, port);
    }
}

bool event_selected(evtchn_port_t port)
{
    return test_bit(&this_vcpu()->evtchn_pending_sel, port / BITS_PER_WORD);
}

void upcalls_disable(void)
{
    __atomic_store_n(&this_vcpu()->evtchn_upcall_mask, 1, __ATOMIC_SEQ_CST);
}

void upcalls_allow(void)
{
    __atomic_store_n(&this_vcpu()->evtchn_upcall_mask, 0, __ATOMIC_SEQ_CST);
}

// A hypercall's exit is where the hypervisor looks at pending upcalls.
void upcalls_enable(void)
{
    upcalls_allow();
    if (__atomic_load_n(&this_vcpu()->evtchn_upcall_pending, __ATOMIC_SEQ_CST) != 0) {
        (void)xen_version(XENVER_version, NULL);
    }
}
