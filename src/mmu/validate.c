// SPDX-License-Identifier: Apache-2.0
// Claims and releases all entries of a table, and checks descriptors.
#include "mmu/validate.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "base/cpu.h"
#include "lib/string.h"
#include "mmu/policy.h"
#include "mmu/pte.h"
#include "mmu/types.h"
#include "mmu/unfinished.h"

static pte_t hypervisor_slots[HV_LAST_SLOT - HV_FIRST_SLOT + 1];

void l4_template_set(const uint64_t *slots)
{
    memcpy(hypervisor_slots, slots, sizeof(hypervisor_slots));
}

static bool skipped(unsigned int level, unsigned int slot)
{
    return level == 4 && slot_is_hypervisor(slot);
}

/* A table of level 1 or 2 is at most 512 (times 512) small steps; above, look up now and then. */
static bool stop_here(unsigned int level)
{
    return level >= 2 && preempt_wanted() && unfinished_has_room(current_vcpu());
}

long table_claim_entries(struct domain *d, struct frame *f, unsigned int level)
{
    const struct entry_rights rights = {.tables = d, .frames = d, .caller = d};
    pte_t *table = frame_to_virt(mfn_of(f));

    while (f->validated_entries < TABLE_ENTRIES) {
        unsigned int slot = f->validated_entries;
        pte_t entry = table[slot];
        if (!skipped(level, slot) && (entry & PTE_P) != 0) {
            long result =
                stop_here(level) ? HYPERCALL_RESTART : entry_claim(&rights, level, f, &entry);
            if (result != 0) {
                return result;
            }
            table[slot] = entry;
        }
        f->validated_entries++;
    }
    if (level == 4) {
        memcpy(&table[HV_FIRST_SLOT], hypervisor_slots, sizeof(hypervisor_slots));
    }
    return 0;
}

long table_release_entries(struct frame *f, unsigned int level, bool preemptible)
{
    pte_t *table = frame_to_virt(mfn_of(f));

    while (f->validated_entries > 0) {
        unsigned int slot = f->validated_entries - 1U;
        if (!skipped(level, slot) && (table[slot] & PTE_P) != 0) {
            if (preemptible && stop_here(level)) {
                return HYPERCALL_RESTART;
            }
            entry_release(level, f, table[slot]);
        }
        f->validated_entries--;
    }
    return 0;
}

/* ---- descriptors (processor manual volume 3, 3.4.5 and 5.8.3) -------------------------------- */

#define DESCRIPTOR_PRESENT         (1ULL << 47)
#define DESCRIPTOR_DPL             (3ULL << 45)
#define DESCRIPTOR_CODE_DATA       (1ULL << 44)
#define DESCRIPTOR_TYPE            (15ULL << 40)
#define TYPE_CALL_GATE             (12ULL << 40)
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
