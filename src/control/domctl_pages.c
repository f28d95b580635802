// SPDX-License-Identifier: Apache-2.0
// domctl: what frames are used for, and the tracking of changes to them.
#include "abi/errno.h"
#include "arch/guest.h"
#include "control/domctl.h"
#include "mmu/types.h"

#define MOST_FRAMES 1024 /* in one call: short enough not to be interrupted */

/* Its frame, whatever happens to it next; the type is a snapshot. */
static uint64_t describe(const struct domain *d, uint64_t number)
{
    struct frame *f = mfn_valid(mfn(number)) ? frame_of(mfn(number)) : NULL;
    uint64_t state, answer = XEN_DOMCTL_PFINFO_NOTAB;
    unsigned int level;

    if (!f || !frame_get(f, d->id)) {
        return XEN_DOMCTL_PFINFO_XTAB;
    }
    state = frame_state(f);
    level = state_type_count(state) != 0 ? type_level(state_type(state)) : 0;
    if (level != 0) {
        answer = (uint64_t)level << XEN_DOMCTL_PFINFO_LTAB_SHIFT;
        answer |= (state & FRAME_PINNED) != 0 ? XEN_DOMCTL_PFINFO_LPINTAB : 0;
    }
    frame_put(f);
    return answer;
}

/* Each number in the list is replaced by what the frame is. -E2BIG: too many at once; -EFAULT. */
long domctl_page_info(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_getpageframeinfo3 *p = &op->u.getpageframeinfo3;
    gva_t list = gva((uint64_t)p->array.p);

    if (p->num > MOST_FRAMES) {
        return -E2BIG;
    }
    for (uint64_t i = 0; i < p->num; i++) {
        xen_pfn_t entry;
        if (read_guest(&entry, list, i) != 0) {
            return -EFAULT;
        }
        entry = describe(d, entry);
        if (write_guest(list, i, &entry) != 0) {
            return -EFAULT;
        }
    }
    return 0;
}

static bool wants_dirty_log(const struct xen_domctl_shadow_op *s)
{
    return s->op == XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY ||
           (s->op == XEN_DOMCTL_SHADOW_OP_ENABLE && s->mode == XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY);
}

/*
 * Guests run on their own page tables, never on copies, so there is nothing to turn off, and
 * nothing notes which pages they write: -EOPNOTSUPP to who wants that, -EINVAL to all else.
 */
long domctl_shadow(struct domain *d, struct xen_domctl *op)
{
    return wants_dirty_log(&op->u.shadow_op) ? -EOPNOTSUPP : -EINVAL;
}
