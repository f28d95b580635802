// SPDX-License-Identifier: Apache-2.0
// Page-table calls by two domains with two vCPUs each on two CPUs, in any order, interrupted
// anywhere. After every call the audit counts everything from scratch.
//
// The processors' part is played too: they walk the live tables, set accessed and dirty bits, and
// keep what they found (pages, and the last table on the way) until they flush. Guests write
// through whatever is kept. So a translation that outlives a change of type writes a page table,
// and the audit or the checks here see it.
//
// Input: bytes that everything takes its numbers from; it ends when they do.
#include "mmu/trapped_write.h"
#include "mmu_world.h"
#include "kept.h"
#include "mmu_grants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- calls ----------------------------------------------------------------------------------- */

static void fill_mmu_update(void)
{
    struct mmu_update batch[20];
    uint32_t count = take(4) == 0 ? 1 + take(20) : 1;

    for (uint32_t i = 0; i < count; i++) {
        mfn_t table = take(2) ? self->pool[take(4)] : take_frame(); /* half of them in the tree */
        batch[i].ptr = (maddr_of_entry(table, take_slot())) | (take(8) == 0 ? take(8) : 0);
        batch[i].val = take(4) == 0 ? 0 : take_entry();
    }
    fuzz_operations += count;
    memcpy(guest_page, batch, sizeof(batch));
    set_arguments(address_of(guest_page), count, take(3) ? address_of(done_word()) : 0,
                  take_foreigndom());
}

static void fill_mmuext(void)
{
    struct mmuext_op ops[4];
    uint32_t count = 1 + take(4);

    memset(ops, 0, sizeof(ops));
    for (uint32_t i = 0; i < count; i++) {
        ops[i].cmd = take(2) ? take(5) : take(22);
        if (ops[i].cmd == MMUEXT_SET_LDT) {
            ops[i].arg1.linear_addr = take_va();
            ops[i].arg2.nr_ents = take(3) * 400;
        } else {
            ops[i].arg1.mfn = take_frame().n;
            ops[i].arg2.src_mfn = take_frame().n;
        }
        if (ops[i].cmd == MMUEXT_TLB_FLUSH_MULTI || ops[i].cmd == MMUEXT_INVLPG_MULTI) {
            ops[i].arg2.vcpumask.p = (void *)address_of(done_word());
        }
    }
    fuzz_operations += count;
    memcpy(guest_page, ops, sizeof(ops));
    set_arguments(address_of(guest_page), count, take(3) ? address_of(done_word()) : 0,
                  take_foreigndom());
}

static struct xen_memory_reservation take_reservation(xen_pfn_t *list)
{
    struct xen_memory_reservation r = {.nr_extents = 1 + take(3),
                                       .extent_order = take(3),
                                       .mem_flags = take(4) == 0 ? 12 + take(12) : 0,
                                       .domid = DOMID_SELF};

    r.extent_start.p = list;
    for (unsigned int i = 0; i < 4; i++) {
        list[i] = take_frame().n;
    }
    if (take(12) == 0 && world[self == &world[0]].d) {
        r.domid = world[self == &world[0]].d->id;
    }
    return r;
}

static void fill_memory_op(void)
{
    xen_pfn_t *list = (xen_pfn_t *)(guest_page + PAGE_SIZE);
    struct xen_memory_exchange e = {0};
    static const unsigned int commands[] = {XENMEM_increase_reservation, XENMEM_populate_physmap,
                                            XENMEM_decrease_reservation, XENMEM_exchange};
    unsigned int command = commands[take(ARRAY_SIZE(commands))];

    e.in = take_reservation(list);
    if (command == XENMEM_exchange) {
        e.out = take_reservation(list + 64);
        e.out.domid = e.in.domid;
        e.out.extent_order = e.in.extent_order = 0;
        if (take(2)) {
            e.out.extent_order = 1;
            e.in.nr_extents = 2 * e.out.nr_extents;
        } else {
            e.in.nr_extents = e.out.nr_extents;
        }
    }
    fuzz_operations += e.in.nr_extents;
    memcpy(guest_page, &e, sizeof(e));
    set_arguments(command, address_of(guest_page), 0, 0);
}

/* Frames that came take the place of some in the pool, so that later calls name them. */
static void learn_frames(long result)
{
    const xen_pfn_t *list = (const xen_pfn_t *)(guest_page + PAGE_SIZE);

    if (result > 0 && result < 4 && current_vcpu()->regs.rdi != XENMEM_decrease_reservation) {
        self->pool[take(POOL)] = mfn(list[0]);
    }
}

static void issue_call(enum call call, unsigned int number)
{
    long result = one_turn(call);

    self->restart[number] = result == HYPERCALL_RESTART;
    self->call[number] = call;
    if (call == CALL_MEMORY_OP) {
        learn_frames(result);
    }
}

static void new_call(unsigned int number)
{
    enum call call = (enum call)take(4);

    switch (call) {
    case CALL_MMU_UPDATE:
        fill_mmu_update();
        break;
    case CALL_MMUEXT:
        fill_mmuext();
        break;
    case CALL_MEMORY_OP:
        fill_memory_op();
        break;
    default:
        fuzz_operations++;
        set_arguments(take_va(), take_entry(), take(3) ? UVMF_NONE : UVMF_TLB_FLUSH | UVMF_ALL, 0);
        break;
    }
    issue_call(call, number);
}

static void trapped_write(void)
{
    const struct vcpu *v = current_vcpu();
    struct trapped_write w;
    long result;

    if (!trapped_write_begin(v, take_va() | take_slot() * 8, &w)) {
        return;
    }
    fuzz_operations++;
    if (take(8) == 0) {
        trapped_write_abandon(&w);
        return;
    }
    if (take(8) == 0) {
        table_at(mfn_of(w.table))[w.slot] |= PTE_A; /* the processor, meanwhile */
    }
    result = trapped_write_commit(v, &w, take_entry());
    MUST(result <= 0 && result != HYPERCALL_RESTART);
}

static void set_gdt(void)
{
    uint64_t frames[3] = {take_frame().n, take_frame().n, take_frame().n};

    (void)!gdt_set(current_vcpu(), frames, take(4) * 500);
}

/* Its first vCPU runs. */
static void domain_begins(struct world_domain *w)
{
    open_grants(w);
}

/* ---- one input ------------------------------------------------------------------------------- */

/* False where nobody but the processor did anything: then there is nothing to audit. */
static bool step(void)
{
    if (call_goes_on(3, issue_call)) {
        return true;
    }
    switch (take(16)) {
    case 0:
    case 1:
    case 2:
        walk(take_va());
        return false;
    case 3:
    case 4:
    case 5:
        use_kept();
        return false;
    case 6:
        trapped_write();
        break;
    case 7:
        take(4) == 0 ? set_gdt() : (void)ldt_show_page(current_vcpu(), take(4) * 1000);
        break;
    case 8:
        take(2) ? write_grant() : map_grant();
        break;
    case 9:
        unmap_grant();
        break;
    case 10:
        other_domain_goes_on();
        break;
    default:
        new_call(current_vcpu()->id);
        break;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool registered;

    if (!registered) {
        grant_init();
        registered = true;
    }
    begin_world(data, size);
    memset(kept, 0, sizeof(kept));
    memset(mapped, 0, sizeof(mapped));
    for (unsigned int i = 0; i < DOMAINS; i++) {
        self = &world[i];
        start_domain(self);
    }
    while (input.size > 0) {
        if (step()) {
            MUST(audit_frames(NULL) == 0);
        }
    }
    leave_world();
    return 0;
}
