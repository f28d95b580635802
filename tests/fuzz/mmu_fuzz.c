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
#include <stdio.h>
#include <stdlib.h>

#define MACHINE_FRAMES 320U
#include "../unit/mmu_fixture.h"
#include "base/log.h"
#include "grant/grant.h"
#include "mmu/trapped_write.h"
#include "input.h"
#include "operations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DOMAINS 2
#define VCPUS   2
#define CPUS    2
#define POOL    16 /* frames of a domain that calls name */
#define DATA    8  /* of these, what its first table maps at first */
#define HANDLES 8
#define DEVICE  0xfe000ULL

struct world_domain {
    struct domain *d; /* NULL: being created again */
    bool dying;
    mfn_t pool[POOL];
    uint32_t handle[HANDLES];
    uint64_t mapped_at[HANDLES];
    bool restart[VCPUS]; /* the vCPU's last call is to be issued again */
    enum call call[VCPUS];
};
static struct world_domain world[DOMAINS];
static struct vcpu *on_cpu[CPUS];
static struct world_domain *self; /* whose vCPU is current */
static mfn_t m2p_frame;
static domid_t next_id;

static void print(struct log_sink *sink, const char *text, size_t bytes)
{
    fwrite(text, 1, bytes, stderr);
}

/* The log has what the audit found. */
static void must(bool condition, const char *what)
{
    static struct log_sink sink = {.write = print};

    if (!condition) {
        log_add_sink(&sink);
        fprintf(stderr, "mmu_fuzz: %s\n", what);
        abort();
    }
}
#define MUST(condition) must((condition), #condition)

/* ---- numbers --------------------------------------------------------------------------------- */

static struct world_domain *take_domain(void)
{
    return take(6) == 0 ? &world[self == &world[0]] : self;
}

static mfn_t take_frame(void)
{
    uint32_t which = take(64);

    switch (which) {
    case 39:
        return mfn(MACHINE_FRAMES + take(3));
    case 38:
        return mfn(take(MACHINE_FRAMES < 256 ? MACHINE_FRAMES : 256));
    case 37:
        return mfn(DEVICE + take(3));
    case 36:
        return m2p_frame;
    case 35:
        return mfn(self->d->shared_mfn);
    case 34:
        return virt_to_frame(self->d); /* the heap's */
    default:
        return take_domain()->pool[which % POOL];
    }
}

static pte_t take_entry(void)
{
    static const uint64_t flags[] = {0, PTE_P, KERNEL_RW, KERNEL_RW, USER_RW, USER_RW, KERNEL_RO,
                                     LINEAR, TABLE, TABLE,
                                     /* and rarely right: */
                                     TABLE | PTE_PSE, USER_RW | PTE_G, KERNEL_RW | PTE_PCD,
                                     KERNEL_RW | PTE_GUEST_KERNEL, PTE_RW, PTE_P | PTE_NX};
    uint64_t f = flags[take(ARRAY_SIZE(flags))];

    return entry_for(take_frame(), f);
}

/* Few slots, so that calls meet; and those at the edges. */
static unsigned int take_slot(void)
{
    static const unsigned int edge[] = {255, 256, 271, 272, 511};
    uint32_t which = take(48);

    return which < ARRAY_SIZE(edge) ? edge[which] : which % 4;
}

/* Mostly where there are tables: in the first few pages. */
static uint64_t take_va(void)
{
    uint64_t va = (uint64_t)take_slot() << PAGE_SHIFT;

    for (unsigned int level = 2; level <= 4; level++) {
        if (take(6) == 0) {
            va |= (uint64_t)take_slot() << (PAGE_SHIFT + 9 * (level - 1));
        }
    }
    va |= (va >> 47) & 1 ? 0xffff000000000000 : 0;
    return take(20) == 0 ? va ^ 1ULL << 60 : va;
}

static uint32_t take_foreigndom(void)
{
    static const uint32_t special[] = {DOMID_IO, DOMID_XEN, 77, DOMID_INVALID};
    const struct domain *other = world[self == &world[0]].d;
    uint32_t fd = DOMID_SELF;

    if (take(4) == 0) {
        uint32_t which = take(12);
        fd = which < ARRAY_SIZE(special) ? special[which] : other ? other->id : 77;
    }
    return take(16) == 0 && other ? fd | (other->id + 1U) << 16 : fd;
}

#include "kept.h"

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

/* ---- grants ---------------------------------------------------------------------------------- */

static long grant_op(unsigned int command)
{
    return hypercall_grant_table_op(command, gva(address_of(guest_page)), 1);
}

static void open_grants(struct world_domain *w)
{
    gnttab_setup_table_t op = {.dom = DOMID_SELF, .nr_frames = 1};

    set_xen_guest_handle(op.frame_list, (xen_pfn_t *)(guest_page + PAGE_SIZE));
    memcpy(guest_page, &op, sizeof(op));
    MUST(grant_op(GNTTABOP_setup_table) == 0);
}

static void write_grant(void)
{
    mfn_t table = grant_shared_frame(self->d, 0);
    const struct domain *other = world[self == &world[0]].d;

    if (table.n != MFN_INVALID && other) {
        grant_entry_v1_t *entry = (grant_entry_v1_t *)table_at(table) + 8 + take(4);
        *entry = (grant_entry_v1_t){GTF_permit_access | (take(3) == 0 ? GTF_readonly : 0),
                                    other->id, (uint32_t)take_frame().n};
    }
}

static uint64_t take_host_address(uint32_t *flags)
{
    if (take(3) == 0) {
        *flags |= GNTMAP_contains_pte;
        return maddr_of_entry(take_frame(), take_slot());
    }
    return take_va();
}

static void map_grant(void)
{
    const struct domain *other = world[self == &world[0]].d;
    gnttab_map_grant_ref_t op = {.flags = GNTMAP_host_map, .ref = 8 + take(4)};
    uint32_t slot = take(HANDLES);

    op.flags |= take(2) ? GNTMAP_readonly : 0;
    op.flags |= take(2) ? GNTMAP_application_map : 0;
    op.host_addr = take_host_address(&op.flags);
    op.dom = other ? other->id : 77;
    memcpy(guest_page, &op, sizeof(op));
    (void)grant_op(GNTTABOP_map_grant_ref);
    memcpy(&op, guest_page, sizeof(op));
    if (op.status == GNTST_okay) {
        self->handle[slot] = op.handle;
        self->mapped_at[slot] = op.host_addr;
    }
}

static void unmap_grant(void)
{
    uint32_t slot = take(HANDLES), none = 0;
    uint64_t at = take(4) ? self->mapped_at[slot] : take_host_address(&none);
    gnttab_unmap_grant_ref_t unmap = {.host_addr = at, .handle = self->handle[slot]};
    gnttab_unmap_and_replace_t replace = {.host_addr = at, .handle = self->handle[slot]};

    if (take(2)) {
        memcpy(guest_page, &unmap, sizeof(unmap));
        (void)grant_op(GNTTABOP_unmap_grant_ref);
    } else {
        replace.new_addr = take_va();
        memcpy(guest_page, &replace, sizeof(replace));
        (void)grant_op(GNTTABOP_unmap_and_replace);
    }
}

/* ---- domains come and go --------------------------------------------------------------------- */

static void build_domain(struct world_domain *w)
{
    struct space s;
    int error = 0;

    w->d = domain_create(next_id, VCPUS, w == &world[0] && take(2) == 0, &error);
    if (!w->d) {
        return; /* the number is still the last one's */
    }
    next_id = next_id == 9 ? 1 : (domid_t)(next_id + 1);
    for (unsigned int i = 0; i < VCPUS; i++) {
        spin_lock(&w->d->lock);
        MUST(vcpu_create(w->d, i) != NULL);
        spin_unlock(&w->d->lock);
        w->d->vcpus[i]->pause = 0;
        w->restart[i] = false;
    }
    MUST(ranges_add(w->d->io_memory, DEVICE, DEVICE + 1) == 0 || take(1) == 0);
    build_space(w->d, &s);
    for (unsigned int i = 0; i < 4; i++) {
        w->pool[i] = s.table[i + 1];
    }
    memcpy(w->pool + 4, s.data, DATA * sizeof(s.data[0]));
    for (unsigned int i = 4 + DATA; i < POOL; i++) {
        w->pool[i] = new_frame(w->d);
    }
    w->d->max_pages = MACHINE_FRAMES / 4; /* and memory is left for the audit */
    w->dying = false;
}

static void run_on(unsigned int cpu, struct world_domain *w, unsigned int number)
{
    struct vcpu *v = w->d->vcpus[number];

    host_become_cpu(cpu);
    self = w;
    if (on_cpu[cpu] != v) {
        for (unsigned int other = 0; other < CPUS; other++) {
            if (on_cpu[other] == v) {
                on_cpu[other] = NULL;
                cpus[other]->current = NULL;
            }
        }
        on_cpu[cpu] = v;
        run_as(v);
        arch_tlb_flush_local(); /* a switch loads another base */
    }
}

static void start_domain(struct world_domain *w)
{
    build_domain(w);
    if (!w->d) {
        return;
    }
    for (unsigned int i = 0; i < VCPUS; i++) {
        run_on(i % CPUS, w, i);
        if (i == 0) {
            open_grants(w);
            MUST(pin(w->pool[3], 4) == 0);
        }
        MUST(new_base(w->pool[3]) == 0);
    }
}

static void take_off_cpus(const struct domain *d)
{
    for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
        if (on_cpu[cpu] && on_cpu[cpu]->domain == d) {
            on_cpu[cpu] = NULL;
            cpus[cpu]->current = NULL;
        }
    }
}

/* A turn of the other domain's end, or of its beginning. */
static void other_domain_goes_on(void)
{
    struct world_domain *w = &world[self == &world[0]];
    struct vcpu *v = current_vcpu();
    unsigned int cpu = this_cpu()->id;

    if (!w->d) {
        struct world_domain *before = self;
        start_domain(w);
        run_on(cpu, before, v->id);
        return;
    }
    if (!w->dying) {
        if (take(4) != 0) {
            return;
        }
        w->dying = true;
        take_off_cpus(w->d);
    }
    drop_vcpus(w->d);
    if (domain_kill(w->d) == 0) {
        domain_put(w->d);
        w->d = NULL;
    }
}

/* ---- one input ------------------------------------------------------------------------------- */

static bool can_run(const struct world_domain *w)
{
    return w->d && !w->dying;
}

/* The next step is a CPU's: mostly of the vCPU that it runs, as a switch flushes. */
static void choose_vcpu(void)
{
    unsigned int cpu = take(CPUS);
    struct world_domain *w = &world[take(DOMAINS)];

    host_become_cpu(cpu);
    if (!on_cpu[cpu] || take(16) == 0) {
        run_on(cpu, can_run(w) ? w : &world[w == &world[0]], take(VCPUS));
    } else {
        self = &world[on_cpu[cpu]->domain != world[0].d];
    }
}

/* False where nobody but the processor did anything: then there is nothing to audit. */
static bool step(void)
{
    unsigned int number;

    choose_vcpu();
    number = current_vcpu()->id;
    interrupt_everything(take(3) == 0);
    if (self->restart[number] && take(8) != 0) {
        issue_call(self->call[number], number);
        return true;
    }
    self->restart[number] = false;
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
        new_call(number);
        break;
    }
    return true;
}

static void end_world(void)
{
    for (unsigned int i = 0; i < DOMAINS; i++) {
        struct world_domain *w = &world[i];
        host_become_cpu(0);
        interrupt_everything(false);
        if (w->d) {
            take_off_cpus(w->d);
            (void)kill_domain(w->d);
            domain_put(w->d);
        }
        MUST(audit_frames(NULL) == 0);
    }
}

static mfn_t where_the_m2p_is(uint64_t offset)
{
    return offset == 0 ? m2p_frame : mfn(MFN_INVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool registered;

    input_begin(data, size);
    if (!registered) {
        grant_init();
        registered = true;
    }
    machine_setup(NULL);
    memset(world, 0, sizeof(world));
    memset(kept, 0, sizeof(kept));
    memset(on_cpu, 0, sizeof(on_cpu));
    next_id = 1;
    m2p_frame = virt_to_frame(page_alloc());
    m2p_publish(where_the_m2p_is);
    for (unsigned int i = 0; i < DOMAINS; i++) {
        self = &world[i];
        start_domain(self);
    }
    while (input.size > 0) {
        if (step()) {
            MUST(audit_frames(NULL) == 0);
        }
    }
    end_world();
    page_free(frame_to_virt(m2p_frame));
    machine_teardown(NULL);
    return 0;
}
