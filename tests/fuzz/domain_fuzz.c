// SPDX-License-Identifier: Apache-2.0
// The life of domains under any sequence of calls by domain 0 and by themselves: created, given
// memory, tables, contexts, events and grants, mapped, shut down, and killed at every point, with
// preemption, without memory, and with allocations that fail. After each call the audit holds;
// after the last one, when domain 0 has let go of what it mapped, every frame is back.
//
// Input: bytes that the calls take their numbers from; it ends when they do.
#include <stdlib.h>

#define DOMCTL_FRAMES 768
#include "../unit/domctl_fixture.h"
#include "input.h"
#include "must.h"
#include "operations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DOMAINS 3  /* their numbers are 1 to 3 */
#define KNOWN   12 /* frames of theirs that calls name */
#define SLOTS   8  /* of domain 0's table, to map others' frames in */

static uint64_t known[KNOWN];
static mfn_t own_table; /* domain 0's, of level 1, pinned */
static grant_handle_t handles[4];

static domid_t take_domain(void)
{
    return (domid_t)(1 + take(DOMAINS));
}

static uint64_t take_frame(void)
{
    uint32_t i = take(KNOWN + 1);

    return i == KNOWN ? dom0->shared_mfn : known[i];
}

/* Its page, where it can be written as a builder writes: through a mapping. */
static uint64_t *take_writable(domid_t id)
{
    mfn_t m = mfn(take_frame());

    return mfn_valid(m) && frame_get_writable(frame_of(m), id) ? frame_to_virt(m) : NULL;
}

static void put_writable(const uint64_t *page)
{
    frame_put_writable(frame_of(virt_to_frame(page)));
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void memory(unsigned int command)
{
    struct xen_memory_reservation *r = page_of_guest(1);
    xen_pfn_t *list = page_of_guest(2);
    uint32_t at = take(KNOWN), count = 1 + take(4);

    *r = (struct xen_memory_reservation){.nr_extents = count, .domid = take_domain()};
    r->extent_start.p = list;
    for (uint32_t i = 0; i < count; i++) {
        list[i] = command == XENMEM_populate_physmap ? i : known[(at + i) % KNOWN];
    }
    if (hypercall_memory_op(command, host_guest_address(r)) > 0 &&
        command == XENMEM_populate_physmap) {
        for (uint32_t i = 0; i < count; i++) {
            known[(at + i) % KNOWN] = list[i];
        }
    }
}

static void acquire(void)
{
    struct xen_mem_acquire_resource *r = page_of_guest(1);
    xen_pfn_t *list = page_of_guest(2);

    *r = (struct xen_mem_acquire_resource){
        .domid = take_domain(), .type = XENMEM_resource_grant_table, .nr_frames = take(3)};
    r->frame_list.p = list;
    if (hypercall_memory_op(XENMEM_acquire_resource, host_guest_address(r)) == 0 &&
        r->nr_frames > 0) {
        known[take(KNOWN)] = list[0];
    }
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void write_entry(void)
{
    uint64_t *page = take_writable(take_domain());

    if (page) {
        page[take(4)] =
            take_frame() << PAGE_SHIFT | PTE_P | (take(2) ? PTE_RW : 0) | (take(4) ? PTE_US : 0);
        put_writable(page);
    }
}

static void extended(void)
{
    static const uint32_t commands[] = {MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE,
                                        MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE,
                                        MMUEXT_UNPIN_TABLE,  MMUEXT_CLEAR_PAGE};
    struct mmuext_op *op_of = page_of_guest(1);

    *op_of =
        (struct mmuext_op){.cmd = commands[take(ARRAY_SIZE(commands))], .arg1.mfn = take_frame()};
    (void)hypercall_mmuext_op(host_guest_address(op_of), 1, gva(0), take_domain());
}

/* An entry of another domain's table, or of domain 0's own with another's frame. */
static void update(void)
{
    struct mmu_update *u = page_of_guest(1);
    domid_t id = take_domain();
    bool own = take(2) == 0;
    uint64_t table = own ? own_table.n : take_frame();

    *u = (struct mmu_update){
        .ptr = (table << PAGE_SHIFT) + 8 * take(SLOTS),
        .val = take(4) ? take_frame() << PAGE_SHIFT | PTE_P | (take(2) ? PTE_RW : 0) : 0};
    (void)hypercall_mmu_update(host_guest_address(u), 1, gva(0),
                               own ? id : (uint64_t)(id + 1) << 16 | id);
}

static void context(void)
{
    struct vcpu_guest_context *c = page_of_guest(1);

    memset(c, 0, sizeof(*c));
    c->flags = (take(8) ? VGCF_in_kernel : 0) | (take(2) ? VGCF_online : 0);
    c->ctrlreg[3] = xen_pfn_to_cr3(take_frame());
    c->ctrlreg[1] = take(3) ? 0 : xen_pfn_to_cr3(take_frame());
    c->gdt_ents = take(3) ? 0 : 1;
    c->gdt_frames[0] = take_frame();
    clear_op();
    op.u.vcpucontext.vcpu = take(2);
    op.u.vcpucontext.ctxt.p = take(8) ? c : NULL;
    (void)call_once(take(6) ? XEN_DOMCTL_setvcpucontext : XEN_DOMCTL_getvcpucontext, take_domain());
}

/* ---- events and grants ----------------------------------------------------------------------- */

static void events(void)
{
    struct evtchn_alloc_unbound *open = page_of_guest(1);
    struct evtchn_bind_interdomain *bind = page_of_guest(2);
    struct evtchn_close *end = page_of_guest(3);

    *open = (struct evtchn_alloc_unbound){.dom = take_domain(), .remote_dom = 0};
    *bind = (struct evtchn_bind_interdomain){.remote_dom = take_domain(), .remote_port = take(4)};
    *end = (struct evtchn_close){.port = take(4)};
    switch (take(3)) {
    case 0:
        (void)hypercall_event_channel_op(EVTCHNOP_alloc_unbound, host_guest_address(open));
        break;
    case 1:
        (void)hypercall_event_channel_op(EVTCHNOP_bind_interdomain, host_guest_address(bind));
        break;
    default:
        (void)hypercall_event_channel_op(EVTCHNOP_close, host_guest_address(end));
    }
}

/* What a guest writes into its table: a frame for domain 0, or nonsense. */
static void grant(void)
{
    struct domain *d = domain_get(take_domain());
    mfn_t table = d ? grant_shared_frame(d, 0) : mfn(MFN_INVALID);

    if (table.n != MFN_INVALID) {
        ((grant_entry_v1_t *)frame_to_virt(table))[take(4)] =
            (grant_entry_v1_t){.flags = (uint16_t)(take(4) ? GTF_permit_access : take(256)),
                               .domid = 0,
                               .frame = (uint32_t)take_frame()};
    }
    domain_put(d);
}

static void map_grant(void)
{
    struct gnttab_map_grant_ref *m = page_of_guest(1);

    *m = (struct gnttab_map_grant_ref){.host_addr = mfn_to_maddr(own_table).a + 8 * take(SLOTS),
                                       .flags = GNTMAP_host_map | GNTMAP_contains_pte |
                                                (take(2) ? GNTMAP_readonly : 0),
                                       .ref = take(4),
                                       .dom = take_domain()};
    if (hypercall_grant_table_op(GNTTABOP_map_grant_ref, host_guest_address(m), 1) == 0 &&
        m->status == GNTST_okay) {
        handles[take(ARRAY_SIZE(handles))] = m->handle;
    }
}

static void unmap_grant(void)
{
    struct gnttab_unmap_grant_ref *m = page_of_guest(1);

    *m = (struct gnttab_unmap_grant_ref){.host_addr = mfn_to_maddr(own_table).a + 8 * take(SLOTS),
                                         .handle = handles[take(ARRAY_SIZE(handles))]};
    (void)hypercall_grant_table_op(GNTTABOP_unmap_grant_ref, host_guest_address(m), 1);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void create(void)
{
    default_config();
    op.u.createdomain.max_vcpus = 1 + take(2);
    op.u.createdomain.max_grant_frames = (int32_t)take(4);
    (void)call_once(XEN_DOMCTL_createdomain, take_domain());
}

static void make_vcpus(void)
{
    clear_op();
    op.u.max_vcpus.max = 1 + take(2);
    (void)call_once(XEN_DOMCTL_max_vcpus, take_domain());
}

static void limit(void)
{
    clear_op();
    op.u.max_mem.max_memkb = take(2) ? 1 << 16 : 4 * take(64);
    (void)call_once(XEN_DOMCTL_max_mem, take_domain());
}

static void steer(void)
{
    static const uint32_t commands[] = {
        XEN_DOMCTL_pausedomain,       XEN_DOMCTL_unpausedomain,  XEN_DOMCTL_resumedomain,
        XEN_DOMCTL_getdomaininfo,     XEN_DOMCTL_hypercall_init, XEN_DOMCTL_gdbsx_pausevcpu,
        XEN_DOMCTL_gdbsx_unpausevcpu, XEN_DOMCTL_set_cpu_policy, XEN_DOMCTL_set_virq_handler,
        XEN_DOMCTL_ioport_permission, XEN_DOMCTL_subscribe,      XEN_DOMCTL_gettscinfo,
    };

    clear_op();
    switch (take(4)) {
    case 0:
        op.u.hypercall_init.gmfn = take_frame();
        break;
    case 1:
        op.u.ioport_permission.nr_ports = op.u.ioport_permission.allow_access = 1;
        break;
    case 2:
        op.u.subscribe.port = take(4);
        break;
    default:
        break;
    }
    (void)call_once(commands[take(ARRAY_SIZE(commands))], take_domain());
}

static void shut_down(void)
{
    struct domain *d = domain_get(take_domain());

    if (d) {
        domain_shutdown(d, take(4));
    }
    domain_put(d);
}

static void destroy(void)
{
    clear_op();
    (void)call_once(XEN_DOMCTL_destroydomain, take_domain());
}

/* ---- one step -------------------------------------------------------------------------------- */

static void act(void)
{
    switch (take(24)) {
    case 0 ... 1:
        create();
        break;
    case 2:
        make_vcpus();
        break;
    case 3:
        limit();
        break;
    case 4 ... 6:
        memory(XENMEM_populate_physmap);
        break;
    case 7:
        memory(XENMEM_decrease_reservation);
        break;
    case 8:
        acquire();
        break;
    case 9 ... 11:
        write_entry();
        break;
    case 12 ... 13:
        extended();
        break;
    case 14 ... 15:
        update();
        break;
    case 16 ... 17:
        context();
        break;
    case 18:
        events();
        break;
    case 19:
        grant();
        break;
    case 20:
        take(2) ? map_grant() : unmap_grant();
        break;
    case 21:
        steer();
        break;
    case 22:
        shut_down();
        break;
    default:
        destroy();
        break;
    }
}

/* Without memory: all but a few frames are somebody else's for the time of the step. */
static void act_in_need(uint32_t spare)
{
    static mfn_t taken[DOMCTL_FRAMES];
    uint32_t count = 0;

    while (frames_free_count() > spare && count < DOMCTL_FRAMES) {
        taken[count] = frames_alloc(0, 64);
        MUST(taken[count++].n != MFN_INVALID);
    }
    act();
    while (count > 0) {
        frames_free(taken[--count], 0);
    }
}

static void step(void)
{
    uint32_t how = take(32);

    this_cpu()->pending = how % 4 == 0 ? 1U << WORK_TIMER : 0;
    if (how == 31) {
        act_in_need(take(8));
    } else {
        host_allocations_left = how == 30 ? 1 + take(8) : 0;
        act();
        host_allocations_left = 0;
    }
    this_cpu()->pending = 0;
    MUST(current_vcpu() == dom0->vcpus[0]);
    MUST(audit_frames(NULL) == 0);
}

/* ---- one input ------------------------------------------------------------------------------- */

static void give_own_table(void)
{
    struct mmuext_op *pin = page_of_guest(1);

    own_table = add_frame(dom0);
    *pin = (struct mmuext_op){.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = own_table.n};
    MUST(hypercall_mmuext_op(host_guest_address(pin), 1, gva(0), DOMID_SELF) == 0);
}

/* A domain that is there already, with vCPUs, a table for grants and four tables in a row. */
static void build(domid_t id)
{
    uint64_t *frames = &known[(id - 1) * 4];
    struct domain *d;

    default_config();
    op.u.createdomain.max_vcpus = 2;
    MUST(call(XEN_DOMCTL_createdomain, id) == 0);
    clear_op();
    op.u.max_vcpus.max = 2;
    MUST(call(XEN_DOMCTL_max_vcpus, id) == 0);
    op.u.max_mem.max_memkb = 1 << 16;
    MUST(call(XEN_DOMCTL_max_mem, id) == 0);
    d = record_of(id);
    for (unsigned int i = 0; i < 4; i++) {
        frames[i] = add_frame(d).n;
    }
    for (unsigned int i = 0; i + 1 < 4; i++) {
        *(uint64_t *)frame_to_virt(mfn(frames[i])) =
            frames[i + 1] << PAGE_SHIFT | PTE_P | PTE_RW | PTE_US;
    }
    MUST(grant_have_frames(d, 1) == 0);
}

/*
 * The others die while domain 0 has their frames mapped, by their numbers and by grants, and calls
 * not finished; then it dies itself, and with it the last reference to anything.
 */
static void end_all(void)
{
    for (domid_t id = 1; id <= DOMAINS; id++) {
        struct domain *d = domain_get(id);
        if (!d) {
            (void)destroy_domain(id); /* where its end was not awaited */
        } else {
            MUST(destroy_domain(id) == 0);
            MUST(d->life == DOMAIN_DEAD && d->pages.count == 0 && d->own_pages.count == 0);
            MUST(audit_frames(NULL) == 0);
        }
        domain_put(d);
    }
    end_domain0();
    MUST(!exists(1) && !exists(2) && !exists(3));
    MUST(frames_free_count() == frames_at_start);
    host_machine_destroy();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_begin(data, size);
    memset(known, 0, sizeof(known));
    memset(handles, 0, sizeof(handles));
    domctl_setup(NULL);
    give_own_table();
    for (domid_t id = 1, end = (domid_t)take(DOMAINS + 1); id <= end; id++) {
        build(id);
    }
    while (input.size > 0) {
        step();
        fuzz_operations++;
    }
    end_all();
    return 0;
}
