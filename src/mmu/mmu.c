// SPDX-License-Identifier: Apache-2.0
// The page-table room's part in the life of domains.
#include "abi/errno.h"
#include "base/cpu.h"
#include "domain/pages.h"
#include "domain/quota.h"
#include "mmu/grant_map.h"
#include "mmu/memory_map.h"
#include "mmu/types.h"
#include "mmu/unfinished.h"
#include "mmu/vcpu_mmu.h"

static long abandon_own(void)
{
    struct vcpu *self = current_vcpu();

    return self && self->mmu ? unfinished_abandon(self) : 0;
}

/*
 * The caller's own list first: pieces of this domain's tables may have been left there, to be
 * released, or by a call that it has not issued again. Such a call starts anew if it does. Then
 * what the domain's vCPUs, which don't run any more, have left.
 */
static int relinquish(struct domain *d)
{
    long result = abandon_own();

    while (result == 0 && d->relinquish_next < d->max_vcpus) {
        struct vcpu *v = d->vcpus[d->relinquish_next];
        result = v ? unfinished_abandon(v) : 0;
        if (result == 0 && ++d->relinquish_next < d->max_vcpus && should_stop()) {
            result = HYPERCALL_RESTART;
        }
    }
    return (int)result;
}

static long unpin(struct frame *f)
{
    struct vcpu *self = current_vcpu();

    if (!f) {
        return abandon_own();
    }
    (void)table_unpin(f);
    return self && self->mmu && unfinished_pending(self) ? HYPERCALL_RESTART : 0;
}

static uint64_t most_heap(const struct domain *d)
{
    return memory_map_most_heap() + d->max_vcpus * quota_cost(1, sizeof(struct vcpu_mmu));
}

static struct domain_part part = {
    .name = "mmu",
    .create_vcpu = unfinished_create,
    .relinquish = relinquish,
    .destroy_vcpu = unfinished_destroy,
    .destroy = memory_map_free,
    .most_heap = most_heap,
};

void mmu_init(void)
{
    frame_unpin = unpin;
    grant_map_init();
    domain_register_part(&part);
}
