// SPDX-License-Identifier: Apache-2.0
// The audit: first what should be is added up, holder by holder; then it is compared, frame by
// frame.
#include "mmu/audit.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "base/log.h"
#include "domain/part.h"
#include "memory/allocator.h"
#include "mmu/pte.h"
#include "mmu/types.h"
#include "mmu/unfinished.h"
#include "mmu/validate.h"

/* Fuzzers have nothing to learn here, and would spend most of their time on it. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)
#endif

/* What the holders of a frame add up to. */
struct expected {
    uint32_t references, types;
    int32_t linear_uses;
    uint32_t listed;
    uint64_t mappers; /* domains that may map it by a grant: bit domid % 64 */
};

struct audit {
    const struct domain *about;
    struct expected *frame; /* frame_count of them */
    long faults;
};

/* ---- faults ------------------------------------------------------------------------------------
 */

static const char *type_name(uint64_t state)
{
    static const char *const name[8] = {"none", "writable", "L1",          "L2",
                                        "L3",   "L4",       "descriptors", "?"};
    return name[state_type(state)];
}

static bool concerns(const struct audit *a, const struct frame *f)
{
    return !a->about || a->about->id == f->owner;
}

static void complain(struct audit *a, const struct frame *f, const char *what, long found,
                     long expected)
{
    if (concerns(a, f)) {
        a->faults++;
        log_error("audit: frame %#lx of domain %u, %s, state %#lx: %s %ld, expected %ld",
                  (unsigned long)mfn_of(f).n, f->owner, type_name(frame_state(f)),
                  (unsigned long)frame_state(f), what, found, expected);
    }
}

static void compare(struct audit *a, const struct frame *f, const char *what, long found,
                    long expected)
{
    if (found != expected) {
        complain(a, f, what, found, expected);
    }
}

/* ---- holders -----------------------------------------------------------------------------------
 */

static struct expected *expected_of(struct audit *a, const struct frame *f)
{
    return &a->frame[mfn_of(f).n];
}

static void add_reference(struct audit *a, const struct frame *f)
{
    expected_of(a, f)->references++;
}

static void add_type(struct audit *a, const struct frame *f)
{
    expected_of(a, f)->references++;
    expected_of(a, f)->types++;
}

static bool is_ram(mfn_t m)
{
    return mfn_valid(m) && frame_of(m)->owner != DOMID_IO;
}

/* A holder names a frame that has to exist: else that is the fault, of the frame that names it. */
static const struct frame *named_by(struct audit *a, const struct frame *by, mfn_t m)
{
    if (is_ram(m)) {
        return frame_of(m);
    }
    complain(a, by, "names frame", (long)m.n, 0);
    return NULL;
}

/* The privileged map what is others', and give others what is theirs. Nobody runs on the tables of
 * the dying. */
static bool may_share(domid_t id)
{
    struct domain *d = domain_get(id);
    bool may = d && (d->privileged || d->life != DOMAIN_ALIVE);

    domain_put(d);
    return may;
}

/* Invariants 1 and 4 for a page that an entry maps. */
static void check_mapping(struct audit *a, const struct frame *table, const struct frame *f,
                          bool writable)
{
    if (writable && state_type(frame_state(f)) != FRAME_WRITABLE) {
        complain(a, table, "maps writable what is not: frame", (long)mfn_of(f).n, 0);
    }
    if (f->owner != table->owner && !may_share(table->owner) && !may_share(f->owner) &&
        (expected_of(a, f)->mappers & (1ULL << (table->owner % 64))) == 0) {
        complain(a, table, "maps without a right frame", (long)mfn_of(f).n, 0);
    }
}

static void add_page(struct audit *a, const struct frame *table, pte_t entry)
{
    const struct frame *f;

    if (!is_ram(pte_mfn(entry))) {
        return;
    }
    f = frame_of(pte_mfn(entry));
    check_mapping(a, table, f, (entry & PTE_RW) != 0);
    if ((entry & PTE_RW) != 0) {
        add_type(a, f);
    } else {
        add_reference(a, f);
    }
}

static void add_linear(struct audit *a, const struct frame *table, const struct frame *f,
                       pte_t entry)
{
    if ((entry & PTE_RW) != 0) {
        complain(a, table, "maps a table of its level writable: frame", (long)mfn_of(f).n, 0);
    }
    if (f != table) {
        add_type(a, f);
        expected_of(a, f)->linear_uses++;
        expected_of(a, table)->linear_uses--;
    }
}

/* `last`: of a table that is partial, the entry whose own table is. A linear mapping is over then.
 */
static void add_child(struct audit *a, const struct frame *table, unsigned int level, pte_t entry,
                      bool last)
{
    const struct frame *f = named_by(a, table, pte_mfn(entry));

    if (!f) {
        return;
    }
    if (f->owner != table->owner) {
        complain(a, f, "is a table in one of domain", table->owner, f->owner);
    }
    if (state_type(frame_state(f)) == table_type(level) && !last) {
        add_linear(a, table, f, entry);
        return;
    }
    if (state_type(frame_state(f)) != table_type(level - 1) &&
        !(last && state_type(frame_state(f)) == table_type(level))) {
        complain(a, f, "is used as a table of level", level - 1,
                 type_level(state_type(frame_state(f))));
    }
    add_type(a, f);
}

/* The entries of a table that hold claims. */
static unsigned int claimed_entries(const struct frame *f)
{
    if ((frame_state(f) & FRAME_VALIDATED) != 0) {
        return TABLE_ENTRIES;
    }
    return frame_entries(f) & ~TABLE_CHILD_PARTIAL;
}

#define GROUP 8U

/* Most entries of most tables are empty, and reading them is most of the audit's time. */
static bool group_is_empty(const pte_t *entry)
{
    pte_t any = 0;

    for (unsigned int i = 0; i < GROUP; i++) {
        any |= entry[i];
    }
    return (any & PTE_P) == 0;
}

static void add_entry(struct audit *a, const struct frame *f, unsigned int level, pte_t entry,
                      bool last)
{
    if ((entry & PTE_P) == 0) {
        return;
    }
    if (level == 1) {
        add_page(a, f, entry);
    } else {
        add_child(a, f, level, entry, last);
    }
}

static void add_table(struct audit *a, const struct frame *f, unsigned int level)
{
    const pte_t *entry = frame_to_virt(mfn_of(f));
    unsigned int claimed = claimed_entries(f);
    bool child_is_partial =
        (frame_state(f) & FRAME_VALIDATED) == 0 && (frame_entries(f) & TABLE_CHILD_PARTIAL) != 0;

    for (unsigned int slot = 0; slot < claimed; slot++) {
        if (slot % GROUP == 0 && group_is_empty(entry + slot)) {
            slot += GROUP - 1;
        } else if (level < 4 || !slot_is_hypervisor(slot)) {
            add_entry(a, f, level, entry[slot], child_is_partial && slot + 1 == claimed);
        }
    }
    if (level == 4 && (frame_state(f) & FRAME_VALIDATED) != 0 && !hypervisor_slots_intact(f)) {
        complain(a, f, "has changed slots of the hypervisor's", 1, 0);
    }
}

/* What a frame's own record says that holds it. */
static void add_own(struct audit *a, const struct frame *f)
{
    uint64_t state = frame_state(f);
    unsigned int level = type_level(state_type(state));

    if ((state & FRAME_ALLOCATED) != 0) {
        add_reference(a, f);
        if (frame_entries(f) == FRAME_SHARED) {
            add_type(a, f);
        }
    }
    if ((state & FRAME_PINNED) != 0) {
        add_type(a, f);
    }
    if (level != 0 && state_type_count(state) != 0) {
        add_table(a, f, level);
    }
}

static void add_base(struct audit *a, uint64_t base)
{
    if (base != 0) {
        add_type(a, frame_of(maddr_to_mfn(maddr(base))));
    }
}

static void add_vcpu(struct audit *a, const struct vcpu *v)
{
    const struct frame *f;

    add_base(a, v->kernel_cr3);
    add_base(a, v->user_cr3);
    for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++) {
        if (v->gdt_frames[i].n != MFN_INVALID) {
            add_type(a, frame_of(v->gdt_frames[i]));
        }
    }
    for (unsigned int i = 0; i < LDT_MAX_PAGES; i++) {
        if ((v->ldt_mapped >> i) & 1) {
            add_type(a, frame_of(v->ldt_frames[i]));
        }
    }
    for (unsigned int i = 0; (f = unfinished_held(v, i)) != NULL; i++) {
        add_type(a, f);
    }
}

static void add_reported(void *audit, mfn_t m, bool writable, domid_t user)
{
    struct audit *a = audit;

    if (writable) {
        add_type(a, frame_of(m));
    } else {
        add_reference(a, frame_of(m));
    }
    if (user != DOMID_INVALID) {
        expected_of(a, frame_of(m))->mappers |= 1ULL << (user % 64);
    }
}

static void add_list(struct audit *a, const struct domain *d, const struct frame_list *list,
                     bool owned)
{
    uint32_t found = 0;

    for (uint32_t n = list->head; n != FRAME_LIST_END; n = frame_table[n].next) {
        const struct frame *f = &frame_table[n];
        expected_of(a, f)->listed++;
        compare(a, f, "is listed by domain", d->id, f->owner);
        compare(a, f, "has an owner's mark", (frame_state(f) & FRAME_ALLOCATED) != 0, owned);
        if (++found > list->count) {
            break;
        }
    }
    if (found != list->count) {
        a->faults++;
        log_error("audit: domain %u: a list of %u frames counts %u", d->id, found, list->count);
    }
}

static void add_domain(struct audit *a, struct domain *d)
{
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        if (d->vcpus[i]) {
            add_vcpu(a, d->vcpus[i]);
        }
    }
    parts_audit(d, add_reported, a);
    add_list(a, d, &d->pages, true);
    add_list(a, d, &d->own_pages, true);
    add_list(a, d, &d->lingering_pages, false);
    add_list(a, d, &d->released_pages, false);
}

/* ---- comparison --------------------------------------------------------------------------------
 */

static void check_counts(struct audit *a, const struct frame *f)
{
    const struct expected *e = expected_of(a, f);
    uint64_t state = frame_state(f);

    compare(a, f, "references", (long)(state & FRAME_REF_MASK), e->references);
    compare(a, f, "type count", (long)state_type_count(state), e->types);
    compare(a, f, "linear uses", f->linear_uses, e->linear_uses);
    compare(a, f, "lists it is on", e->listed, 1);
}

static void check_flags(struct audit *a, const struct frame *f)
{
    uint64_t state = frame_state(f);
    bool used = state_type_count(state) != 0;
    bool validated = (state & FRAME_VALIDATED) != 0, partial = (state & FRAME_PARTIAL) != 0;

    compare(a, f, "is locked at rest", (state & FRAME_LOCKED) != 0, 0);
    if (used) {
        compare(a, f, "is validated and partial in sum", validated + partial, 1);
        compare(a, f, "type count while partial", partial ? (long)state_type_count(state) : 1, 1);
    } else {
        compare(a, f, "is partial without uses", partial, 0);
        compare(a, f, "is pinned without uses", (state & FRAME_PINNED) != 0, 0);
    }
}

static void check_free(struct audit *a, const struct frame *f)
{
    compare(a, f, "is free with state", (long)frame_state(f), 0);
    compare(a, f, "is free with references", expected_of(a, f)->references, 0);
}

/* Pavise's own pages are held by nobody that is known here, but for those that guests may see. */
static void check_own(struct audit *a, const struct frame *f)
{
    if (expected_of(a, f)->references != 0 && frame_entries(f) != FRAME_M2P) {
        complain(a, f, "is Pavise's own, and held by guests", expected_of(a, f)->references, 0);
    }
}

static void check_all(struct audit *a)
{
    uint64_t free = 0;

    for (uint64_t n = 0; n < frame_count; n++) {
        const struct frame *f = frame_of(mfn(n));
        if (f->owner == DOMID_INVALID) {
            check_free(a, f);
            free++;
        } else if (f->owner == DOMID_XEN) {
            check_own(a, f);
        } else if (f->owner != DOMID_IO) {
            check_counts(a, f);
            check_flags(a, f);
        }
    }
    if (free != frames_free_count()) {
        a->faults++;
        log_error("audit: %lu frames are nobody's, %lu are free", (unsigned long)free,
                  (unsigned long)frames_free_count());
    }
}

/* ---- in order ----------------------------------------------------------------------------------
 */

/* Grants say who may map what, so they come before the tables. */
static void add_everything(struct audit *a)
{
    struct domain *d;

    for (int id = -1; (d = domain_get_next(id)) != NULL; id = d->id, domain_put(d)) {
        add_domain(a, d);
    }
    for (uint64_t n = 0; n < frame_count; n++) {
        const struct frame *f = frame_of(mfn(n));
        if (f->owner < DOMID_FIRST_RESERVED) {
            add_own(a, f);
        }
    }
}

long audit_frames(const struct domain *d)
{
    unsigned int order = 0;
    struct audit a = {.about = d};

    while (PAGE_SIZE << order < frame_count * sizeof(a.frame[0])) {
        order++;
    }
    a.frame = pages_alloc(order);
    if (!a.frame) {
        return -ENOMEM;
    }
    add_everything(&a);
    check_all(&a);
    pages_free(a.frame, order);
    return a.faults;
}

#ifdef __clang__
#pragma clang attribute pop
#endif
