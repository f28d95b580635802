// SPDX-License-Identifier: Apache-2.0
// GDT and LDT pages: typed as descriptor pages while a vCPU uses them.
#include "mmu/ldt.h"

#include "abi/errno.h"
#include "arch/pv.h"
#include "mmu/policy.h"
#include "mmu/types.h"
#include "mmu/walk.h"

#define ENTRIES_PER_PAGE 512U
#define LDT_MAX_ENTRIES  8192U

/* ---- GDT ------------------------------------------------------------------------------------ */

static void put_frames(const mfn_t *frames, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        if (frames[i].n != MFN_INVALID) {
            descriptors_put(frame_of(frames[i]));
        }
    }
}

void gdt_drop(struct vcpu *v)
{
    mfn_t old[GDT_GUEST_PAGES];

    for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++) {
        old[i] = v->gdt_frames[i];
        v->gdt_frames[i] = mfn(MFN_INVALID);
    }
    v->gdt_entries = 0;
    put_frames(old, GDT_GUEST_PAGES);
}

long gdt_set(struct vcpu *v, const uint64_t *frames, uint32_t entries)
{
    unsigned int pages = (entries + ENTRIES_PER_PAGE - 1) / ENTRIES_PER_PAGE;
    mfn_t taken[GDT_GUEST_PAGES];

    if (entries > GDT_GUEST_ENTRIES) {
        return -EINVAL;
    }
    for (unsigned int i = 0; i < pages; i++) {
        taken[i] = mfn(frames[i]);
        if (!mfn_valid(taken[i]) || descriptors_get(v->domain, frame_of_guests(taken[i])) != 0) {
            put_frames(taken, i);
            return -EINVAL;
        }
    }
    gdt_drop(v);
    v->gdt_entries = entries;
    for (unsigned int i = 0; i < pages; i++) {
        v->gdt_frames[i] = taken[i];
    }
    return 0;
}

/* ---- LDT ------------------------------------------------------------------------------------ */

void ldt_drop(struct vcpu *v)
{
    uint32_t mapped = v->ldt_mapped;

    v->ldt_mapped = 0;
    v->ldt_entries = 0;
    for (unsigned int page = 0; page < LDT_MAX_PAGES; page++) {
        if ((mapped >> page) & 1) {
            descriptors_put(frame_of(v->ldt_frames[page]));
        }
    }
}

/* The frame that the guest maps at an address; the entry may change right after. */
static bool mapped_frame(const struct vcpu *v, uint64_t va, mfn_t *m)
{
    unsigned int slot;
    struct frame *l1 = walk_to_l1(v, va, &slot);
    pte_t entry;

    if (!l1 || table_lock(v->domain, l1) == 0) {
        return false;
    }
    entry = READ_ONCE(*table_entry(l1, slot));
    table_unlock(l1);
    *m = pte_mfn(entry);
    return (entry & PTE_P) != 0 && mfn_valid(*m);
}

bool ldt_show_page(struct vcpu *v, uint32_t offset)
{
    unsigned int page = offset / PAGE_SIZE;
    mfn_t m;

    if (offset >= v->ldt_entries * 8 || (v->ldt_mapped >> page) & 1 ||
        !mapped_frame(v, v->ldt_base + page * PAGE_SIZE, &m) ||
        descriptors_get(v->domain, frame_of(m)) != 0) {
        return false;
    }
    v->ldt_frames[page] = m;
    v->ldt_mapped |= 1U << page;
    arch_load_ldt(v);
    return true;
}

long ldt_take(struct vcpu *v, uint64_t base, uint64_t entries)
{
    if (entries > LDT_MAX_ENTRIES || (base & (PAGE_SIZE - 1)) != 0) {
        return -EINVAL;
    }
    ldt_drop(v);
    v->ldt_base = base;
    v->ldt_entries = (uint32_t)entries;
    return 0;
}

static cold_fn long change(struct vcpu *v, uint64_t base, uint32_t entries)
{
    long result = ldt_take(v, base, entries);

    if (result == 0) {
        arch_load_ldt(v);
    }
    return result;
}

long ldt_set(struct vcpu *v, uint64_t base, uint32_t entries)
{
    return entries == 0 && v->ldt_entries == 0 ? 0 : change(v, base, entries);
}
