// SPDX-License-Identifier: Apache-2.0
// Domains in numbers: made, shared with and killed at random moments, every frame back; and many
// tiny ones alive at once. `./pavise stress domains` runs this image with larger numbers.
//
// On the command line: cycles=N and alive=N. Prints `domains NAME VALUE` lines; under -icount the
// ticks are instructions.

#include "clock.h"
#include "domu.h"
#include "foreign.h"
#include "grant.h"
#include "tap.h"
#include "tiny.h"

#define MS             1000000ul
#define DEFAULT_CYCLES 40
#define DEFAULT_ALIVE  40
#define MAX_ALIVE      1000
#define REF            20
#define SHARE_RW       (GTF_permit_access)

static void tell(const char *name, uint64_t value)
{
    print("domains %s %lu\n", name, value);
}

static void sleep_ns(uint64_t length)
{
    struct sched_poll poll = {.timeout = clock_ns() + length};

    (void)sched_op(SCHEDOP_poll, &poll);
}

static uint64_t random_state = 0x243f6a8885a308d3;

static unsigned below(unsigned bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state % bound);
}

// ---- create, share, kill ----------------------------------------------------------------------
// Shares for ever: maps and unmaps, copies, opens and closes ports, sends, makes page tables.
static void share_once(void)
{
    struct grant_map_wish wish = {.ref = REF, .domid = 0, .flags = GNTMAP_host_map};
    struct gnttab_copy copy = {
        .source = {.u.ref = REF, .domid = 0},
        .dest = {.u.gmfn = pfn_to_mfn(start_info->nr_pages - 1), .domid = DOMID_SELF},
        .len = 256,
        .flags = GNTCOPY_source_gref};
    uint64_t table = pfn_to_mfn(start_info->nr_pages - 2);
    int port = event_bind_ipi(0);

    if (grant_map_there(&wish) == GNTST_okay) {
        *(volatile uint64_t *)grant_window(0) += 1;
        (void)grant_unmap_there(&wish);
    }
    (void)GRANT_OP(GNTTABOP_copy, copy);
    (void)mmuext_frame(MMUEXT_CLEAR_PAGE, table);
    (void)mmuext_frame(MMUEXT_PIN_L1_TABLE, table);
    (void)event_send(domu_mailbox->port);
    (void)mmuext_frame(MMUEXT_UNPIN_TABLE, table);
    (void)event_close((evtchn_port_t)port);
}

static long share(void *data)
{
    unsigned times = *(unsigned *)data;
    struct grant grant = {
        .ref = REF, .domid = 0, .frame = pfn_to_mfn(start_info->nr_pages - 3), .flags = SHARE_RW};
    long error = grant_init(1, 1);

    grant_set(&grant);
    for (unsigned i = 0; i < times && error == 0; i++) {
        share_once();
        domu_mailbox->progress++;
    }
    return error;
}

static struct domu domu;

// Maps what the domain granted, uses it, and lets go.
static bool use_its_grant(void)
{
    grant_handle_t handle;
    uint64_t address = POINTER(grant_window(0));

    if (grant_map(domu.domain.domid, REF, GNTMAP_host_map, address, &handle) != GNTST_okay) {
        return false;
    }
    *(volatile uint64_t *)address = 1;
    return grant_unmap(handle, address) == GNTST_okay;
}

// The whole of it in peace, then to the end.
static bool cycle_in_order(void)
{
    unsigned times = 3;

    return domu_start(&domu, NULL) == 0 && domu_call(&domu, share, &times, sizeof(times)) == 0 &&
           use_its_grant() && domu_kill(&domu);
}

// Killed while it shares, from before its first instruction on.
static bool cycle_cut_short(void)
{
    unsigned for_ever = UINT32_MAX;

    if (domu_prepare(&domu, NULL) != 0) {
        return false;
    }
    domu_ask(&domu, share, &for_ever, sizeof(for_ever));
    if (below(8) != 0) {
        (void)domain_unpause(domu.domain.domid);
        sleep_ns(below(6) * MS / 4);
    }
    if (below(4) == 0) {
        (void)domain_pause(domu.domain.domid);
    }
    return domu_kill(&domu);
}

// Killed while domain 0 has its page mapped; it is gone when domain 0 lets go.
static bool cycle_held(void)
{
    unsigned times = 1;
    grant_handle_t handle;
    uint64_t address = POINTER(grant_window(0));
    bool good = domu_start(&domu, NULL) == 0 &&
                domu_call(&domu, share, &times, sizeof(times)) == 0 &&
                grant_map(domu.domain.domid, REF, GNTMAP_host_map, address, &handle) == 0 &&
                domain_destroy(domu.domain.domid) == 0 &&
                (domain_flags(domu.domain.domid) & XEN_DOMINF_dying) != 0;

    return good && grant_unmap(handle, address) == GNTST_okay && domu_kill(&domu);
}

static bool one_cycle(void)
{
    switch (below(4)) {
    case 0:
        return cycle_in_order();
    case 1:
        return cycle_held();
    default:
        return cycle_cut_short();
    }
}

static void grant_to_all(void)
{
    static char *page;
    struct grant grant = {.ref = REF, .flags = SHARE_RW};

    page = page != NULL ? page : page_alloc();
    grant.domid = domu.domain.domid;
    grant.frame = virt_to_mfn(page);
    grant_set(&grant);
}

TEST("domains are made, shared with and killed at random moments, and every frame comes back")
{
    unsigned cycles = (unsigned)boot_option("cycles=", DEFAULT_CYCLES);
    uint64_t before;

    CHECK_OK(grant_init(1, 1));
    CHECK(cycle_in_order());
    before = free_frames_settled();
    for (unsigned i = 0; i < cycles; i++) {
        // The number of the next domain is one higher, as a rule; a wrong guess is a refusal.
        domu.domain.domid++;
        grant_to_all();
        if (!one_cycle()) {
            diagnose("cycle %u", i);
            CHECK(false);
            (void)domu_kill(&domu);
        }
        if (i % 100 == 99) {
            diagnose("%u cycles, %lu frames free", i + 1, free_frames());
        }
    }
    CHECK(free_frames_return_to(before));
    tell("cycles", cycles);
}

// ---- many at once -----------------------------------------------------------------------------
// What is kept of a tiny domain, in pages of its own and not in .bss: that would be copied.
struct alive {
    domid_t domid;
    evtchn_port_t port;
};
static struct alive *alive;
static unsigned alive_count;
static uint64_t frames_before;

static long connect(struct alive *tiny)
{
    struct evtchn_alloc_unbound alloc = {.dom = tiny->domid, .remote_dom = 0};
    struct evtchn_bind_interdomain bind = {.remote_dom = tiny->domid, .remote_port = TINY_PORT};
    long error = event_channel_op(EVTCHNOP_alloc_unbound, &alloc);

    error = error != 0 ? error : event_channel_op(EVTCHNOP_bind_interdomain, &bind);
    tiny->port = bind.local_port;
    return error != 0 || alloc.port == TINY_PORT ? error : -XEN_EBUSY;
}

static long make_tiny(struct alive *tiny)
{
    static struct domain domain;
    struct domain_plan plan = plan_tiny();
    long error = domain_build(&domain, &plan);

    tiny->domid = domain.domid;
    error = error != 0 ? error : connect(tiny);
    return error != 0 ? error : domain_unpause(domain.domid);
}

// What the hypervisor keeps for so many ports of domain 0 once it has had them, it keeps already.
static void use_ports(unsigned count)
{
    evtchn_port_t highest = 0;

    for (unsigned i = 0; i < count; i++) {
        int port = event_bind_ipi(0);
        highest = port > 0 ? (evtchn_port_t)port : highest;
    }
    for (evtchn_port_t port = highest; port > 0 && highest - port < count; port--) {
        (void)event_close(port);
    }
}

TEST("many tiny domains are made")
{
    unsigned wanted = (unsigned)boot_option("alive=", DEFAULT_ALIVE);
    uint64_t best = UINT64_MAX;

    wanted = wanted < MAX_ALIVE ? wanted : MAX_ALIVE;
    alive = pages_alloc((unsigned)((wanted * sizeof(*alive) + PAGE_SIZE - 1) >> PAGE_SHIFT));
    use_ports(wanted);
    frames_before = free_frames_settled();
    for (long error = 0; alive_count < wanted && error == 0;) {
        uint64_t start = read_tsc();
        error = make_tiny(&alive[alive_count]);
        uint64_t ticks = read_tsc() - start;
        CHECK_OK(error);
        alive_count += error == 0;
        best = ticks < best ? ticks : best;
    }
    CHECK_EQ(alive_count, wanted);
    tell("alive", alive_count);
    tell("creation-ticks", best);
}

static bool answers(const struct alive *tiny)
{
    evtchn_port_t port = tiny->port;
    uint64_t give_up = clock_ns() + 10000 * MS;

    event_mask(port);
    event_clear_pending(port);
    (void)event_send(port);
    while (!event_pending(port) && clock_ns() < give_up) {
        struct sched_poll poll = {.nr_ports = 1, .timeout = clock_ns() + 100 * MS};
        set_xen_guest_handle(poll.ports, &port);
        (void)sched_op(SCHEDOP_poll, &poll);
    }
    return event_pending(port);
}

TEST("each of them answers, all being alive")
{
    unsigned answered = 0;

    for (unsigned i = 0; i < alive_count; i++) {
        answered += answers(&alive[i]);
    }
    CHECK_EQ(answered, alive_count);
}

TEST("what one takes of the machine's memory is told")
{
    struct xen_domctl_getdomaininfo info;
    uint64_t used = frames_before - free_frames();

    CHECK_OK(domain_info(alive[0].domid, &info));
    CHECK(used >= alive_count * info.tot_pages);
    tell("frames-of-its-own", info.tot_pages);
    tell("frames-each", (used + alive_count / 2) / alive_count);
    tell("kib-each", used * (PAGE_SIZE / 1024) / alive_count);
}

TEST("all of them end, and every frame comes back")
{
    uint64_t start = read_tsc();

    for (unsigned i = 0; i < alive_count; i++) {
        CHECK_OK(event_close(alive[i].port));
        CHECK_OK(domain_destroy(alive[i].domid));
    }
    tell("destruction-ticks", (read_tsc() - start) / alive_count);
    for (unsigned i = 0; i < alive_count; i++) {
        CHECK(domain_wait_gone(alive[i].domid));
    }
    // The reference's heap keeps a page or two more of what many domains leave in pieces.
    CHECK(free_frames_settled() + (running_on_oracle() ? alive_count / 100 : 0) >= frames_before);
}
