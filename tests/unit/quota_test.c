// SPDX-License-Identifier: Apache-2.0
// What domains make Pavise allocate: each allocation may fail, a domain at all its limits has just
// its share, and when guests have used up all they may, the machine can still be controlled.
#define DOMCTL_FRAMES 8192
#include "domctl_fixture.h"

#include "console/guest_lines.h"
#include "domain/quota.h"
#include "event/fifo.h"
#include "grant/table.h"
#include "memory/low.h"
#include "mmu/memory_map.h"
#include "pv/cpuid.h"

#define VCPUS     3
#define LAST_PORT 5000U /* beyond what the 2-level ABI has, so that the large tables come, too */
#define RESERVE   128U

/* ---- what a domain can ask for ----------------------------------------------------------------
 */

static void configure(void)
{
    default_config();
    op.u.createdomain.max_vcpus = VCPUS;
    op.u.createdomain.max_evtchn_port = LAST_PORT;
    op.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(2);
}

static long create(domid_t id)
{
    configure();
    return call(XEN_DOMCTL_createdomain, id);
}

static long make_vcpus(struct domain *d)
{
    clear_op();
    op.u.max_vcpus.max = VCPUS;
    return call(XEN_DOMCTL_max_vcpus, d->id);
}

static long set_policy(struct domain *d)
{
    static struct cpuid_policy policy;

    return pv_set_cpuid_policy(d, &policy);
}

static long set_map(struct domain *d)
{
    struct xen_foreign_memory_map *request = page_of_guest(1);

    *request =
        (struct xen_foreign_memory_map){.domid = d->id, .map = {.nr_entries = E820_MAX_ENTRIES}};
    request->map.buffer.p = page_of_guest(2);
    return hypercall_memory_op(XENMEM_set_memory_map, host_guest_address(request));
}

static long allow_a_port(struct domain *d)
{
    return domain_set_port_right(d, 0x3f8, 0x3f8, true);
}

static long write_line(struct domain *d)
{
    return guest_lines_write(d, "x", 1);
}

static long change_to_fifo(struct domain *d)
{
    return d->events->fifo ? 0 : fifo_init_control(d->vcpus[0], mfn(d->pages.head), 0);
}

static long open_port(struct domain *d)
{
    evtchn_port_t port;

    return event_alloc_unbound(d, 0, &port);
}

static long open_all_ports(struct domain *d)
{
    long error;

    while ((error = open_port(d)) == 0) {
    }
    return error == -ENOSPC ? 0 : error;
}

static long have_all_frames(struct domain *d)
{
    return grant_have_frames(d, grant_most_frames(d));
}

/* As version 1 a table has the most entries, as version 2 the most pages. */
static long use_all_entries(struct domain *d)
{
    for (grant_ref_t ref = 0; ref < table_entries(d->grants); ref += ACTIVE_PER_PAGE) {
        struct grant_active *a;
        if (active_lock(d, ref, &a) != GNTST_okay) {
            return -ENOMEM;
        }
        byte_unlock(&a->lock);
    }
    return 0;
}

static long have_status_frames(struct domain *d)
{
    int error;

    spin_lock(&d->grants->lock);
    error = table_grow_status(d, status_frames_for(d->grants->frames));
    spin_unlock(&d->grants->lock);
    return error;
}

static long take_a_handle(struct domain *d)
{
    return maptrack_alloc(d) == NO_HANDLE ? -ENOMEM : 0;
}

static long take_all_handles(struct domain *d)
{
    while (take_a_handle(d) == 0) {
    }
    return d->grants->maptrack_frames == d->grants->max_maptrack_frames ? 0 : -ENOMEM;
}

/* In an order in which each can be done. */
static long (*const demands[])(struct domain *d) = {
    make_vcpus,      set_policy,         set_map,          allow_a_port,
    write_line,      change_to_fifo,     open_all_ports,   have_all_frames,
    use_all_entries, have_status_frames, take_all_handles,
};

static struct domain *new_domain(void)
{
    assert_int_equal(create(0), 0);
    record_of(op.domain)->max_pages = UINT64_MAX;
    (void)add_frame(record_of(op.domain));
    return record_of(op.domain);
}

static void demand_all(struct domain *d)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(demands); i++) {
        assert_int_equal(demands[i](d), 0);
    }
}

/* ---- the share ----------------------------------------------------------------------------------
 */

/*
 * What may be there beside all else, for as long as a call lasts: what replaces a policy and a map,
 * and lines of other vCPUs that wanted to make the domain's. (Contexts count with the interrupts,
 * which nobody has here.)
 */
static uint64_t passing(void)
{
    return quota_cost(1, sizeof(struct cpuid_policy)) + memory_map_most_heap() / 2 +
           (VCPUS - 1) * quota_cost(1, 200);
}

static void a_domain_at_all_its_limits_has_its_share(void **state)
{
    struct domain *d = new_domain();

    demand_all(d);
    assert_int_equal(d->most_heap_bytes, d->heap_bytes + passing());
    demand_all(d);
    assert_int_equal(d->most_heap_bytes, d->heap_bytes + passing());
}

static void the_share_follows_the_limits(void **state)
{
    uint64_t small, large;

    assert_int_equal(create(0), 0);
    large = record_of(op.domain)->most_heap_bytes;
    default_config();
    assert_int_equal(call(XEN_DOMCTL_createdomain, 0), 0);
    small = record_of(op.domain)->most_heap_bytes;
    assert_true(small < large);
    assert_int_equal(dom0->most_heap_bytes, UINT64_MAX);
    /* Two vCPUs, 3,977 ports in pages of 128, and the tables over them. */
    assert_true(large - small > 31 * PAGE_SIZE);
}

static void who_has_had_its_share_gets_no_more_and_others_do(void **state)
{
    struct domain *d = new_domain(), *other = new_domain();

    assert_int_equal(make_vcpus(d), 0);
    assert_int_equal(make_vcpus(other), 0);
    d->most_heap_bytes = d->heap_bytes;
    for (unsigned int i = 1; i < ARRAY_SIZE(demands); i++) {
        bool of_no_frames = demands[i] == use_all_entries || demands[i] == have_status_frames;
        assert_int_equal(demands[i](d), of_no_frames ? 0 : -ENOMEM);
    }
    assert_int_equal(d->heap_bytes, d->most_heap_bytes);
    demand_all(other);
}

/* Even a table: that it was a page of Pavise's is forgotten, and was a page too few once. */
static void what_pavise_gave_up_is_memory_like_any_other(void **state)
{
    struct domain *d = new_domain();
    domid_t id = d->id;
    struct frame *f;

    assert_int_equal(have_all_frames(d), 0);
    f = frame_of(grant_shared_frame(d, 0));
    assert_true(frame_get(f, id));
    assert_int_equal(destroy_domain(id), 0);
    assert_true(exists(id));
    assert_int_equal(d->total_pages, 1);
    assert_int_equal(table_claim(d, f, 1, false), 0);
    frame_put(f);
    assert_int_equal(d->total_pages, 1);
    table_put(f);
    assert_false(exists(id)); /* its record says if something is still charged */
}

/* ---- each allocation fails --------------------------------------------------------------------
 */

/* One demand, with the one allocation failing that `left` says; false where it made fewer. */
static bool fails_at(struct domain *d, unsigned int demand, uint64_t left)
{
    uint64_t charged = d->heap_bytes;
    bool failed;
    long result;

    host_allocations_left = left;
    result = demands[demand](d);
    failed = host_allocations_left == 0;
    host_allocations_left = 0;
    assert_int_equal(result, failed ? -ENOMEM : 0);
    assert_true(d->heap_bytes >= charged);
    assert_int_equal(audit_frames(NULL), 0);
    return failed;
}

/*
 * Demand by demand: it fails at its first allocation, at its second one, and so on; what it had
 * got by then stays, so the next try goes further, until it succeeds. Then all goes back.
 */
static void any_allocation_may_fail(void **state)
{
    struct domain *d = new_domain();
    unsigned int failures = 0;

    for (unsigned int i = 0; i < ARRAY_SIZE(demands); i++) {
        for (uint64_t left = 1; fails_at(d, i, left); left++) {
            failures++;
        }
        assert_int_equal(demands[i](d), 0);
    }
    assert_true(failures > 30);
}

/* The whole life again and again, with one failure at another place each time. */
static void a_life_with_one_failure_at_any_place(void **state)
{
    uint64_t free = frames_free_count(), left = 0;
    bool failed;

    do {
        struct domain *d;
        left++;
        host_allocations_left = left;
        if (create(9) != 0) {
            assert_int_equal(host_allocations_left, 0);
            assert_false(exists(9));
            failed = true;
            continue;
        }
        d = record_of(9);
        host_allocations_left += host_allocations_left != 0; /* the frame is not Pavise's */
        d->max_pages = UINT64_MAX;
        (void)add_frame(d);
        for (unsigned int i = 0; i < ARRAY_SIZE(demands); i++) {
            long result = demands[i](d);
            if (result != 0) {
                assert_int_equal(result, -ENOMEM);
                assert_int_equal(host_allocations_left, 0);
                assert_int_equal(demands[i](d), 0);
            }
        }
        failed = host_allocations_left == 0;
        host_allocations_left = 0;
        assert_int_equal(audit_frames(NULL), 0);
        assert_int_equal(destroy_domain(9), 0);
        assert_int_equal(frames_free_count(), free);
    } while (failed);
    assert_true(left > 80);
}

/* ---- the reserve ------------------------------------------------------------------------------
 */

/* Others' memory, until only `frames` are free. */
static void use_up_all_but(struct domain *d, uint64_t frames)
{
    while (frames_free_count() > frames) {
        mfn_t m = frames_alloc(0, 64);
        assert_int_equal(domain_assign_frames(d, m, 1), 0);
    }
}

static void guests_leave_the_reserve_to_those_who_control(void **state)
{
    struct domain *d = new_domain(), *late;
    uint64_t free;
    mfn_t m;

    assert_int_equal(make_vcpus(d), 0);
    frames_set_reserve(RESERVE);
    use_up_all_but(d, RESERVE + 10);
    run_as(d->vcpus[0]);
    assert_int_equal(have_status_frames(d), 0);
    assert_int_equal(change_to_fifo(d), 0);
    assert_int_equal(open_all_ports(d), -ENOMEM);
    assert_int_equal(have_all_frames(d), -ENOMEM);
    assert_int_equal(take_all_handles(d), -ENOMEM);
    assert_int_equal(domain_add_frames(d, 0, 64, &m), -ENOMEM);
    assert_int_equal(frames_free_count(), RESERVE);
    run_as(dom0->vcpus[0]);
    free = frames_free_count();
    /* Memory for guests is none either when domain 0 asks; what Pavise needs to serve it, is. */
    assert_int_equal(domain_add_frames(d, 0, 64, &m), -ENOMEM);
    assert_int_equal(open_port(d), 0);
    assert_int_equal(open_port(dom0), 0);
    assert_int_equal(create(7), 0);
    late = record_of(7);
    assert_int_equal(make_vcpus(late), 0);
    assert_int_equal(destroy_domain(7), 0);
    assert_true(frames_free_count() + 2 >= free);
    assert_int_equal(destroy_domain(d->id), 0);
    frames_set_reserve(0);
}

/* ---- telling of it ------------------------------------------------------------------------------
 */

static evtchn_port_t bind_low_memory(void)
{
    struct evtchn_bind_virq *bind = page_of_guest(1);

    *bind = (struct evtchn_bind_virq){.virq = VIRQ_ENOMEM};
    assert_int_equal(hypercall_event_channel_op(EVTCHNOP_bind_virq, host_guest_address(bind)), 0);
    return bind->port;
}

static bool was_told(evtchn_port_t port)
{
    cpu_do_work();
    return (__atomic_fetch_and(&dom0->shared->evtchn_pending[0], ~(1UL << port),
                               __ATOMIC_SEQ_CST) >>
                port &
            1) != 0;
}

static void domain_0_is_told_when_memory_runs_out(void **state)
{
    struct domain *d = new_domain();
    domid_t id = d->id;
    evtchn_port_t port = bind_low_memory();
    mfn_t m;

    memory_watch(1024);
    use_up_all_but(d, 1024);
    assert_false(was_told(port));
    use_up_all_but(d, 1023);
    assert_true(was_told(port));
    use_up_all_but(d, 512);
    assert_false(was_told(port));
    use_up_all_but(d, 200);
    assert_true(was_told(port));
    assert_false(was_told(port));
    use_up_all_but(d, 0);
    assert_true(was_told(port));
    assert_int_equal(domain_add_frames(d, 0, 64, &m), -ENOMEM);
    assert_true(was_told(port));
    assert_int_equal(domain_add_frames(d, 0, 64, &m), -ENOMEM);
    assert_false(was_told(port));
    assert_int_equal(destroy_domain(id), 0);
    d = new_domain();
    use_up_all_but(d, 1000);
    assert_true(was_told(port));
    memory_watch(0);
}

static void a_claim_leaves_the_reserve_too(void **state)
{
    struct domain *d = new_domain();
    uint64_t free = frames_free_count();

    frames_set_reserve(RESERVE);
    assert_int_equal(frames_claim(&d->claimed_pages, free - RESERVE + 1), -ENOMEM);
    assert_int_equal(frames_claim(&d->claimed_pages, free - RESERVE), 0);
    assert_int_equal(d->claimed_pages, free - RESERVE);
    frames_set_reserve(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_domain_at_all_its_limits_has_its_share),
        TEST(the_share_follows_the_limits),
        TEST(who_has_had_its_share_gets_no_more_and_others_do),
        TEST(what_pavise_gave_up_is_memory_like_any_other),
        TEST(any_allocation_may_fail),
        TEST(a_life_with_one_failure_at_any_place),
        TEST(guests_leave_the_reserve_to_those_who_control),
        TEST(domain_0_is_told_when_memory_runs_out),
        TEST(a_claim_leaves_the_reserve_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
