// SPDX-License-Identifier: Apache-2.0
// The 2-level ABI's bits.
#include "event/two_level.h"

#include "event/channel.h"

/* Where a 32-bit guest's layout departs from ours. */
#define COMPAT_MASK_OFFSET     (offsetof(struct shared_info, evtchn_pending) + 32 * sizeof(uint32_t))
#define COMPAT_SELECTOR_OFFSET 4

static uint32_t *at(void *base, size_t offset)
{
    return (uint32_t *)((char *)base + offset);
}

static uint32_t *pending_bits(const struct domain *d)
{
    return at(d->shared, offsetof(struct shared_info, evtchn_pending));
}

static uint32_t *mask_bits(const struct domain *d)
{
    return at(d->shared,
              d->is_32bit ? COMPAT_MASK_OFFSET : offsetof(struct shared_info, evtchn_mask));
}

static uint32_t *selector_bits(const struct domain *d, const struct vcpu *v)
{
    return at(READ_ONCE(v->info), d->is_32bit ? COMPAT_SELECTOR_OFFSET
                                              : offsetof(struct vcpu_info, evtchn_pending_sel));
}

/* The selector bit that covers a port: one a guest's word. */
static uint32_t selector_of(const struct domain *d, uint32_t port)
{
    return d->is_32bit ? port / 32 : port / 64;
}

static bool test(const uint32_t *bits, uint32_t n)
{
    return (__atomic_load_n(&bits[n / 32], __ATOMIC_SEQ_CST) >> (n % 32)) & 1;
}

static bool test_and_set(uint32_t *bits, uint32_t n)
{
    uint32_t mask = 1U << (n % 32);
    return (__atomic_fetch_or(&bits[n / 32], mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static bool test_and_clear(uint32_t *bits, uint32_t n)
{
    uint32_t mask = 1U << (n % 32);
    return (__atomic_fetch_and(&bits[n / 32], ~mask, __ATOMIC_SEQ_CST) & mask) != 0;
}

static always_inline_fn void select_port(struct domain *d, struct vcpu *v, uint32_t port)
{
    if (v && !test_and_set(selector_bits(d, v), selector_of(d, port))) {
        vcpu_upcall(v);
    }
}

void two_level_raise(struct domain *d, struct vcpu *v, uint32_t port)
{
    if (test_and_set(pending_bits(d), port)) {
        return;
    }
    if (!test(mask_bits(d), port)) {
        select_port(d, v, port);
    }
    /* Masked or not: that is what polling is for. */
    if (unlikely(READ_ONCE(d->events->poller_count) != 0)) {
        poll_wake(d, port);
    }
}

void two_level_unmask(struct domain *d, struct vcpu *v, uint32_t port)
{
    if (test_and_clear(mask_bits(d), port) && test(pending_bits(d), port)) {
        select_port(d, v, port);
    }
}

bool two_level_is_pending(const struct domain *d, uint32_t port)
{
    return port < two_level_ports(d) && test(pending_bits(d), port);
}

void two_level_clear_pending(struct domain *d, uint32_t port)
{
    (void)test_and_clear(pending_bits(d), port);
}

void two_level_select_all(struct vcpu *v)
{
    uint32_t *bits = selector_bits(v->domain, v);

    __atomic_store_n(&bits[0], ~0U, __ATOMIC_SEQ_CST);
    if (!v->domain->is_32bit) {
        __atomic_store_n(&bits[1], ~0U, __ATOMIC_SEQ_CST);
    }
}
