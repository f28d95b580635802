// SPDX-License-Identifier: Apache-2.0
// Granted frames in page tables: entries are written here with the granter's frames in place of the
// domain's own, through the same checks as any, and each holds its own claim.
#include "mmu/grant_map.h"

#include "arch/tlb.h"
#include "grant/grant.h"
#include "mmu/flush_request.h"
#include "mmu/m2p.h"
#include "mmu/page_entry.h"
#include "mmu/types.h"
#include "mmu/walk.h"

/* An entry of a level-1 table that is locked. */
struct place {
    struct frame *table;
    unsigned int slot;
};

static pte_t *entry_at(const struct place *p)
{
    return table_entry(p->table, p->slot);
}

/* Where the entry is; its table is not locked, and may not be one any more. */
static bool find(const struct vcpu *v, uint64_t address, uint32_t flags, struct place *p)
{
    mfn_t m = maddr_to_mfn(maddr(address));

    if ((flags & GNTMAP_contains_pte) == 0) {
        p->table = walk_to_l1(v, address, &p->slot);
        return p->table != NULL;
    }
    if (address % sizeof(pte_t) != 0 || !mfn_valid(m)) {
        return false;
    }
    p->table = frame_of_guests(m);
    p->slot = (unsigned int)(address % PAGE_SIZE / sizeof(pte_t));
    return true;
}

static bool lock(const struct vcpu *v, const struct place *p)
{
    return table_lock_l1(v->domain, p->table);
}

static bool find_and_lock(const struct vcpu *v, uint64_t address, uint32_t flags, struct place *p)
{
    return find(v, address, flags, p) && lock(v, p);
}

/* ---- entries -----------------------------------------------------------------------------------
 */

/* Bits of an entry that the software of a guest may use, as many as the interface passes. */
#define AVAILABLE_SHIFT 9
#define AVAILABLE_BITS  7U

static always_inline_fn pte_t entry_of(const struct grant_mapping *mapping)
{
    pte_t entry = mapping->frame.n << PAGE_SHIFT | PTE_P | PTE_A | PTE_D;

    entry |= mapping->writable ? PTE_RW : 0;
    entry |= (mapping->flags & GNTMAP_application_map) != 0 ? PTE_US : 0;
    entry |= (mapping->cache & GTF_PWT) != 0 ? PTE_PWT : 0;
    entry |= (mapping->cache & GTF_PCD) != 0 ? PTE_PCD : 0;
    entry |= (mapping->cache & GTF_PAT) != 0 ? PTE_PAT : 0;
    return entry | (pte_t)(mapping->flags >> _GNTMAP_guest_avail0 & AVAILABLE_BITS)
                       << AVAILABLE_SHIFT;
}

static bool holds(const struct place *p, const struct grant_mapping *mapping)
{
    pte_t claim = mapping->frame.n << PAGE_SHIFT | PTE_P | (mapping->writable ? PTE_RW : 0);

    return entry_same_claim(READ_ONCE(*entry_at(p)), claim);
}

/* ---- operations (grant/grant.h)
 * ------------------------------------------------------------------ */

/* With the granter's frames. */
static int16_t map(struct vcpu *v, uint64_t address, const struct grant_mapping *mapping)
{
    const struct entry_rights rights = {
        .tables = v->domain, .frames = mapping->owner, .caller = v->domain};
    struct place p;
    pte_t *entry;
    long result;

    if (!find_and_lock(v, address, mapping->flags, &p)) {
        return GNTST_general_error;
    }
    entry = entry_at(&p);
    result = page_edit(&rights, entry, READ_ONCE(*entry), entry_of(mapping), PAGE_STORE);
    table_unlock(p.table);
    return result == 0 ? GNTST_okay : GNTST_general_error;
}

/* The entry of a locked table, which is present, loses its claim and gets `value` with one. */
static void exchange(pte_t *entry, pte_t value)
{
    page_release(__atomic_exchange_n(entry, value, __ATOMIC_SEQ_CST));
}

static int16_t unmap(struct vcpu *v, uint64_t address, const struct grant_mapping *mapping)
{
    int16_t status = GNTST_general_error;
    struct place p;

    if (!find_and_lock(v, address, mapping->flags, &p)) {
        return GNTST_general_error;
    }
    if (holds(&p, mapping)) {
        exchange(entry_at(&p), 0);
        status = GNTST_okay;
    }
    table_unlock(p.table);
    return status;
}

/* Both tables, which may be one, in the order of their frames. */
static bool lock_both(const struct vcpu *v, const struct place *a, const struct place *b)
{
    const struct place *first = a->table <= b->table ? a : b;
    const struct place *second = first == a ? b : a;

    if (!lock(v, first)) {
        return false;
    }
    if (a->table != b->table && !lock(v, second)) {
        table_unlock(first->table);
        return false;
    }
    return true;
}

static void unlock_both(const struct place *a, const struct place *b)
{
    table_unlock(a->table);
    if (a->table != b->table) {
        table_unlock(b->table);
    }
}

/* The entry moves with its claim. */
static void move(const struct place *from, const struct place *to)
{
    exchange(entry_at(to), __atomic_exchange_n(entry_at(from), 0, __ATOMIC_SEQ_CST));
}

static int16_t replace(struct vcpu *v, uint64_t address, uint64_t new_address,
                       const struct grant_mapping *mapping)
{
    int16_t status = GNTST_general_error;
    struct place to, from;

    if (new_address == 0) {
        return unmap(v, address, mapping);
    }
    if ((mapping->flags & GNTMAP_contains_pte) != 0 || !find(v, address, 0, &to) ||
        !find(v, new_address, 0, &from) || entry_at(&to) == entry_at(&from) ||
        !lock_both(v, &to, &from)) {
        return GNTST_general_error;
    }
    if (holds(&to, mapping)) {
        move(&from, &to);
        status = GNTST_okay;
    }
    unlock_both(&to, &from);
    return status;
}

static void flush(struct domain *d)
{
    arch_tlb_flush_cpus(cpus_running(d));
}

static void set_m2p(mfn_t frame, pfn_t slot)
{
    m2p_set(frame, slot.n);
}

void grant_map_init(void)
{
    static const struct grant_mmu_ops ops = {map, unmap, replace, flush, set_m2p};

    grant_register_mmu(&ops);
}
