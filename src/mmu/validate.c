// SPDX-License-Identifier: Apache-2.0
// Claims and releases all entries of a table, and checks descriptors.
#include "mmu/validate.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "base/cpu.h"
#include "lib/string.h"
#include "mmu/l1tf.h"
#include "mmu/policy.h"
#include "mmu/present.h"
#include "mmu/pte.h"
#include "mmu/types.h"

static pte_t hypervisor_slots[HV_LAST_SLOT - HV_FIRST_SLOT + 1];

/*
 * Guests may see the machine-to-physical table, which has the first slot. That all else is out of
 * their reach is settled in the top level already: a linear page table would let them read the
 * lower levels' pages.
 */
void l4_template_set(const uint64_t *slots)
{
    memcpy(hypervisor_slots, slots, sizeof(hypervisor_slots));
    for (unsigned int i = 1; i < ARRAY_SIZE(hypervisor_slots); i++) {
        hypervisor_slots[i] &= ~PTE_US;
    }
}

static pte_t *entries_of(const struct frame *f)
{
    return frame_to_virt(mfn_of(f));
}

/*
 * Entries that hold a claim, above level 1: the first from `slot` on, and one more than the last
 * below `end`.
 */
static unsigned int next_claim(const struct frame *f, unsigned int level, unsigned int slot)
{
    slot = next_present(entries_of(f), slot);
    if (level == 4 && slot_is_hypervisor(slot)) {
        slot = next_present(entries_of(f), HV_LAST_SLOT + 1);
    }
    return slot;
}

static unsigned int end_of_claims(const struct frame *f, unsigned int level, unsigned int end)
{
    end = end_of_present(entries_of(f), end);
    if (level == 4 && end > 0 && slot_is_hypervisor(end - 1)) {
        end = end_of_present(entries_of(f), HV_FIRST_SLOT);
    }
    return end;
}

/* ---- claiming ----------------------------------------------------------------------------------
 */

static unsigned int progress(const struct frame *f)
{
    return frame_entries(f) & ~TABLE_CHILD_PARTIAL;
}

static struct frame *partial_child(const struct frame *f)
{
    return frame_of(pte_mfn(entries_of(f)[progress(f) - 1]));
}

/* On with the child that was left partial: then it holds its claim, or none. */
static long claim_child_on(struct domain *d, struct frame *f, bool preemptible)
{
    long result = table_build_on(d, partial_child(f), preemptible);

    if (result != TABLE_PARTIAL) {
        frame_set_entries(f, progress(f) - (result != 0));
    }
    return result;
}

static long claim_entry(const struct entry_rights *rights, struct frame *f, unsigned int level,
                        unsigned int slot)
{
    pte_t entry = READ_ONCE(entries_of(f)[slot]);
    long result = entry_claim(rights, level, f, &entry);

    if (result == 0 || result == TABLE_PARTIAL) {
        WRITE_ONCE(entries_of(f)[slot], entry);
        frame_set_entries(f, slot + 1);
    }
    if (result == TABLE_PARTIAL) {
        frame_set_entries(f, (slot + 1) | TABLE_CHILD_PARTIAL);
    }
    return result;
}

static void fill_hypervisor_slots(struct frame *f)
{
    memcpy(&entries_of(f)[HV_FIRST_SLOT], hypervisor_slots, sizeof(hypervisor_slots));
}

bool hypervisor_slots_intact(const struct frame *f)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(hypervisor_slots); i++) {
        /* The processor notes that it used an entry. */
        pte_t changed = entries_of(f)[HV_FIRST_SLOT + i] ^ hypervisor_slots[i];
        if ((changed & ~PTE_A) != 0) {
            return false;
        }
    }
    return true;
}

/* 512 small steps: at once. */
static long claim_pages(const struct entry_rights *rights, struct frame *f)
{
    unsigned int done = 0;
    long result = entries_claim_pages(rights, entries_of(f), &done);

    frame_set_entries(f, done);
    return result;
}

long table_claim_entries(struct domain *d, struct frame *f, unsigned int level, bool preemptible)
{
    const struct entry_rights rights = {
        .tables = d, .frames = d, .caller = d, .part = true, .preemptible = preemptible};
    bool moved = false;
    long result = 0;

    if (frame_entries(f) == 0 && !absent_entries_ok(d, f, level)) {
        return -EINVAL;
    }
    if (level == 1) {
        return claim_pages(&rights, f);
    }
    if ((frame_entries(f) & TABLE_CHILD_PARTIAL) != 0) {
        result = claim_child_on(d, f, preemptible);
        moved = true;
    }
    while (result == 0 && frame_entries(f) < TABLE_ENTRIES) {
        unsigned int slot = next_claim(f, level, frame_entries(f));
        frame_set_entries(f, slot);
        if (slot == TABLE_ENTRIES) {
            break;
        }
        if (moved && preemptible && should_stop()) {
            result = TABLE_PARTIAL;
        } else {
            result = claim_entry(&rights, f, level, slot);
            moved = true;
        }
    }
    if (result == 0 && level == 4) {
        fill_hypervisor_slots(f);
        root_edited(d);
    }
    /* A table that is being worked on elsewhere: later, with what is done so far. */
    return result == HYPERCALL_RESTART ? TABLE_PARTIAL : result;
}

/* ---- releasing ---------------------------------------------------------------------------------
 */

static long release_last(struct frame *f, unsigned int level, bool preemptible)
{
    unsigned int slot = progress(f) - 1;
    long result;

    if ((frame_entries(f) & TABLE_CHILD_PARTIAL) != 0) {
        result = table_release_on(partial_child(f), preemptible);
    } else {
        result = entry_release_part(level, f, entries_of(f)[slot], preemptible);
    }
    frame_set_entries(f, result == 0 ? slot : (slot + 1) | TABLE_CHILD_PARTIAL);
    return result;
}

long table_release_entries(struct frame *f, unsigned int level, bool preemptible)
{
    bool moved = false;
    long result = 0;

    if (level == 1) {
        entries_release_pages(entries_of(f), frame_entries(f));
        frame_set_entries(f, 0);
        return 0;
    }
    while (result == 0 && frame_entries(f) > 0) {
        if ((frame_entries(f) & TABLE_CHILD_PARTIAL) == 0) {
            frame_set_entries(f, end_of_claims(f, level, frame_entries(f)));
            if (frame_entries(f) == 0) {
                break;
            }
        }
        if (moved && preemptible && should_stop()) {
            result = TABLE_PARTIAL;
        } else {
            result = release_last(f, level, preemptible);
            moved = true;
        }
    }
    return result;
}

/* ---- descriptors (processor manual volume 3, 3.4.5 and 5.8.3) -------------------------------- */

#define DESCRIPTOR_PRESENT         (1ULL << 47)
#define DESCRIPTOR_DPL             (3ULL << 45)
#define DESCRIPTOR_CODE_DATA       (1ULL << 44)
#define DESCRIPTOR_CONFORMING_CODE (3ULL << 42)

bool descriptor_fix(uint64_t *descriptor)
{
    uint64_t value = *descriptor;

    if ((value & DESCRIPTOR_PRESENT) == 0) {
        return true;
    }
    if ((value & DESCRIPTOR_CODE_DATA) == 0) {
        /* System descriptors, and gates: a call gate would lead where its maker likes. */
        return false;
    }
    /* Ring 3 is what all of a guest runs in. Conforming code would inherit its caller's ring. */
    if ((value & DESCRIPTOR_CONFORMING_CODE) == DESCRIPTOR_CONFORMING_CODE &&
        (value & DESCRIPTOR_DPL) != DESCRIPTOR_DPL) {
        return false;
    }
    *descriptor = value | DESCRIPTOR_DPL;
    return true;
}

/* The page is not written any more by anybody when it is checked, so raising a DPL here is safe. */
bool descriptors_valid(const struct frame *f)
{
    uint64_t *table = frame_to_virt(mfn_of(f));

    for (unsigned int i = 0; i < PAGE_SIZE / sizeof(*table); i++) {
        if (!descriptor_fix(&table[i])) {
            return false;
        }
    }
    return true;
}
