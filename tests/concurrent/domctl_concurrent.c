// SPDX-License-Identifier: Apache-2.0
// The life of domains from several CPUs at once, each played by a thread: domain 0 has a vCPU on
// each of them, which create, furnish, steer, map and destroy the same few domains without
// agreeing, while those run beside them and call for themselves. When all have stopped the audit
// counts everything from scratch, and every frame comes back.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "domctl_fixture.h"

#define CPUS           4U
#define TURNS          40000U
#define MACHINE_FRAMES 16384U
#define DOMAINS        3U /* their numbers are 1 to 3 */
#define VCPUS          2U
#define FRAMES         8U /* of each that calls name */
#define PAGES          3U /* of guest memory a CPU, for arguments */

static uint64_t known[DOMAINS + 1][FRAMES];  /* [a] frames of theirs, while they have them */
static mfn_t own_table[CPUS];                /* domain 0's, of level 1, pinned */
static unsigned int players_left;            /* [a] */
static uint64_t created, started, destroyed; /* [a] so that a test of nothing is noticed */

struct player {
    unsigned int cpu, seed;
};

static unsigned int roll(struct player *p, unsigned int bound)
{
    return (unsigned int)rand_r(&p->seed) % bound;
}

static domid_t any_domain(struct player *p)
{
    return (domid_t)(1 + roll(p, DOMAINS));
}

static uint64_t frame_of_domain(struct player *p, domid_t id)
{
    return __atomic_load_n(&known[id][roll(p, FRAMES)], __ATOMIC_RELAXED);
}

static uint64_t any_frame(struct player *p)
{
    return frame_of_domain(p, any_domain(p));
}

/* This CPU's own memory for what an argument points to. */
static void *argument(const struct player *p, unsigned int page)
{
    return guest + (p->cpu * PAGES + page) * PAGE_SIZE;
}

static gva_t address_of(const void *argument)
{
    return host_guest_address(argument);
}

/* ---- domain 0's calls -------------------------------------------------------------------------
 */

/* One turn: who is told to ask again may as well do something else. */
static long tell(struct player *p, uint32_t command, domid_t id, struct xen_domctl *operation)
{
    struct xen_domctl *copy = argument(p, 0);
    long result;

    operation->cmd = command;
    operation->domain = id;
    operation->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    memcpy(copy, operation, sizeof(*copy));
    result = hypercall_domctl(address_of(copy));
    memcpy(operation, copy, sizeof(*copy));
    return result;
}

static void create(struct player *p)
{
    struct xen_domctl o = {.u.createdomain = {
                               .max_vcpus = VCPUS,
                               .max_evtchn_port = 1023,
                               .max_grant_frames = 4,
                               .max_maptrack_frames = 4,
                               .grant_opts = XEN_DOMCTL_GRANT_version(1),
                           }};
    domid_t id = any_domain(p);

    if (tell(p, XEN_DOMCTL_createdomain, id, &o) != 0) {
        return;
    }
    __atomic_add_fetch(&created, 1, __ATOMIC_RELAXED);
    o = (struct xen_domctl){.u.max_vcpus.max = VCPUS};
    (void)tell(p, XEN_DOMCTL_max_vcpus, id, &o);
    o = (struct xen_domctl){.u.max_mem.max_memkb = 4 * FRAMES * 4};
    (void)tell(p, XEN_DOMCTL_max_mem, id, &o);
}

static void destroy(struct player *p)
{
    struct xen_domctl o = {0};

    if (tell(p, XEN_DOMCTL_destroydomain, any_domain(p), &o) == 0) {
        __atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED);
    }
}

static void populate(struct player *p, domid_t id)
{
    struct xen_memory_reservation *r = argument(p, 0);
    xen_pfn_t *list = argument(p, 1);
    unsigned int count = 1 + roll(p, FRAMES);
    long done;

    *r = (struct xen_memory_reservation){.nr_extents = count,
                                         .domid = current_vcpu()->domain == dom0 ? id : DOMID_SELF};
    r->extent_start.p = list;
    for (unsigned int i = 0; i < count; i++) {
        list[i] = i;
    }
    done = hypercall_memory_op(XENMEM_populate_physmap, address_of(r));
    for (long i = 0; i < MIN(done, (long)count); i++) {
        __atomic_store_n(&known[id][i], list[i], __ATOMIC_RELAXED);
    }
}

static void give_back(struct player *p, domid_t id)
{
    struct xen_memory_reservation *r = argument(p, 0);
    xen_pfn_t *list = argument(p, 1);

    *r = (struct xen_memory_reservation){.nr_extents = 1,
                                         .domid = current_vcpu()->domain == dom0 ? id : DOMID_SELF};
    r->extent_start.p = list;
    list[0] = frame_of_domain(p, id);
    (void)hypercall_memory_op(XENMEM_decrease_reservation, address_of(r));
}

static void pin(struct player *p, uint64_t frame, uint32_t foreigndom)
{
    static const uint32_t commands[] = {MMUEXT_PIN_L4_TABLE, MMUEXT_PIN_L4_TABLE,
                                        MMUEXT_PIN_L1_TABLE, MMUEXT_UNPIN_TABLE};
    struct mmuext_op *o = argument(p, 0);

    *o = (struct mmuext_op){.cmd = commands[roll(p, ARRAY_SIZE(commands))], .arg1.mfn = frame};
    (void)hypercall_mmuext_op(address_of(o), 1, gva(0), foreigndom);
}

static void map_foreign(struct player *p)
{
    struct mmu_update *u = argument(p, 0);
    domid_t id = any_domain(p);

    *u = (struct mmu_update){.ptr = mfn_to_maddr(own_table[roll(p, CPUS)]).a + 8 * roll(p, 4),
                             .val = roll(p, 2) ? frame_of_domain(p, id) << PAGE_SHIFT | PTE_P |
                                                     (roll(p, 2) ? PTE_RW : 0)
                                               : 0};
    (void)hypercall_mmu_update(address_of(u), 1, gva(0), id);
}

static void set_context(struct player *p)
{
    struct vcpu_guest_context *c = argument(p, 1);
    domid_t id = any_domain(p);
    struct xen_domctl o = {.u.vcpucontext.vcpu = roll(p, VCPUS)};

    memset(c, 0, sizeof(*c));
    c->flags = VGCF_in_kernel | VGCF_online;
    c->ctrlreg[3] = xen_pfn_to_cr3(frame_of_domain(p, id));
    o.u.vcpucontext.ctxt.p = roll(p, 16) ? c : NULL;
    if (tell(p, XEN_DOMCTL_setvcpucontext, id, &o) == 0) {
        __atomic_add_fetch(&started, 1, __ATOMIC_RELAXED);
    }
}

static void get_context(struct player *p)
{
    struct xen_domctl o = {.u.vcpucontext.vcpu = roll(p, VCPUS)};

    o.u.vcpucontext.ctxt.p = argument(p, 1);
    (void)tell(p, XEN_DOMCTL_getvcpucontext, any_domain(p), &o);
}

/* Commands whose operation may be anything small. */
static void steer(struct player *p)
{
    static const uint32_t commands[] = {
        XEN_DOMCTL_pausedomain,         XEN_DOMCTL_unpausedomain,    XEN_DOMCTL_unpausedomain,
        XEN_DOMCTL_resumedomain,        XEN_DOMCTL_setdebugging,     XEN_DOMCTL_setdomainhandle,
        XEN_DOMCTL_settimeoffset,       XEN_DOMCTL_gdbsx_pausevcpu,  XEN_DOMCTL_gdbsx_unpausevcpu,
        XEN_DOMCTL_gdbsx_domstatus,     XEN_DOMCTL_getvcpuinfo,      XEN_DOMCTL_set_virq_handler,
        XEN_DOMCTL_max_vcpus,           XEN_DOMCTL_sendtrigger,      XEN_DOMCTL_subscribe,
        XEN_DOMCTL_ioport_permission,   XEN_DOMCTL_iomem_permission, XEN_DOMCTL_settscinfo,
        XEN_DOMCTL_get_ext_vcpucontext,
    };
    struct xen_domctl o = {0};

    o.u.pad[0] = (uint8_t)roll(p, 3);
    o.u.pad[4] = o.u.pad[8] = (uint8_t)roll(p, 2);
    (void)tell(p, commands[roll(p, ARRAY_SIZE(commands))], any_domain(p), &o);
}

static void look(struct player *p)
{
    struct xen_domctl o = {0};
    struct xen_sysctl *s = argument(p, 0);

    (void)tell(p, XEN_DOMCTL_getdomaininfo, any_domain(p), &o);
    *s = (struct xen_sysctl){.cmd = XEN_SYSCTL_getdomaininfolist,
                             .interface_version = XEN_SYSCTL_INTERFACE_VERSION};
    s->u.getdomaininfolist.max_domains = 8;
    s->u.getdomaininfolist.buffer.p = argument(p, 1);
    (void)hypercall_sysctl(address_of(s));
}

static void play_tool(struct player *p)
{
    switch (roll(p, 16)) {
    case 0:
        create(p);
        break;
    case 1:
        destroy(p);
        break;
    case 2:
    case 3:
        populate(p, any_domain(p));
        break;
    case 4:
        give_back(p, any_domain(p));
        break;
    case 5:
    case 6:
        pin(p, any_frame(p), any_domain(p));
        break;
    case 7:
    case 8:
        map_foreign(p);
        break;
    case 9:
    case 10:
        set_context(p);
        break;
    case 11:
        get_context(p);
        break;
    case 12:
        look(p);
        break;
    default:
        steer(p);
        break;
    }
}

/* ---- the other domains' calls ------------------------------------------------------------------
 */

static void use_events(struct player *p)
{
    union {
        evtchn_alloc_unbound_t unbound;
        evtchn_send_t send;
        evtchn_close_t close;
    } *o = argument(p, 0);

    memset(o, 0, sizeof(*o));
    switch (roll(p, 3)) {
    case 0:
        o->unbound = (evtchn_alloc_unbound_t){.dom = DOMID_SELF, .remote_dom = any_domain(p)};
        (void)hypercall_event_channel_op(EVTCHNOP_alloc_unbound, address_of(o));
        break;
    case 1:
        o->send.port = roll(p, 8);
        (void)hypercall_event_channel_op(EVTCHNOP_send, address_of(o));
        break;
    default:
        o->close.port = roll(p, 8);
        (void)hypercall_event_channel_op(EVTCHNOP_close, address_of(o));
    }
}

static void open_grants(struct player *p)
{
    gnttab_setup_table_t *o = argument(p, 0);

    *o = (gnttab_setup_table_t){.dom = DOMID_SELF, .nr_frames = 1 + roll(p, 3)};
    o->frame_list.p = argument(p, 1);
    (void)hypercall_grant_table_op(GNTTABOP_setup_table, address_of(o), 1);
}

static void stop_running(struct player *p)
{
    struct sched_shutdown *o = argument(p, 0);

    o->reason = roll(p, 5);
    if (roll(p, 4) == 0) {
        (void)hypercall_sched_op(SCHEDOP_shutdown, address_of(o));
    } else {
        (void)hypercall_vcpu_op(roll(p, 2) ? VCPUOP_up : VCPUOP_down, roll(p, VCPUS), gva(0));
    }
}

static void play_guest(struct player *p, struct vcpu *v)
{
    domid_t id = v->domain->id;

    switch (roll(p, 8)) {
    case 0:
        populate(p, id);
        break;
    case 1:
        give_back(p, id);
        break;
    case 2:
        pin(p, frame_of_domain(p, id), DOMID_SELF);
        break;
    case 3:
        open_grants(p);
        break;
    case 4:
        stop_running(p);
        break;
    case 5:
        (void)hypercall_sched_op(SCHEDOP_yield, gva(0));
        break;
    case 6: /* a breakpoint, which stops it if somebody debugs it */
        v->regs.entry_vector = 3;
        exception_from_guest(v);
        break;
    default:
        use_events(p);
        break;
    }
}

/* ---- the stage --------------------------------------------------------------------------------
 */

static void play_turn(struct player *p)
{
    struct vcpu *v = current_vcpu();

    if (vcpu_is_idle(v) || READ_ONCE(v->pause) != 0) {
        sched_yield();
    } else if (v->domain == dom0) {
        play_tool(p);
    } else {
        play_guest(p, v);
    }
}

/* Time goes on, and this CPU answers, as long as one plays: who waits for it needs it to look. */
static void *play(void *data)
{
    struct player *p = data;
    unsigned int turns = 0;

    host_become_cpu(p->cpu);
    while (turns < TURNS || __atomic_load_n(&players_left, __ATOMIC_SEQ_CST) != 0) {
        __atomic_add_fetch(&host_tsc, 3000, __ATOMIC_RELAXED);
        cpu_raise_self(WORK_TIMER);
        cpu_do_work();
        if (turns < TURNS) {
            play_turn(p);
        }
        if (turns++ == TURNS) {
            __atomic_sub_fetch(&players_left, 1, __ATOMIC_SEQ_CST);
        }
    }
    return NULL;
}

/* Domain 0 has a vCPU on each CPU and a table of its own for each; the first one prepares. */
static void open_stage(void)
{
    struct mmuext_op *o;
    int error = 0;

    dom0 = domain0 = domain_create(0, CPUS, true, &error);
    assert_non_null(dom0);
    dom0->hardware = true;
    assert_int_equal(domain_set_port_right(dom0, 0, 0, true), 0);
    for (unsigned int i = 0; i < CPUS; i++) {
        assert_non_null(vcpu_create(dom0, i));
        dom0->vcpus[i]->initialised = true;
        assert_int_equal(sched_set_hard_affinity(dom0->vcpus[i], 1UL << i), 0);
        vcpu_clear_pause(dom0->vcpus[i], VCPU_DOWN);
    }
    cpu_do_work();
    assert_ptr_equal(current_vcpu(), dom0->vcpus[0]);
    o = (struct mmuext_op *)guest;
    for (unsigned int i = 0; i < CPUS; i++) {
        own_table[i] = add_frame(dom0);
        *o = (struct mmuext_op){.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = own_table[i].n};
        assert_int_equal(hypercall_mmuext_op(address_of(o), 1, gva(0), DOMID_SELF), 0);
    }
}

static int setup(void **state)
{
    m2p = calloc(MACHINE_FRAMES, sizeof(*m2p));
    host_machine_create(MACHINE_FRAMES, CPUS);
    host_processor_reset();
    host_tsc = 0;
    host_tsc_hz = NS_PER_SECOND;
    start_rooms_once();
    for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
        assert_int_equal(timers_init_cpu(cpu), 0);
        assert_int_equal(sched_init_cpu(cpu), 0);
    }
    guest = host_guest_memory(CPUS * PAGES * PAGE_SIZE);
    frames_at_start = frames_free_count();
    open_stage();
    return 0;
}

static void all_cpus_work(void)
{
    for (unsigned int round = 0; round < 4; round++) {
        for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
            host_become_cpu(cpu);
            cpu_do_work();
        }
    }
    host_become_cpu(0);
}

static void kill_to_the_end(struct domain *d)
{
    long result;

    domain_pause_nosync(d);
    all_cpus_work();
    do {
        result = domain_kill(d);
        all_cpus_work();
    } while (result == HYPERCALL_RESTART);
    assert_int_equal(result, 0);
    domain_put(d);
}

static void domains_live_and_die_under_four_tools(void **state)
{
    struct player players[CPUS];
    pthread_t thread[CPUS];
    struct domain *d;

    players_left = CPUS;
    for (unsigned int i = 0; i < CPUS; i++) {
        players[i] = (struct player){i, 5 * i + 1};
        assert_int_equal(pthread_create(&thread[i], NULL, play, &players[i]), 0);
    }
    for (unsigned int i = 0; i < CPUS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    }
    host_become_cpu(0);
    print_message("%lu domains created, %lu vCPUs started, %lu domains destroyed\n", created,
                  started, destroyed);
    assert_true(created > 100 && started > 100 && destroyed > 100);
    assert_int_equal(audit_frames(NULL), 0);
    /* Of some the record stays: domain 0 maps their memory. */
    for (int last = 0; (d = domain_get_next(last)) != NULL;) {
        last = d->id;
        kill_to_the_end(d);
    }
    assert_int_equal(audit_frames(NULL), 0);
    domain0 = NULL;
    kill_to_the_end(dom0);
    assert_null(domain_get_next(-1));
    assert_int_equal(frames_free_count(), frames_at_start);
    host_machine_destroy();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(domains_live_and_die_under_four_tools, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
