// SPDX-License-Identifier: Apache-2.0
// Which page-table entries are allowed.
#include "mmu/policy.h"

#include "abi/errno.h"
#include "mmu/linear.h"
#include "mmu/m2p.h"
#include "mmu/types.h"

/* Bits that nobody may set: reserved by the processor, or with a meaning Pavise does not offer. */
#define UPPER_REFUSED (PTE_PSE | PTE_G)

#define PTE_CACHING (PTE_PWT | PTE_PCD | PTE_PAT)

/* ---- bits --------------------------------------------------------------------------------------
 */

bool domain_has_devices(const struct domain *d)
{
    return d->hardware || d->io_memory->count != 0;
}

/* Not RAM, or RAM that the firmware keeps: nothing to count, only to permit. */
static bool is_device(mfn_t m)
{
    return !mfn_valid(m) || READ_ONCE(frame_of(m)->owner) == DOMID_IO;
}

int entry_adjust(const struct entry_rights *rights, unsigned int level, pte_t *entry)
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
    /* RAM that is mapped with two caching types can hold two contents; only devices need that. */
    if (unlikely((*entry & PTE_CACHING) != 0) && !is_device(pte_mfn(*entry)) &&
        !domain_has_devices(rights->tables)) {
        *entry &= ~PTE_CACHING;
    }
    return 0;
}

/* ---- level 1 -----------------------------------------------------------------------------------
 */

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

static void release_page(pte_t entry)
{
    mfn_t m = pte_mfn(entry);

    if (is_device(m)) {
        return;
    }
    if ((entry & PTE_RW) != 0) {
        frame_put_writable(frame_of(m));
    } else {
        frame_put(frame_of(m));
    }
}

/* ---- levels 2 to 4 -----------------------------------------------------------------------------
 */

static long claim_table(const struct entry_rights *rights, unsigned int level, struct frame *table,
                        pte_t entry)
{
    mfn_t m = pte_mfn(entry);
    struct frame *f;

    if (!mfn_valid(m)) {
        return -EINVAL;
    }
    f = frame_of(m);
    if ((entry & PTE_RW) == 0) {
        /* A table may map itself, read-only: its own life bounds that of the entry. */
        if (f == table) {
            return 0;
        }
        if (linear_is_target(f, level)) {
            return linear_claim(rights->tables, table, f, level);
        }
    }
    if (f == table) {
        return -EINVAL;
    }
    return rights->part ? table_claim(rights->tables, f, level - 1, rights->preemptible)
                        : table_get(rights->tables, f, level - 1);
}

/* The table that an entry holds a count on; NULL where it holds none. Ends a linear mapping. */
static struct frame *let_go(unsigned int level, struct frame *table, pte_t entry)
{
    struct frame *f = frame_of(pte_mfn(entry));

    if (f == table) {
        return NULL;
    }
    if (linear_is_target(f, level)) {
        linear_end(table, f);
    }
    return f;
}

/* ---- the decision ------------------------------------------------------------------------------
 */

long entry_claim(const struct entry_rights *rights, unsigned int level, struct frame *table,
                 pte_t *entry)
{
    int error;

    if ((*entry & PTE_P) == 0) {
        return 0;
    }
    error = entry_adjust(rights, level, entry);
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
    struct frame *f;

    if ((entry & PTE_P) == 0) {
        return;
    }
    if (level == 1) {
        release_page(entry);
        return;
    }
    f = let_go(level, table, entry);
    if (f) {
        table_put(f);
    }
}

long entry_release_part(unsigned int level, struct frame *table, pte_t entry, bool preemptible)
{
    struct frame *f;

    if (level == 1) {
        release_page(entry);
        return 0;
    }
    f = let_go(level, table, entry);
    return f ? table_drop(f, preemptible) : 0;
}
