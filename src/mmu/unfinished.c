// SPDX-License-Identifier: Apache-2.0
// Interrupted work on page tables, and how it goes on.
#include "mmu/unfinished.h"

#include "abi/errno.h"
#include "base/hypercall.h"
#include "base/panic.h"
#include "memory/allocator.h"
#include "mmu/memory_map.h"
#include "mmu/types.h"
#include "mmu/validate.h"

/* A build may nest four levels, and each level may leave one release; nothing nests deeper. */
#define MAX_ITEMS 16

struct vcpu_mmu {
    unsigned int count;
    struct item {
        struct frame *frame;
        enum unfinished_kind kind;
        bool built;
    } item[MAX_ITEMS];
};

static struct vcpu_mmu *of(const struct vcpu *v)
{
    return v->mmu;
}

bool unfinished_has_room(const struct vcpu *v)
{
    return of(v) && of(v)->count <= MAX_ITEMS - 4;
}

void unfinished_add(struct vcpu *v, struct frame *f, enum unfinished_kind kind)
{
    struct vcpu_mmu *m = of(v);

    BUG_ON(m->count == MAX_ITEMS);
    m->item[m->count++] = (struct item){f, kind, false};
}

static void remove_item(struct vcpu_mmu *m, unsigned int at)
{
    m->count--;
    for (unsigned int i = at; i < m->count; i++) {
        m->item[i] = m->item[i + 1];
    }
}

/*
 * One item further. Inner tables were added before the outer ones that need them, so the first
 * that is not done is the one to do.
 */
static long step(struct vcpu_mmu *m, unsigned int at)
{
    struct item *item = &m->item[at];
    struct frame *f = item->frame;
    long result;

    if (item->kind == UNFINISHED_RELEASE) {
        remove_item(m, at);
        /* May add items itself; its own comes back when it is preempted again. */
        result = table_release_on(f);
        if (result == HYPERCALL_RESTART) {
            m->item[m->count++] = (struct item){f, UNFINISHED_RELEASE, false};
        }
        return result;
    }
    result = table_build_on(f);
    if (result == 0) {
        item->built = true;
    } else if (result != HYPERCALL_RESTART) {
        /* It can't be built: its count is gone, and whoever wanted it learns it by asking again. */
        remove_item(m, at);
        result = 0;
    }
    return result;
}

static bool pending(const struct vcpu_mmu *m, unsigned int *at)
{
    for (*at = 0; *at < m->count; ++*at) {
        if (!m->item[*at].built) {
            return true;
        }
    }
    return false;
}

long unfinished_resume(struct vcpu *v)
{
    struct vcpu_mmu *m = of(v);
    unsigned int at;

    if (likely(m->count == 0)) {
        return 0;
    }
    while (pending(m, &at)) {
        long result = step(m, at);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

void unfinished_drop_built(struct vcpu *v)
{
    struct vcpu_mmu *m = of(v);
    unsigned int at = 0;

    while (at < m->count) {
        if (m->item[at].built) {
            struct frame *f = m->item[at].frame;
            remove_item(m, at);
            table_put(f);
        } else {
            at++;
        }
    }
}

long unfinished_finish(struct vcpu *v)
{
    long result = unfinished_resume(v);

    if (result == 0) {
        unfinished_drop_built(v);
        result = of(v)->count > 0 ? HYPERCALL_RESTART : 0;
    }
    return result;
}

static int create_vcpu(struct vcpu *v)
{
    v->mmu = heap_new(struct vcpu_mmu);
    return v->mmu ? 0 : -ENOMEM;
}

static void destroy_vcpu(struct vcpu *v)
{
    heap_free(v->mmu);
}

static struct domain_part part = {
    .name = "mmu",
    .create_vcpu = create_vcpu,
    .destroy_vcpu = destroy_vcpu,
    .destroy = memory_map_free,
};

void mmu_init(void)
{
    domain_register_part(&part);
}
