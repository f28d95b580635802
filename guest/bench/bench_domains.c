// SPDX-License-Identifier: Apache-2.0
// What it costs domain 0 to have to do with another domain, in ticks as in bench.c: events, turns
// on the CPU, grants, and making and ending one.

#include "domu.h"
#include "event.h"
#include "foreign.h"
#include "grant.h"
#include "measure.h"
#include "tiny.h"

#define REF 20

static struct domu domu;

// A channel to the other domain, beside the one its requests come by.
static evtchn_port_t here, there;

static void open_channel(void)
{
    struct evtchn_alloc_unbound alloc = {.dom = domu.domain.domid, .remote_dom = 0};
    struct evtchn_bind_interdomain bind = {.remote_dom = domu.domain.domid};

    require(event_channel_op(EVTCHNOP_alloc_unbound, &alloc) == 0, "a port");
    bind.remote_port = alloc.port;
    require(event_channel_op(EVTCHNOP_bind_interdomain, &bind) == 0, "a channel");
    here = bind.local_port;
    there = alloc.port;
    event_mask(here);
}

// ---- what the other domain does ---------------------------------------------------------------
static long answer_for_ever(void *data)
{
    evtchn_port_t port = *(evtchn_port_t *)data;
    struct evtchn_send send = {.port = port};
    struct sched_poll poll = {.nr_ports = 1};

    (void)vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    set_xen_guest_handle(poll.ports, &port);
    while (true) {
        (void)sched_op(SCHEDOP_poll, &poll);
        event_clear_pending(port);
        (void)event_channel_op(EVTCHNOP_send, &send);
    }
    return 0;
}

static long yield_for_ever(void *data)
{
    (void)vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    while (true) {
        (void)sched_op(SCHEDOP_yield, NULL);
    }
    return 0;
}

// ---- rows -------------------------------------------------------------------------------------
// The other domain does not run, so what is sent is seen in its shared page as it was left.
static void measure_sends(void)
{
    struct evtchn_send send = {.port = here};
    xen_pfn_t frame = domu.domain.shared_info_mfn;
    struct shared_info *shared = foreign_map(domu.domain.domid, &frame, 1, PTE_KERNEL_RW, NULL);

    require(shared != NULL, "the other domain's shared page");
    require(domain_pause(domu.domain.domid) == 0, "a pause");
    (void)event_channel_op(EVTCHNOP_send, &send);
    MEASURE("domain-send-pending", (void)event_channel_op(EVTCHNOP_send, &send));
    MEASURE("domain-send-new", shared->evtchn_pending[0] = 0,
            (void)event_channel_op(EVTCHNOP_send, &send));
    shared->evtchn_pending[0] = 0;
    require(domain_unpause(domu.domain.domid) == 0, "the end of a pause");
    foreign_unmap(shared, 1);
}

static void domu_grants_a_page(void)
{
    unsigned version = 1;
    struct grant grant = {.ref = REF,
                          .domid = 0,
                          .frame = domu.domain.frames[domu.domain.frame_count - 1],
                          .flags = GTF_permit_access};

    require(domu_call(&domu, grant_init_there, &version, sizeof(version)) == 0, "a grant table");
    require(domu_call(&domu, grant_set_there, &grant, sizeof(grant)) == 0, "a grant");
}

static void measure_grants(void)
{
    static struct gnttab_map_grant_ref map;
    static struct gnttab_unmap_grant_ref unmap;
    static struct gnttab_copy copy;

    domu_grants_a_page();
    map = (struct gnttab_map_grant_ref){.host_addr = POINTER(grant_window(0)),
                                        .flags = GNTMAP_host_map,
                                        .ref = REF,
                                        .dom = domu.domain.domid};
    unmap.host_addr = map.host_addr;
    MEASURE("domain-grant-map-unmap", (void)grant_table_op(GNTTABOP_map_grant_ref, &map, 1),
            unmap.handle = map.handle, (void)grant_table_op(GNTTABOP_unmap_grant_ref, &unmap, 1));
    require(map.status == GNTST_okay && unmap.status == GNTST_okay, "a mapped grant");
    copy = (struct gnttab_copy){
        .source = {.u.ref = REF, .domid = domu.domain.domid},
        .dest = {.u.gmfn = virt_to_mfn(page_alloc()), .domid = DOMID_SELF},
        .len = 64,
        .flags = GNTCOPY_source_gref,
    };
    MEASURE("domain-grant-copy-64", (void)grant_table_op(GNTTABOP_copy, &copy, 1));
    copy.len = PAGE_SIZE;
    MEASURE("domain-grant-copy-page", (void)grant_table_op(GNTTABOP_copy, &copy, 1));
    require(copy.status == GNTST_okay, "a copy of a grant");
}

static void measure_foreign_map(void)
{
    static const uint64_t *pte;
    static struct mmu_update update;
    uint64_t frame = domu.domain.frames[domu.domain.frame_count - 1];

    pte = pte_lookup(map_spare(SPARE_VA), 1);
    update.ptr = pte_maddr(pte);
    MEASURE("domain-foreign-map-unmap", update.val = frame << PAGE_SHIFT | PTE_KERNEL_RW,
            (void)mmu_update(&update, 1, NULL, domu.domain.domid), update.val = 0,
            (void)mmu_update(&update, 1, NULL, domu.domain.domid));
}

static void restart(domu_function *function)
{
    int none = 0;

    require(domu_kill(&domu), "the end of a domain");
    require(domu_start(&domu, NULL) == 0, "a domain");
    open_channel();
    if (function == answer_for_ever) {
        domu_ask(&domu, function, &there, sizeof(there));
    } else {
        domu_ask(&domu, function, &none, sizeof(none));
    }
    for (unsigned i = 0; i < 8; i++) {
        (void)sched_op(SCHEDOP_yield, NULL);
    }
}

static void sleep_for_answer(void)
{
    evtchn_port_t port = here;
    struct sched_poll poll = {.nr_ports = 1};

    set_xen_guest_handle(poll.ports, &port);
    (void)sched_op(SCHEDOP_poll, &poll);
    event_clear_pending(port);
}

static void measure_turns(void)
{
    struct evtchn_send send;

    restart(answer_for_ever);
    send.port = here;
    event_clear_pending(here);
    MEASURE("domain-wake-and-back", (void)event_channel_op(EVTCHNOP_send, &send),
            sleep_for_answer());
    restart(yield_for_ever);
    MEASURE("domain-yield-and-back", (void)sched_op(SCHEDOP_yield, NULL));
}

static void tiny_life(void)
{
    static struct domain domain;
    struct domain_plan plan = plan_tiny();

    require(domain_build(&domain, &plan) == 0, "a tiny domain");
    require(domain_destroy(domain.domid) == 0, "the end of a tiny domain");
}

void guest_main(void)
{
    print("1..1\n");
    (void)vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    require(domu_start(&domu, NULL) == 0, "a domain");
    open_channel();
    measure_sends();
    measure_grants();
    measure_foreign_map();
    measure_turns();
    require(domu_kill(&domu), "the end of a domain");
    MEASURE_ROUNDS("domain-tiny-life", 1, tiny_life());
    print("ok 1 - every operation was measured\n");
}
