// SPDX-License-Identifier: Apache-2.0
// Interrupted work on page tables, and how it goes on.
#include "mmu/unfinished.h"

#include "abi/errno.h"
#include "base/cpu.h"
#include "base/hypercall.h"
#include "base/panic.h"
#include "domain/quota.h"
#include "mmu/types.h"

bool unfinished_has_room(const struct vcpu *v)
{
    return v && v->mmu && v->mmu->count <= UNFINISHED_ITEMS - UNFINISHED_BY_ONE_CALL;
}

void unfinished_add(struct vcpu *v, struct frame *f, enum unfinished_kind kind)
{
    struct vcpu_mmu *m = v->mmu;

    BUG_ON(m->count == UNFINISHED_ITEMS);
    m->item[m->count++] = (struct unfinished_item){f, kind, 0};
}

static void remove_item(struct vcpu_mmu *m, unsigned int at)
{
    m->count--;
    for (unsigned int i = at; i < m->count; i++) {
        m->item[i] = m->item[i + 1];
    }
}

long unfinished_failure(const struct vcpu *v, const struct frame *f)
{
    const struct vcpu_mmu *m = v ? v->mmu : NULL;

    for (unsigned int i = 0; m && i < m->count; i++) {
        if (m->item[i].kind == UNFINISHED_FAILED && m->item[i].frame == f) {
            return m->item[i].failure;
        }
    }
    return 0;
}

static bool to_do(const struct unfinished_item *item)
{
    return item->kind == UNFINISHED_BUILD || item->kind == UNFINISHED_RELEASE;
}

bool unfinished_waits(const struct vcpu *v)
{
    const struct vcpu_mmu *m = v->mmu;

    for (unsigned int i = 0; i < m->count; i++) {
        if (to_do(&m->item[i])) {
            return true;
        }
    }
    return false;
}

/* ---- going on ----------------------------------------------------------------------------------
 */

/* The item stays: what comes of it is told to the call. It may add others, behind it. */
static long build_on(struct unfinished_item *item)
{
    struct domain *d = domain_get(item->frame->owner);
    long result;

    BUG_ON(!d);
    result = table_build_on(d, item->frame, true);
    domain_put(d);
    if (result == TABLE_PARTIAL) {
        return HYPERCALL_RESTART;
    }
    item->kind = result == 0 ? UNFINISHED_BUILT : UNFINISHED_FAILED;
    item->failure = result;
    return 0;
}

static long release_on(struct vcpu_mmu *m, unsigned int at)
{
    if (table_release_on(m->item[at].frame, true) == TABLE_PARTIAL) {
        return HYPERCALL_RESTART;
    }
    remove_item(m, at);
    return 0;
}

static bool find_work(const struct vcpu_mmu *m, unsigned int *at)
{
    for (*at = 0; *at < m->count; ++*at) {
        if (to_do(&m->item[*at])) {
            return true;
        }
    }
    return false;
}

long unfinished_go_on(struct vcpu *v)
{
    struct vcpu_mmu *m = v->mmu;
    unsigned int at;
    long result = 0;

    while (result == 0 && m->count != 0 && find_work(m, &at)) {
        result = m->item[at].kind == UNFINISHED_BUILD ? build_on(&m->item[at]) : release_on(m, at);
        if (result == 0 && should_stop() && find_work(m, &at)) {
            result = HYPERCALL_RESTART;
        }
    }
    return result;
}

/* ---- the end of a call -------------------------------------------------------------------------
 */

static bool waits_for_build(const struct vcpu_mmu *m)
{
    for (unsigned int i = 0; i < m->count; i++) {
        if (m->item[i].kind == UNFINISHED_BUILD) {
            return true;
        }
    }
    return false;
}

static void drop_built(struct vcpu_mmu *m)
{
    unsigned int at = 0;

    while (at < m->count) {
        struct unfinished_item item = m->item[at];
        if (to_do(&item)) {
            at++;
            continue;
        }
        remove_item(m, at);
        if (item.kind == UNFINISHED_BUILT) {
            table_put(item.frame);
        }
    }
}

void unfinished_drop(struct vcpu *v)
{
    if (!waits_for_build(v->mmu)) {
        drop_built(v->mmu);
    }
}

long unfinished_abandon(struct vcpu *v)
{
    struct vcpu_mmu *m = v->mmu;

    for (unsigned int i = 0; i < m->count; i++) {
        if (m->item[i].kind == UNFINISHED_BUILD) {
            m->item[i].kind = UNFINISHED_RELEASE;
        }
    }
    drop_built(m);
    return unfinished_resume(v);
}

/* ---- the room's part ---------------------------------------------------------------------------
 */

int unfinished_create(struct vcpu *v)
{
    v->mmu = quota_new(v->domain, struct vcpu_mmu);
    if (!v->mmu) {
        return -ENOMEM;
    }
    v->mmu->own =
        (struct entry_rights){.tables = v->domain, .frames = v->domain, .caller = v->domain};
    return 0;
}

void unfinished_destroy(struct vcpu *v)
{
    quota_free(v->domain, v->mmu);
}

struct frame *unfinished_held(const struct vcpu *v, unsigned int index)
{
    const struct vcpu_mmu *m = v->mmu;

    for (unsigned int i = 0; i < m->count; i++) {
        if (m->item[i].kind != UNFINISHED_FAILED && index-- == 0) {
            return m->item[i].frame;
        }
    }
    return NULL;
}
