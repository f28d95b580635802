// SPDX-License-Identifier: Apache-2.0
// A domain that takes all it may, while domain 0 and another go on; and its end, which nobody has
// to wait for: an interrupt's wait during it is measured, in instructions (docs/isolation.md).
//
// Prints `isolation NAME VALUE` lines.

#include "clock.h"
#include "domu.h"
#include "grant.h"
#include "image.h"
#include "tap.h"

// A nanosecond an instruction.
IMAGE_BOOT("icount=0");

#define VCPUS       64
#define MORE_FRAMES 4096u // beyond what its builder gave it
#define MAPS        2000u // of one grant of domain 0's
#define REF         30
#define US          1000ul

// Instructions that an interrupt may have to wait for the longest piece, and be taken.
#define LONGEST_WAIT 30000u

static struct domu greedy, modest;
static uint64_t free_before;

// ---- all it may ------------------------------------------------------------------------------
// In the greedy domain. What it got of each, and the errors it was refused more with.
struct demands {
    uint64_t ports, frames, mappings;
    long port_error, grant_error, memory_error, line_error;
};

static long one_more_port(void)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = 0};

    return event_channel_op(EVTCHNOP_alloc_unbound, &op);
}

static long one_more_frame(void)
{
    xen_pfn_t mfn;
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};

    set_xen_guest_handle(r.extent_start, &mfn);
    return memory_op(XENMEM_increase_reservation, &r);
}

static int one_more_mapping(void)
{
    grant_handle_t handle;

    return grant_map(0, REF, GNTMAP_host_map | GNTMAP_readonly, POINTER(grant_window(0)), &handle);
}

static long take_all(void *data)
{
    struct demands *got = data;

    *got = (struct demands){0};
    while ((got->port_error = one_more_port()) == 0) {
        got->ports++;
    }
    while (one_more_frame() == 1) {
        got->frames++;
    }
    got->grant_error = grant_init(2, 64);
    got->memory_error = grant_init(2, 65);
    while (got->mappings < MAPS && one_more_mapping() == GNTST_okay) {
        got->mappings++;
    }
    return 0;
}

static long answer(void *data)
{
    return ++*(int *)data;
}

// ---- the others ---------------------------------------------------------------------------------
static void check_that_others_go_on(void)
{
    struct xen_domctl_createdomain config = domain_defaults();
    int number = 41, port = event_bind_ipi(0);
    long domid = domain_create(0, &config);

    CHECK_OK(domu_call(&modest, answer, &number, sizeof(number)) - 42);
    CHECK_EQ(number, 42);
    CHECK(port > 0);
    CHECK_OK(event_close((evtchn_port_t)port));
    CHECK(domid > 0);
    CHECK_OK(domain_max_vcpus((domid_t)domid, 1));
    CHECK_OK(domain_destroy((domid_t)domid));
}

static struct domain_plan greedy_plan(void)
{
    struct domain_plan plan = plan_whole_image();

    plan.config.max_vcpus = VCPUS;
    return plan;
}

TEST("a domain gets as much as its limits say, and then errors")
{
    struct domain_plan plan = greedy_plan();
    struct grant grant = {
        .ref = REF, .domid = 0, .frame = pfn_to_mfn(4), .flags = GTF_permit_access};
    struct demands got = {0};
    grant_handle_t handle;

    // What domain 0's own table needs once is there before it is counted.
    CHECK_OK(grant_init(1, 1));
    grant_set(&grant);
    CHECK_OK(grant_map(0, REF, GNTMAP_host_map, POINTER(grant_window(0)), &handle));
    CHECK_OK(grant_unmap(handle, POINTER(grant_window(0))));
    free_before = free_frames_settled();
    CHECK_OK(domu_start(&modest, NULL));
    CHECK_OK(domu_start(&greedy, &plan));
    grant.domid = greedy.domain.domid;
    grant_set(&grant);
    CHECK_OK(domain_max_mem(greedy.domain.domid, (greedy.domain.frame_count + MORE_FRAMES) * 4));
    CHECK_OK(domu_call(&greedy, take_all, &got, sizeof(got)));
    CHECK_EQ(got.port_error, -XEN_ENOSPC);
    CHECK(got.ports > 4000);
    CHECK_EQ(got.frames, MORE_FRAMES);
    CHECK_OK(got.grant_error);
    CHECK(got.memory_error != 0);
    diagnose("%lu ports, %lu frames, %lu mappings", got.ports, got.frames, got.mappings);
}

TEST("domain 0 and another domain go on meanwhile")
{
    check_that_others_go_on();
}

// ---- its end
// -------------------------------------------------------------------------------------
static uint64_t due, longest, fired;

static void arm(void)
{
    struct vcpu_set_singleshot_timer timer = {.timeout_abs_ns = clock_ns() + 2 * US};

    due = timer.timeout_abs_ns;
    (void)vcpu_op(VCPUOP_set_singleshot_timer, 0, &timer);
}

// Each turn of the call is cut as short as can be: the next interrupt is never far.
static bool on_upcall(struct trap_frame *frame)
{
    uint64_t now = clock_ns();

    event_dispatch();
    if (now >= due) {
        longest = now - due > longest ? now - due : longest;
        fired++;
        arm();
    }
    return true;
}

TEST("an interrupt does not wait for a large domain's end, but for a small piece of it")
{
    int port = event_bind_virq(VIRQ_TIMER, 0);
    bool gone;

    CHECK(port > 0);
    event_clear_mask((evtchn_port_t)port);
    trap_set_handler(VECTOR_EVENT, on_upcall);
    upcalls_enable();
    arm();
    clock_wait_until(clock_ns() + 100 * US);
    print("isolation wait_at_rest %lu\n", longest);
    longest = fired = 0;
    gone = domu_kill(&greedy);
    trap_set_handler(VECTOR_EVENT, NULL);
    print("isolation interrupts_at_death %lu\n", fired);
    print("isolation longest_wait %lu\n", longest);
    CHECK(gone);
    CHECK(fired > 10);
    if (!differs_on_oracle("its pieces are longer")) {
        CHECK(longest <= LONGEST_WAIT);
    }
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("what it had is free again, and others go on")
{
    check_that_others_go_on();
    CHECK(domu_kill(&modest));
    if (!differs_on_oracle("it keeps more for domain 0")) {
        CHECK(free_frames_return_to(free_before));
    }
}
