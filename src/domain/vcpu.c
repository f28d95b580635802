// SPDX-License-Identifier: Apache-2.0
// vCPUs: creation and end, and the reasons for which one does not run.
#include "domain/vcpu.h"

#include "base/cpu.h"
#include "domain/domain.h"
#include "domain/part.h"
#include "domain/quota.h"

void (*vcpu_woken)(struct vcpu *v);
void (*vcpu_slept)(struct vcpu *v);
bool (*vcpu_on_cpu)(struct vcpu *v);

/* XSAVE areas are as large as the CPU says; the seam gives the number. */
size_t vcpu_fpu_bytes = 4096;

#define TRAPS 256

uint64_t vcpu_cost(void)
{
    return quota_cost(1, sizeof(struct vcpu)) + quota_cost(TRAPS, sizeof(struct trap_info)) +
           quota_cost(1, vcpu_fpu_bytes);
}

static void free_record(struct vcpu *v)
{
    struct domain *d = v->domain;

    quota_free(d, v->fpu);
    quota_free(d, v->traps);
    quota_free(d, v);
}

/* The first MAX_VIRT_CPUS have their words in shared_info; the rest get a page's worth of none. */
static struct vcpu_info no_info_yet = {.evtchn_upcall_mask = 1};

struct vcpu *vcpu_create(struct domain *d, unsigned int id)
{
    struct vcpu *v = quota_new(d, struct vcpu);

    if (!v) {
        return NULL;
    }
    v->domain = d;
    v->id = id;
    v->pause = VCPU_DOWN;
    v->mode = MODE_KERNEL;
    v->info = id < XEN_LEGACY_MAX_VCPUS ? &d->shared->vcpu_info[id] : &no_info_yet;
    v->traps = quota_new_array(d, struct trap_info, TRAPS);
    v->fpu = quota_alloc(d, vcpu_fpu_bytes);
    for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++) {
        v->gdt_frames[i] = mfn(MFN_INVALID);
    }
    if (!v->traps || !v->fpu || parts_create_vcpu(v) != 0) {
        free_record(v);
        return NULL;
    }
    if (d->pause_count > 0) {
        vcpu_set_pause(v, VCPU_DOMAIN_PAUSED);
    }
    /* Others look without the lock: what they find is whole. */
    __atomic_store_n(&d->vcpus[id], v, __ATOMIC_RELEASE);
    return v;
}

void vcpu_destroy(struct vcpu *v)
{
    v->domain->vcpus[v->id] = NULL;
    parts_destroy_vcpu(v);
    free_record(v);
}

void vcpu_set_pause(struct vcpu *v, enum vcpu_pause why)
{
    uint32_t before = __atomic_fetch_or(&v->pause, (uint32_t)why, __ATOMIC_SEQ_CST);

    if (before == 0 && vcpu_slept) {
        vcpu_slept(v);
    }
}

void vcpu_clear_pause(struct vcpu *v, enum vcpu_pause why)
{
    uint32_t before = __atomic_fetch_and(&v->pause, ~(uint32_t)why, __ATOMIC_SEQ_CST);

    if (before != 0 && (before & ~(uint32_t)why) == 0 && vcpu_woken) {
        vcpu_woken(v);
    }
}
