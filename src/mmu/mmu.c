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

/*
 * The caller's own list first: pieces of this domain's tables may have been left there, to be
 * released, or by a call that it has not issued again. Such a call starts anew if it does. Then
 * what the domain's vCPUs, which don't run any more, have left.
 */
static int relinquish(struct domain *d)
{
    struct vcpu *self = current_vcpu();
    long result = self && self->mmu ? unfinished_abandon(self) : 0;

    for (unsigned int i = 0; result == 0 && i < d->max_vcpus; i++) {
        if (d->vcpus[i]) {
            result = unfinished_abandon(d->vcpus[i]);
        }
    }
    return (int)result;
}

static long unpin(struct frame *f)
{
    struct vcpu *self = current_vcpu();

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
