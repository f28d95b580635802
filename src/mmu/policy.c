// SPDX-License-Identifier: Apache-2.0
// Which page-table entries are allowed.
#include "mmu/policy.h"

#include "abi/errno.h"
#include "domain/access.h"
#include "mmu/l1tf.h"
#include "mmu/linear.h"
#include "mmu/m2p.h"
#include "mmu/page_entry.h"
#include "mmu/present.h"
#include "mmu/types.h"

/* Bits that nobody may set: reserved by the processor, or with a meaning Pavise does not offer. */
#define UPPER_REFUSED (PTE_PSE | PTE_G)

/* ---- bits --------------------------------------------------------------------------------------
 */

bool domain_has_devices(const struct domain *d)
{
    return d->hardware || READ_ONCE(d->io_memory->count) != 0;
}

/* RAM that is mapped with two caching types can hold two contents; only devices need that. */
cold_fn pte_t page_restrict_caching(const struct entry_rights *rights, pte_t entry)
{
    if (page_is_device(pte_mfn(entry)) || domain_has_devices(rights->tables)) {
        return entry;
    }
    return entry & ~PTE_CACHING;
}

int entry_adjust(const struct entry_rights *rights, unsigned int level, pte_t *entry)
{
    if (level == 1) {
        *entry = page_adjust(rights, *entry);
        return 0;
    }
    if ((*entry & UPPER_REFUSED) != 0) {
        return -EINVAL;
    }
    *entry |= PTE_US;
    return 0;
}

/* ---- level 1 -----------------------------------------------------------------------------------
 */

bool (*device_frame_is_read_only)(mfn_t m);

/* A guest may look at what Pavise keeps in a device, and is not told that it can't write there. */
static long claim_device(const struct entry_rights *rights, mfn_t m, pte_t *entry)
{
    struct domain *who = rights->frames ? rights->frames : rights->caller;

    if (!domain_may_map(who, m.n, m.n)) {
        return -EPERM;
    }
    if ((*entry & PTE_RW) != 0 && device_frame_is_read_only && device_frame_is_read_only(m)) {
        *entry &= ~PTE_RW;
    }
    return 0;
}

/* Pages of Pavise's that it lets privileged domains look at: the machine-to-physical table. */
static long claim_hypervisor_frame(struct frame *f, pte_t entry)
{
    if ((entry & PTE_RW) != 0 || !frame_is_m2p(f)) {
        return -EPERM;
    }
    return frame_get(f, DOMID_XEN) ? 0 : -EINVAL;
}

/* What is not memory of whom it should be, or not to be had that way. */
cold_fn long page_claim_special(const struct entry_rights *rights, pte_t *entry)
{
    mfn_t m = pte_mfn(*entry);

    if (page_is_device(m)) {
        return claim_device(rights, m, entry);
    }
    return rights->hypervisor_frames ? claim_hypervisor_frame(frame_of_guests(m), *entry) : -EINVAL;
}

long entries_claim_pages(const struct entry_rights *rights, pte_t *entries, unsigned int *done)
{
    long result = 0;

    for (; *done < TABLE_ENTRIES; ++*done) {
        pte_t entry = READ_ONCE(entries[*done]), adjusted;
        if ((entry & PTE_P) == 0) {
            *done += absent_after(entries, *done);
            continue;
        }
        adjusted = page_adjust(rights, entry);
        result = page_claim(rights, &adjusted);
        if (unlikely(result != 0)) {
            break;
        }
        if (adjusted != entry) {
            WRITE_ONCE(entries[*done], adjusted);
        }
    }
    return result;
}

void entries_release_pages(const pte_t *entries, unsigned int count)
{
    for (unsigned int slot = 0; slot < count; slot++) {
        pte_t entry = READ_ONCE(entries[slot]);
        if ((entry & PTE_P) != 0) {
            page_release(entry);
        } else {
            slot += absent_after(entries, slot);
        }
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
    f = frame_of_guests(m);
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
        return absent_entry_ok(rights->tables, *entry) ? 0 : -EINVAL;
    }
    error = entry_adjust(rights, level, entry);
    if (error != 0) {
        return error;
    }
    return level == 1 ? page_claim(rights, entry) : claim_table(rights, level, table, *entry);
}

void entry_release(unsigned int level, struct frame *table, pte_t entry)
{
    struct frame *f;

    if ((entry & PTE_P) == 0) {
        return;
    }
    if (level == 1) {
        page_release(entry);
        return;
    }
    f = let_go(level, table, entry);
    if (f) {
        table_put(f);
    }
}

long entry_release_part(unsigned int level, struct frame *table, pte_t entry, bool preemptible)
{
    struct frame *f = let_go(level, table, entry);

    return f ? table_drop(f, preemptible) : 0;
}
