// SPDX-License-Identifier: Apache-2.0
// Grants between three domains under any sequence of calls: after each, users, handles, marks and
// references agree; after the last, the domains die in any order and every frame is back.
//
// Input: bytes that the calls take their numbers from; it ends when they do.

#define MACHINE_FRAMES 256
#define SLOTS          20
#include "../unit/grant_fixture.h"
#include "input.h"
#include "must.h"
#include "operations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DOMAINS 3
#define FRAMES  6
#define REFS    12 /* that guests write to */
#define NAMED   14 /* and that calls name; a swap brings an entry to one of the others */

static struct domain *domains[DOMAINS];
static mfn_t frames[DOMAINS][FRAMES];

/* The other two are the first of a second frame, by version. */
static grant_ref_t named_ref(uint32_t index)
{
    return index < REFS ? index : index == REFS ? V2_PER_PAGE : V1_PER_PAGE;
}

static grant_ref_t take_ref(void)
{
    uint32_t ref = take(64);

    return ref == 63 ? ~0U : named_ref(ref >= 61 ? ref - 61 + REFS : ref % REFS);
}

static domid_t take_domain(void)
{
    static const domid_t choice[] = {0, 1, 2, DOMID_SELF, 77};

    return choice[take(ARRAY_SIZE(choice))];
}

static uint64_t take_frame(void)
{
    uint32_t domain = take(DOMAINS), i = take(FRAMES + 1);

    return i == FRAMES ? 1ULL << 33 : frames[domain][i].n;
}

static uint64_t take_address(void)
{
    uint32_t slot = take(20);

    return slot == 19 ? 0 : slot_address(slot);
}

/* ---- what guests write into their tables ---------------------------------------------------- */

static void write_entry(struct domain *d)
{
    grant_ref_t ref = take(REFS);
    uint16_t flags = (uint16_t)(take(4) | (take(4) == 0 ? take(256) << 2 : 0));
    domid_t to = (domid_t)take(DOMAINS);
    uint64_t frame = take_frame();

    if (table_entries(d->grants) == 0) {
        return;
    }
    if (d->grants->version == 1) {
        *entry_v1(d->grants, ref) = (grant_entry_v1_t){flags, to, (uint32_t)frame};
        return;
    }
    grant_entry_v2_t *entry = entry_v2(d->grants, ref);
    if (take(4) == 0) {
        flags |= GTF_sub_page;
        entry->sub_page.page_off = (uint16_t)(take(18) * 256);
        entry->sub_page.length = (uint16_t)(take(18) * 256);
    }
    entry->full_page.frame = frame;
    if ((flags & GTF_type_mask) == GTF_transitive) {
        entry->transitive.trans_domid = take_domain();
        entry->transitive.gref = take_ref();
    }
    entry->hdr.domid = to;
    entry->hdr.flags = flags;
}

/* ---- calls ---------------------------------------------------------------------------------- */

static void fill_copy_end(struct gnttab_copy_ptr *p, bool by_ref)
{
    if (by_ref) {
        p->u.ref = take_ref();
        p->domid = take_domain();
    } else {
        p->u.gmfn = take_frame();
        p->domid = take(16) == 0 ? 1 : DOMID_SELF;
    }
    p->offset = (uint16_t)(take(17) * 256);
}

static size_t fill_map(void *to)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = take_address(), .flags = take(32), .ref = take_ref(), .dom = take_domain()};
    memcpy(to, &op, sizeof(op));
    return sizeof(op);
}

static size_t fill_unmap(void *to)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = take_address(),
                                        .dev_bus_addr =
                                            take(3) == 0 ? take_frame() << PAGE_SHIFT : 0,
                                        .handle = take(24)};
    memcpy(to, &op, sizeof(op));
    return sizeof(op);
}

static size_t fill_replace(void *to)
{
    struct gnttab_unmap_and_replace op = {
        .host_addr = take_address(), .new_addr = take_address(), .handle = take(24)};
    memcpy(to, &op, sizeof(op));
    return sizeof(op);
}

static size_t fill_copy(void *to)
{
    struct gnttab_copy op = {.flags = (uint16_t)take(4), .len = (uint16_t)(take(18) * 256)};

    fill_copy_end(&op.source, (op.flags & GNTCOPY_source_gref) != 0);
    fill_copy_end(&op.dest, (op.flags & GNTCOPY_dest_gref) != 0);
    memcpy(to, &op, sizeof(op));
    return sizeof(op);
}

/* The calls that take no list. */
static void fill_other(uint32_t cmd, void *to)
{
    if (cmd == GNTTABOP_swap_grant_ref) {
        *(struct gnttab_swap_grant_ref *)to =
            (struct gnttab_swap_grant_ref){.ref_a = take_ref(), .ref_b = take_ref()};
    } else if (cmd == GNTTABOP_set_version) {
        ((struct gnttab_set_version *)to)->version = take(4);
    } else if (cmd == GNTTABOP_setup_table) {
        struct gnttab_setup_table *op = to;
        op->dom = take_domain();
        op->nr_frames = take(4);
        op->frame_list.p = (void *)(guest_page + 2048);
    } else if (cmd == GNTTABOP_get_status_frames) {
        struct gnttab_get_status_frames *op = to;
        op->dom = take_domain();
        op->nr_frames = take(3);
        op->frame_list.p = (void *)(guest_page + 2048);
    } else if (cmd == GNTTABOP_cache_flush) {
        struct gnttab_cache_flush *op = to;
        op->a.dev_bus_addr = take_frame() << PAGE_SHIFT;
        op->length = 64;
        op->op = take(8);
    } else {
        *(domid_t *)to = take_domain();
    }
}

/* A batch of up to four elements; one call in two is interrupted after its first step. */
static void hypercall(struct vcpu *v, uint32_t cmd, size_t (*fill)(void *to))
{
    uint32_t count = 1 + take(4);
    unsigned char *to = guest_page;
    long result;

    for (uint32_t i = 0; i < count; i++) {
        to += fill(to);
    }
    v->regs.rsi = host_guest_address(guest_page).a;
    v->regs.rdx = count;
    this_cpu()->pending = take(2);
    do {
        result = hypercall_grant_table_op(cmd, gva(v->regs.rsi), v->regs.rdx);
    } while (result == HYPERCALL_RESTART);
    this_cpu()->pending = 0;
}

static void other_call(void)
{
    uint32_t cmd = take(GNTTABOP_cache_flush + 2);

    memset(guest_page, 0, 256);
    if (cmd != GNTTABOP_transfer) { /* frames stay where the audit looks for them */
        fill_other(cmd, guest_page);
        (void)hypercall_grant_table_op(cmd, host_guest_address(guest_page), 1);
    }
}

static void step(void)
{
    struct domain *d = domains[take(DOMAINS)];
    struct vcpu *v = d->vcpus[0];

    run_as(v);
    switch (take(10)) {
    case 0:
    case 1:
        write_entry(d);
        break;
    case 2:
    case 3:
        hypercall(v, GNTTABOP_map_grant_ref, fill_map);
        break;
    case 4:
        hypercall(v, GNTTABOP_unmap_grant_ref, fill_unmap);
        break;
    case 5:
    case 6:
        hypercall(v, GNTTABOP_copy, fill_copy);
        break;
    case 7:
        hypercall(v, GNTTABOP_unmap_and_replace, fill_replace);
        break;
    case 8:
        mmu.refuse_map = take(2) ? GNTST_bad_virt_addr : GNTST_okay;
        break;
    default:
        other_call();
        break;
    }
}

/* ---- audit ---------------------------------------------------------------------------------- */

/* Handles of all domains, by the entry that they use and by kind. */
static uint32_t handles[DOMAINS][NAMED][2];

static uint32_t index_of(grant_ref_t ref)
{
    uint32_t index = 0;

    while (index < NAMED && named_ref(index) != ref) {
        index++;
    }
    MUST(index < NAMED);
    return index;
}

/* The record of a named entry, where there is one. */
static const struct grant_active *named_active(const struct domain_grants *g, uint32_t index)
{
    grant_ref_t ref = named_ref(index);

    return ref < g->frames * entries_per_frame(g->version) ? active_if_any(g, ref) : NULL;
}

static void count_handles(const struct domain *d)
{
    uint32_t end = d->grants->maptrack_frames * (uint32_t)TRACK_PER_PAGE;

    for (uint32_t handle = 0; handle < MIN(end, 64U); handle++) {
        const struct maptrack_entry *entry = maptrack_entry(d, handle);

        MUST(entry->flags != MAPTRACK_BUSY);
        if (entry->flags != 0) {
            bool writable = (entry->flags & GNTMAP_readonly) == 0;
            handles[entry->granter->id][index_of(entry->ref)][writable]++;
        }
    }
}

static uint64_t grant_references(const struct domain *d, mfn_t frame, bool writable)
{
    uint64_t references = 0;

    for (uint32_t i = 0; i < NAMED; i++) {
        const struct grant_active *a = named_active(d->grants, i);
        references += a && a->users[writable] != 0 && a->kind != GRANT_TRANSITIVE &&
                      mfn_equal(a->frame, frame);
    }
    return references;
}

static void audit_table(const struct domain *d)
{
    const struct domain_grants *g = d->grants;

    MUST(g->lock.held == 0 && g->maptrack_lock == 0 && g->state == TABLE_OPEN);
    MUST(g->entries == g->frames * entries_per_frame(g->version));
    for (uint32_t i = 0; i < NAMED; i++) {
        const struct grant_active *a = named_active(g, i);

        MUST(!a || a->lock == 0);
        for (unsigned int kind = 0; kind < 2; kind++) {
            MUST((a ? a->users[kind] : 0) == handles[d->id][i][kind]);
        }
    }
}

static void audit_frames(const struct domain *d)
{
    for (unsigned int i = 0; i < FRAMES; i++) {
        mfn_t frame = frames[d->id][i];
        uint64_t readers = grant_references(d, frame, false);
        uint64_t writers = grant_references(d, frame, true);

        for (unsigned int s = 0; s < SLOTS; s++) {
            if (slots[s].used && mfn_equal(slots[s].mapping.frame, frame)) {
                *(slots[s].mapping.writable ? &writers : &readers) += 1;
            }
        }
        MUST(writable_uses(frame) == writers);
        MUST(references(frame) == 1 + readers + writers);
    }
}

static void audit(void)
{
    memset(handles, 0, sizeof(handles));
    for (unsigned int i = 0; i < DOMAINS; i++) {
        count_handles(domains[i]);
    }
    for (unsigned int i = 0; i < DOMAINS; i++) {
        audit_table(domains[i]);
        audit_frames(domains[i]);
    }
}

/* ---- one input ------------------------------------------------------------------------------ */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned int first;

    input_begin(data, size);
    grant_setup(NULL);
    domains[0] = d0;
    domains[1] = granter;
    domains[2] = grantee;
    for (unsigned int i = 0; i < DOMAINS; i++) {
        for (unsigned int f = 0; f < FRAMES; f++) {
            frames[i][f] = new_frame(domains[i]);
        }
    }
    first = take(DOMAINS);
    while (input.size > 0) {
        step();
        fuzz_operations++;
        audit();
    }
    for (unsigned int i = 0; i < DOMAINS; i++) {
        end_domain(domains[(first + i) % DOMAINS]);
    }
    machine_teardown(NULL);
    return 0;
}
