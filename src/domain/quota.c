// SPDX-License-Identifier: Apache-2.0
// Charging domains for Pavise's memory.
#include "domain/quota.h"

#include "base/cpu.h"
#include "base/panic.h"
#include "domain/part.h"
#include "memory/allocator.h"

/* ---- the account ----------------------------------------------------------------------------- */

static bool charge(struct domain *d, uint64_t bytes)
{
    uint64_t charged = READ_ONCE(d->heap_bytes);

    do {
        if (charged + bytes > READ_ONCE(d->most_heap_bytes)) {
            return false;
        }
    } while (!__atomic_compare_exchange_n(&d->heap_bytes, &charged, charged + bytes, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}

static void uncharge(struct domain *d, uint64_t bytes)
{
    uint64_t before = __atomic_fetch_sub(&d->heap_bytes, bytes, __ATOMIC_RELAXED);

    ASSERT(before >= bytes);
}

/* Who asks settles it, not who is charged: domain 0 builds and serves others at the last moment. */
static enum frames_kept may_take(void)
{
    const struct vcpu *v = current_vcpu();

    return v && v->domain && !v->domain->privileged ? KEEP_RESERVE : KEEP_NOTHING;
}

/* ---- objects --------------------------------------------------------------------------------- */

void *quota_alloc(struct domain *d, size_t bytes)
{
    size_t cost = heap_cost(bytes);
    void *p;

    if (!charge(d, cost)) {
        return NULL;
    }
    p = heap_alloc_keeping(may_take(), bytes);
    if (!p) {
        uncharge(d, cost);
    }
    return p;
}

void *quota_alloc_array(struct domain *d, size_t number, size_t each)
{
    size_t bytes;

    return __builtin_mul_overflow(number, each, &bytes) ? NULL : quota_alloc(d, bytes);
}

void quota_free(struct domain *d, void *p)
{
    if (p) {
        uncharge(d, heap_cost_of(p));
        heap_free(p);
    }
}

/* ---- pages ----------------------------------------------------------------------------------- */

void *quota_page(struct domain *d)
{
    void *page;

    if (!charge(d, PAGE_SIZE)) {
        return NULL;
    }
    page = pages_alloc_keeping(may_take(), 0);
    if (!page) {
        uncharge(d, PAGE_SIZE);
    }
    return page;
}

void quota_free_page(struct domain *d, void *page)
{
    uncharge(d, PAGE_SIZE);
    page_free(page);
}

void quota_page_went(struct domain *d)
{
    uncharge(d, PAGE_SIZE);
}

/* ---- the bound ------------------------------------------------------------------------------- */

/* What this room itself charges: records, the shared page, rights; and the vCPUs. */
static uint64_t domain_most_heap(const struct domain *d)
{
    return quota_cost(d->max_vcpus, sizeof(struct vcpu *)) +
           2 * quota_cost(1, sizeof(struct ranges)) + quota_cost(1, IO_PORTS / 8) + PAGE_SIZE +
           d->max_vcpus * vcpu_cost();
}

uint64_t quota_cost(uint64_t number, uint64_t each)
{
    return heap_cost(number * each);
}

void quota_settle(struct domain *d)
{
    uint64_t most = d->privileged ? UINT64_MAX : domain_most_heap(d) + parts_most_heap(d);

    WRITE_ONCE(d->most_heap_bytes, most);
}
