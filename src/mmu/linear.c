// SPDX-License-Identifier: Apache-2.0
// Linear page tables: who maps whom.
#include "mmu/linear.h"

#include "abi/errno.h"
#include "arch/race.h"
#include "mmu/types.h"

/* Move a frame's count by `step`, unless it is on the other side of zero. */
static bool count(struct frame *f, int32_t step)
{
    int32_t uses = READ_ONCE(f->linear_uses);

    do {
        race_window();
        if (step > 0 ? uses < 0 : uses > 0) {
            return false;
        }
    } while (!__atomic_compare_exchange_n(&f->linear_uses, &uses, uses + step, true,
                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return true;
}

bool linear_is_target(const struct frame *f, unsigned int level)
{
    uint64_t state = frame_state(f);

    return state_type(state) == table_type(level) && state_type_count(state) != 0;
}

long linear_claim(struct domain *d, struct frame *table, struct frame *f, unsigned int level)
{
    if (!frame_get(f, d->id)) {
        return -EINVAL;
    }
    if (count(table, -1)) {
        if (count(f, 1)) {
            if (table_share(f, level)) {
                return 0;
            }
            __atomic_sub_fetch(&f->linear_uses, 1, __ATOMIC_ACQ_REL);
        }
        __atomic_add_fetch(&table->linear_uses, 1, __ATOMIC_ACQ_REL);
    }
    frame_put(f);
    return -EINVAL;
}

void linear_end(struct frame *table, struct frame *f)
{
    __atomic_sub_fetch(&f->linear_uses, 1, __ATOMIC_ACQ_REL);
    __atomic_add_fetch(&table->linear_uses, 1, __ATOMIC_ACQ_REL);
}
