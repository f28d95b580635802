// SPDX-License-Identifier: Apache-2.0
// VCPUOP_register_vcpu_info: a vCPU's words move from shared_info to a page of the guest's.
#include "abi/errno.h"
#include "arch/frames.h"
#include "base/cpu.h"
#include "event/channel.h"
#include "event/two_level.h"
#include "lib/string.h"

/* Where the words of dead domains' vCPUs point to; nobody reads it. */
static struct vcpu_info nobody;

/*
 * Other CPUs may set bits in the old words until they see the new ones; bits set after the copy
 * would be lost, were not all of the new ones set. The guest finds nothing behind most of them.
 */
static void move_words(struct vcpu *v, struct vcpu_info *to)
{
    *to = *v->info;
    __atomic_store_n(&v->info, to, __ATOMIC_SEQ_CST);
    two_level_select_all(v);
    __atomic_store_n(&to->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
}

static int register_locked(struct vcpu *v, mfn_t frame, uint32_t offset)
{
    struct domain *d = v->domain;
    bool may_run =
        v != current_vcpu() && (__atomic_load_n(&v->pause, __ATOMIC_SEQ_CST) & VCPU_DOWN) == 0;

    if (v->registered_info || may_run || d->life != DOMAIN_ALIVE) {
        return -EINVAL;
    }
    if (!mfn_valid(frame) || !frame_get_writable(frame_of_guests(frame), d->id)) {
        return -EINVAL;
    }
    v->registered_info = true;
    v->info_frame = frame;
    move_words(v, (struct vcpu_info *)((char *)frame_to_virt(frame) + offset));
    return 0;
}

int event_register_vcpu_info(struct vcpu *v, mfn_t frame, uint32_t offset)
{
    int error;

    if (offset > PAGE_SIZE - sizeof(struct vcpu_info) || offset % 8 != 0) {
        return -ENXIO;
    }
    spin_lock(&v->domain->lock);
    error = register_locked(v, frame, offset);
    spin_unlock(&v->domain->lock);
    return error;
}

void vcpu_info_release(struct domain *d)
{
    for (uint32_t id = 0; id < d->max_vcpus; id++) {
        struct vcpu *v = vcpu_of(d, id);
        if (!v) {
            continue;
        }
        __atomic_store_n(&v->info, &nobody, __ATOMIC_SEQ_CST);
        if (v->registered_info) {
            v->registered_info = false;
            frame_put_writable(frame_of(v->info_frame));
        }
    }
}
