// SPDX-License-Identifier: Apache-2.0
// Which page-table entries are allowed.
#include "mmu/policy.h"

#include "abi/errno.h"
#include "mmu/m2p.h"
#include "mmu/types.h"

/* Bits that nobody may set: reserved by the processor, or with a meaning Pavise does not offer. */
#define UPPER_REFUSED (PTE_PSE | PTE_G)

int entry_adjust(unsigned int level, pte_t *entry)
{
    if (level > 1) {
        if ((*entry & UPPER_REFUSED) != 0) {
            return -EINVAL;
        }
        *entry |= PTE_US;
        return 0;
    }
    if ((*entry & PTE_GUEST_KERNEL) == 0 && (*entry & PTE_US) != 0) {
        *entry |= PTE_G;
    } else {
        *entry = (*entry & ~PTE_G) | PTE_US | PTE_GUEST_KERNEL;
    }
    return 0;
}

/* Not RAM, or RAM that the firmware keeps: nothing to count, only to permit. */
static bool is_device(mfn_t m)
{
    return !mfn_valid(m) || READ_ONCE(frame_of(m)->owner) == DOMID_IO;
}

static long claim_device(const struct entry_rights *rights, mfn_t m)
{
    const struct domain *who = rights->frames ? rights->frames : rights->caller;

    return ranges_contain(who->io_memory, m.n, m.n) ? 0 : -EPERM;
}

/* Pages of Pavise's that it lets privileged domains look at: the machine-to-physical table. */
static long claim_hypervisor_frame(struct frame *f, pte_t entry)
{
    if ((entry & PTE_RW) != 0 || !frame_is_m2p(f)) {
        return -EPERM;
    }
    return frame_get(f, DOMID_XEN) ? 0 : -EINVAL;
}

static long claim_page(const struct entry_rights *rights, pte_t entry)
{
    mfn_t m = pte_mfn(entry);
    struct frame *f;

    if (is_device(m)) {
        return claim_device(rights, m);
    }
    f = frame_of(m);
    if (rights->hypervisor_frames) {
        return claim_hypervisor_frame(f, entry);
    }
    if (rights->io_only || !rights->frames) {
        return -EINVAL;
    }
    if ((entry & PTE_RW) != 0) {
        return frame_get_writable(f, rights->frames->id) ? 0 : -EINVAL;
    }
    return frame_get(f, rights->frames->id) ? 0 : -EINVAL;
}

static long claim_table(const struct entry_rights *rights, unsigned int level, struct frame *table,
                        pte_t entry)
{
    mfn_t m = pte_mfn(entry);
    struct frame *f;

    if (!mfn_valid(m)) {
        return -EINVAL;
    }
    f = frame_of(m);
    /* A table may map itself, read-only: its own life bounds that of the entry. */
    if (f == table) {
        return (entry & PTE_RW) == 0 ? 0 : -EINVAL;
    }
    return table_get(rights->tables, f, level - 1);
}

long entry_claim(const struct entry_rights *rights, unsigned int level, struct frame *table,
                 pte_t *entry)
{
    int error;

    if ((*entry & PTE_P) == 0) {
        return 0;
    }
    error = entry_adjust(level, entry);
    if (error != 0) {
        return error;
    }
    if (level == 1) {
        return claim_page(rights, *entry);
    }
    return claim_table(rights, level, table, *entry);
}

void entry_release(unsigned int level, struct frame *table, pte_t entry)
{
    mfn_t m = pte_mfn(entry);
    struct frame *f;

    if ((entry & PTE_P) == 0 || is_device(m)) {
        return;
    }
    f = frame_of(m);
    if (level > 1) {
        if (f != table) {
            table_put(f);
        }
    } else if ((entry & PTE_RW) != 0) {
        frame_put_writable(f);
    } else {
        frame_put(f);
    }
}
