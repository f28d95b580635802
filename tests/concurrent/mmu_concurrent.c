// SPDX-License-Identifier: Apache-2.0
// Page-table calls on the same tables from several CPUs at once, each played by a thread. When all
// have stopped the audit counts everything from scratch, and every frame comes back at the end.
#include <pthread.h>
#include <stdlib.h>

#include "../unit/mmu_fixture.h"
#include "grant/grant.h"
#include "mmu/trapped_write.h"

#define CPUS  4U
#define TURNS 40000U
#define POOL  28U

static struct domain *subject; /* whose tables all of them change */
static mfn_t pool[POOL];
static unsigned char *arguments; /* two pages of guest memory a CPU */
static volatile bool stop;

/* ---- one CPU --------------------------------------------------------------------------------- */

struct player {
    unsigned int cpu;
    struct vcpu *vcpu;
    unsigned int seed;
    void (*turn)(struct player *p);
    uint64_t failures;
};

static unsigned int roll(struct player *p, unsigned int bound)
{
    return (unsigned int)rand_r(&p->seed) % bound;
}

static mfn_t any_frame(struct player *p)
{
    return mfn(__atomic_load_n(&pool[roll(p, POOL)].n, __ATOMIC_RELAXED));
}

static pte_t any_entry(struct player *p)
{
    static const uint64_t flags[] = {0, KERNEL_RW, USER_RW, KERNEL_RO, TABLE, LINEAR, TABLE};

    return entry_for(any_frame(p), flags[roll(p, ARRAY_SIZE(flags))]);
}

static unsigned char *argument_page(const struct player *p)
{
    return arguments + p->cpu * 2 * PAGE_SIZE;
}

/* As a guest does, again until it is done; interruptions come and go. */
static long call_to_end(struct player *p, enum call call)
{
    long result;

    do {
        interrupt_everything(roll(p, 2));
        result = one_turn(call);
        if (result == HYPERCALL_RESTART && roll(p, 16) == 0) {
            break; /* it has something else to do */
        }
        if (result == HYPERCALL_RESTART) {
            sched_yield();
        }
    } while (result == HYPERCALL_RESTART);
    interrupt_everything(false);
    return result;
}

static void update_entries(struct player *p, uint32_t foreigndom)
{
    struct mmu_update *batch = (struct mmu_update *)argument_page(p);
    unsigned int count = 1 + roll(p, 4);

    for (unsigned int i = 0; i < count; i++) {
        batch[i].ptr = maddr_of_entry(any_frame(p), roll(p, 6));
        batch[i].val = any_entry(p);
    }
    set_arguments(address_of(batch), count, 0, foreigndom);
    p->failures += call_to_end(p, CALL_MMU_UPDATE) != 0;
}

static void extended(struct player *p, unsigned int command, uint64_t argument, uint32_t foreigndom)
{
    struct mmuext_op *op = (struct mmuext_op *)argument_page(p);

    *op = (struct mmuext_op){.cmd = command, .arg1.mfn = argument};
    set_arguments(address_of(op), 1, 0, foreigndom);
    p->failures += call_to_end(p, CALL_MMUEXT) != 0;
}

static void reserve(struct player *p, unsigned int command)
{
    struct xen_memory_reservation *r = (struct xen_memory_reservation *)argument_page(p);
    xen_pfn_t *list = (xen_pfn_t *)(argument_page(p) + PAGE_SIZE);

    *r = (struct xen_memory_reservation){.nr_extents = 1 + roll(p, 3), .domid = DOMID_SELF};
    r->extent_start.p = list;
    for (unsigned int i = 0; i < 3; i++) {
        list[i] = any_frame(p).n;
    }
    set_arguments(command, address_of(r), 0, 0);
    if (call_to_end(p, CALL_MEMORY_OP) > 0 && command != XENMEM_decrease_reservation) {
        /* One word: others see the old frame or the new one. */
        __atomic_store_n(&pool[roll(p, POOL)].n, list[0], __ATOMIC_RELAXED);
    }
}

static void exchange(struct player *p)
{
    struct xen_memory_exchange *e = (struct xen_memory_exchange *)argument_page(p);
    xen_pfn_t *list = (xen_pfn_t *)(argument_page(p) + PAGE_SIZE);

    *e = (struct xen_memory_exchange){0};
    e->in = (struct xen_memory_reservation){.nr_extents = 2, .domid = DOMID_SELF};
    e->out =
        (struct xen_memory_reservation){.nr_extents = 1, .extent_order = 1, .domid = DOMID_SELF};
    e->in.extent_start.p = list;
    e->out.extent_start.p = list + 8;
    list[0] = any_frame(p).n;
    list[1] = any_frame(p).n;
    set_arguments(XENMEM_exchange, address_of(e), 0, 0);
    if (call_to_end(p, CALL_MEMORY_OP) == 0) {
        __atomic_store_n(&pool[roll(p, POOL)].n, list[8], __ATOMIC_RELAXED);
    }
}

static void write_directly(struct player *p)
{
    struct trapped_write w;

    if (trapped_write_begin(p->vcpu, (40 + roll(p, 3)) * PAGE_SIZE + roll(p, 6) * 8, &w)) {
        p->failures += trapped_write_commit(p->vcpu, &w, any_entry(p)) != 0;
    }
}

static void map_by_address(struct player *p)
{
    set_arguments(roll(p, 4) << PAGE_SHIFT, any_entry(p), UVMF_NONE, 0);
    p->failures += call_to_end(p, CALL_VA_MAPPING) != 0;
}

/* ---- what they do ------------------------------------------------------------------------------
 */

static void change_tables(struct player *p)
{
    switch (roll(p, 8)) {
    case 0:
    case 1:
        extended(p, roll(p, 5), any_frame(p).n, DOMID_SELF);
        break;
    case 2:
        extended(p, roll(p, 4) ? MMUEXT_UNPIN_TABLE : MMUEXT_NEW_USER_BASEPTR, any_frame(p).n,
                 DOMID_SELF);
        break;
    case 3:
        write_directly(p);
        break;
    case 4:
        map_by_address(p);
        break;
    default:
        update_entries(p, DOMID_SELF);
        break;
    }
}

static void change_memory(struct player *p)
{
    switch (roll(p, 8)) {
    case 0:
        reserve(p, XENMEM_increase_reservation);
        break;
    case 1:
        reserve(p, XENMEM_decrease_reservation);
        break;
    case 2:
        exchange(p);
        break;
    default:
        change_tables(p);
        break;
    }
}

static void change_descriptors(struct player *p)
{
    uint64_t frames[2] = {any_frame(p).n, any_frame(p).n};

    if (roll(p, 3) == 0) {
        p->failures += gdt_set(p->vcpu, frames, roll(p, 3) * 512) != 0;
    } else {
        change_tables(p);
    }
}

/* Another domain's tables, while that domain lives and dies. */
static void change_foreign_tables(struct player *p)
{
    uint32_t id = subject->id;

    switch (roll(p, 4)) {
    case 0:
        extended(p, roll(p, 5), any_frame(p).n, id);
        break;
    case 1:
        update_entries(p, id); /* its frames in the caller's tables */
        break;
    default:
        update_entries(p, id | (id + 1U) << 16);
        break;
    }
}

/* ---- grants ---------------------------------------------------------------------------------- */

#define FIRST_REF 8U /* those before have uses of their own */
#define REFS      6U
#define HANDLES   16U

static struct domain *granter;
static mfn_t granted[REFS];
static struct {
    uint32_t handle;
    uint64_t address;
} mapping[HANDLES]; /* whose two words may not fit each other: so does a guest's mistake look */

static grant_entry_v1_t *grant_entry(uint32_t ref)
{
    return (grant_entry_v1_t *)table_at(grant_shared_frame(granter, 0)) + ref;
}

/* All of one word, as a guest changes an entry that is in use. */
static void write_grant(uint32_t ref, mfn_t frame, uint16_t flags)
{
    grant_entry_v1_t entry = {flags, subject->id, (uint32_t)frame.n};
    uint64_t word;

    memcpy(&word, &entry, sizeof(word));
    __atomic_store_n((uint64_t *)grant_entry(ref), word, __ATOMIC_SEQ_CST);
}

static long grant_op(const struct player *p, unsigned int command)
{
    return hypercall_grant_table_op(command, gva(address_of(argument_page(p))), 1);
}

static void map_grant(struct player *p)
{
    gnttab_map_grant_ref_t *op = (gnttab_map_grant_ref_t *)argument_page(p);
    unsigned int i = roll(p, HANDLES);

    *op = (gnttab_map_grant_ref_t){.flags = GNTMAP_host_map | (roll(p, 2) ? GNTMAP_readonly : 0),
                                   .ref = FIRST_REF + roll(p, REFS),
                                   .dom = granter->id};
    op->host_addr = roll(p, 6) << PAGE_SHIFT;
    if (roll(p, 2)) {
        op->flags |= GNTMAP_contains_pte;
        op->host_addr = maddr_of_entry(any_frame(p), roll(p, 6));
    }
    (void)grant_op(p, GNTTABOP_map_grant_ref);
    if (op->status == GNTST_okay) {
        __atomic_store_n(&mapping[i].handle, op->handle, __ATOMIC_RELAXED);
        __atomic_store_n(&mapping[i].address, op->host_addr, __ATOMIC_RELAXED);
    } else {
        p->failures++;
    }
}

static void unmap_grant(struct player *p)
{
    gnttab_unmap_grant_ref_t *op = (gnttab_unmap_grant_ref_t *)argument_page(p);
    unsigned int i = roll(p, HANDLES);

    *op = (gnttab_unmap_grant_ref_t){
        .host_addr = __atomic_load_n(&mapping[i].address, __ATOMIC_RELAXED),
        .handle = __atomic_load_n(&mapping[i].handle, __ATOMIC_RELAXED)};
    (void)grant_op(p, GNTTABOP_unmap_grant_ref);
    p->failures += op->status != GNTST_okay;
}

static void change_grants(struct player *p)
{
    switch (roll(p, 6)) {
    case 0:
        map_grant(p);
        break;
    case 1:
        unmap_grant(p);
        break;
    case 2:
        write_grant(FIRST_REF + roll(p, REFS), granted[roll(p, REFS)],
                    (uint16_t)(roll(p, 8) ? GTF_permit_access : GTF_permit_access | GTF_readonly));
        break;
    default:
        change_tables(p);
        break;
    }
}

/* ---- the stage
 * ----------------------------------------------------------------------------------- */

static void *play(void *player)
{
    struct player *p = player;

    host_become_cpu(p->cpu);
    run_as(p->vcpu);
    for (unsigned int i = 0; i < TURNS && !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
        p->turn(p);
    }
    /* What an abandoned call left is done by the next. */
    extended(p, MMUEXT_TLB_FLUSH_LOCAL, 0, DOMID_SELF);
    return NULL;
}

static void play_all(struct player *players, unsigned int count)
{
    pthread_t thread[CPUS];

    for (unsigned int i = 0; i < count; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, play, &players[i]), 0);
    }
    for (unsigned int i = 0; i < count; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    }
}

static int stage_setup(void **state)
{
    static bool registered;

    host_machine_create(MACHINE_FRAMES, CPUS);
    host_processor_reset();
    m2p = test_calloc(MACHINE_FRAMES, sizeof(*m2p));
    if (!registered) {
        domain_pages_init();
        grant_init();
        mmu_init();
        set_template();
        registered = true;
    }
    arguments = host_guest_memory(CPUS * 2 * PAGE_SIZE);
    guest_page = arguments;
    frames_at_start = frames_free_count();
    stop = false;
    return 0;
}

/* Tables of each level and pages, none with a type yet but for the tree that vCPU 0 runs on. */
static void furnish(struct domain *d)
{
    struct space s;

    build_space(d, &s);
    for (unsigned int i = 0; i < 4; i++) {
        pool[i] = s.table[i + 1];
    }
    for (unsigned int i = 4; i < POOL; i++) {
        pool[i] = i < 4 + DATA_PAGES ? s.data[i - 4] : new_frame(d);
    }
    for (unsigned int i = 0; i < 3; i++) {
        table_at(s.table[1])[40 + i] = entry_for(pool[i], KERNEL_RO);
    }
    run_as(d->vcpus[0]);
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        run_as(d->vcpus[i]);
        set_arguments(0, 0, 0, 0);
        assert_int_equal(new_base(s.table[4]), 0);
    }
}

static void race(void (*turn)(struct player *p))
{
    struct player players[CPUS];

    subject = new_domain(1, CPUS, false);
    furnish(subject);
    subject->max_pages = MACHINE_FRAMES / 4; /* and memory is left for the audit */
    for (unsigned int i = 0; i < CPUS; i++) {
        players[i] = (struct player){i, subject->vcpus[i], i + 1, turn, 0};
    }
    play_all(players, CPUS);
    host_become_cpu(0);
    audit();
    end_domain(subject);
}

static void test_tables_of_one_domain_from_four_cpus(void **state)
{
    race(change_tables);
}

static void test_memory_that_comes_and_goes_meanwhile(void **state)
{
    race(change_memory);
}

static void test_descriptor_tables_among_them(void **state)
{
    race(change_descriptors);
}

static void open_grants(struct domain *d)
{
    gnttab_setup_table_t *op = (gnttab_setup_table_t *)arguments;

    run_as(d->vcpus[0]);
    *op = (gnttab_setup_table_t){.dom = DOMID_SELF, .nr_frames = 1};
    set_xen_guest_handle(op->frame_list, (xen_pfn_t *)(arguments + PAGE_SIZE));
    assert_int_equal(hypercall_grant_table_op(GNTTABOP_setup_table, gva(address_of(op)), 1), 0);
}

static void test_grants_mapped_and_unmapped_meanwhile(void **state)
{
    struct player players[CPUS];

    granter = new_domain(2, 1, false);
    open_grants(granter);
    subject = new_domain(1, CPUS, false);
    for (unsigned int i = 0; i < REFS; i++) {
        granted[i] = new_frame(granter);
        write_grant(FIRST_REF + i, granted[i], GTF_permit_access);
    }
    furnish(subject);
    open_grants(subject);
    memset(mapping, 0, sizeof(mapping));
    for (unsigned int i = 0; i < CPUS; i++) {
        players[i] = (struct player){i, subject->vcpus[i], i + 1, change_grants, 0};
    }
    play_all(players, CPUS);
    host_become_cpu(0);
    audit();
    end_domain(subject);
    audit();
    end_domain(granter);
}

/* ---- the end of a domain, with others at its tables
 * ------------------------------------------------ */

static void *kill_subject(void *unused)
{
    host_become_cpu(3);
    run_as(domain0->vcpus[3]);
    interrupt_everything(true);
    (void)kill_domain(subject);
    interrupt_everything(false);
    return NULL;
}

static void test_a_domain_dies_while_others_change_its_tables(void **state)
{
    struct player players[3];
    pthread_t killer, thread[3];
    domid_t id;

    for (unsigned int round = 0; round < 20; round++) {
        domain0 = new_domain(0, CPUS, true);
        furnish(domain0); /* its own base, so that its tables are worth something */
        subject = new_domain(2, 1, false);
        furnish(subject);
        id = subject->id;
        __atomic_store_n(&stop, false, __ATOMIC_RELAXED);
        for (unsigned int i = 0; i < 3; i++) {
            players[i] =
                (struct player){i, domain0->vcpus[i], round * 8 + i, change_foreign_tables, 0};
            assert_int_equal(pthread_create(&thread[i], NULL, play, &players[i]), 0);
        }
        assert_int_equal(pthread_create(&killer, NULL, kill_subject, NULL), 0);
        assert_int_equal(pthread_join(killer, NULL), 0);
        __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
        for (unsigned int i = 0; i < 3; i++) {
            assert_int_equal(pthread_join(thread[i], NULL), 0);
        }
        host_become_cpu(0);
        audit();
        domain_put(subject);
        subject = domain0;
        domain0 = NULL;
        end_domain(subject);
        assert_null(domain_get(id));
        assert_int_equal(frames_free_count(), frames_at_start);
    }
}

#define stage_test(function) \
    cmocka_unit_test_setup_teardown(function, stage_setup, machine_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        stage_test(test_tables_of_one_domain_from_four_cpus),
        stage_test(test_memory_that_comes_and_goes_meanwhile),
        stage_test(test_descriptor_tables_among_them),
        stage_test(test_grants_mapped_and_unmapped_meanwhile),
        stage_test(test_a_domain_dies_while_others_change_its_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
