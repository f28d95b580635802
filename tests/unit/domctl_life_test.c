// SPDX-License-Identifier: Apache-2.0
// domctl: domains are created, paused, unpaused, shut down, resumed, destroyed.
#include "domctl_fixture.h"

#include "control/domctl.h"
#include "domain/pause.h"

/* ---- creation ----------------------------------------------------------------------------------
 */

#define REFUSED_WITH(error, field, value)                          \
    do {                                                           \
        default_config();                                          \
        op.u.createdomain.field = (value);                         \
        assert_int_equal(call(XEN_DOMCTL_createdomain, 0), error); \
        assert_false(exists(1));                                   \
    } while (0)

static void a_domain_is_what_its_creator_asked_for(void **state)
{
    struct domain *d;

    default_config();
    op.u.createdomain.max_vcpus = 3;
    op.u.createdomain.ssidref = 77;
    op.u.createdomain.flags = XEN_DOMCTL_CDF_xs_domain;
    memset(op.u.createdomain.handle, 0x5a, sizeof(xen_domain_handle_t));
    assert_int_equal(call(XEN_DOMCTL_createdomain, 9), 0);
    assert_int_equal(op.domain, 9);
    d = record_of(9);
    assert_false(d->privileged);
    assert_false(d->hardware);
    assert_int_equal(d->max_vcpus, 3);
    clear_op();
    assert_int_equal(call(XEN_DOMCTL_getdomaininfo, 9), 0);
    assert_int_equal(op.u.getdomaininfo.ssidref, 77);
    assert_int_equal(op.u.getdomaininfo.handle[15], 0x5a);
    assert_int_equal(op.u.getdomaininfo.max_pages, 0);
    assert_int_equal(op.u.getdomaininfo.nr_online_vcpus, 0);
    assert_int_equal(op.u.getdomaininfo.max_vcpu_id, XEN_INVALID_MAX_VCPU_ID);
    assert_int_equal(op.u.getdomaininfo.shared_info_frame, d->shared_mfn);
    assert_int_equal(op.u.getdomaininfo.flags & 0xffff, XEN_DOMINF_paused | XEN_DOMINF_xs_domain);
}

static void a_number_may_be_asked_for_and_is_given_once(void **state)
{
    default_config();
    assert_int_equal(call(XEN_DOMCTL_createdomain, 9), 0);
    assert_int_equal(call(XEN_DOMCTL_createdomain, 9), -EEXIST);
    assert_int_equal(call(XEN_DOMCTL_createdomain, DOMID_SELF), 0);
    assert_in_range(op.domain, 1, DOMID_FIRST_RESERVED - 1);
    assert_int_not_equal(op.domain, 9);
}

static void what_a_domain_can_not_have_is_refused(void **state)
{
    REFUSED_WITH(-EOPNOTSUPP, flags, XEN_DOMCTL_CDF_hvm);
    REFUSED_WITH(-EINVAL, flags, XEN_DOMCTL_CDF_hap);
    REFUSED_WITH(-EINVAL, flags, XEN_DOMCTL_CDF_s3_integrity);
    REFUSED_WITH(-EINVAL, flags, XEN_DOMCTL_CDF_iommu);
    REFUSED_WITH(-EINVAL, flags, XEN_DOMCTL_CDF_nested_virt);
    REFUSED_WITH(-EINVAL, flags, XEN_DOMCTL_CDF_vpmu);
    REFUSED_WITH(-EINVAL, flags, 2 * XEN_DOMCTL_CDF_MAX);
    REFUSED_WITH(-EINVAL, iommu_opts, XEN_DOMCTL_IOMMU_no_sharept);
    REFUSED_WITH(-EINVAL, iommu_opts, 2);
    REFUSED_WITH(-EINVAL, max_vcpus, 0);
    REFUSED_WITH(-EINVAL, max_vcpus, MAX_VCPUS + 1);
    REFUSED_WITH(-EINVAL, max_grant_frames, 0);
    REFUSED_WITH(-EINVAL, max_grant_frames, GRANT_DEFAULT_FRAMES + 1);
    REFUSED_WITH(-EINVAL, max_maptrack_frames, GRANT_DEFAULT_MAPTRACK_FRAMES + 1);
    REFUSED_WITH(-EINVAL, grant_opts, 0);
    REFUSED_WITH(-EINVAL, grant_opts, 3);
    REFUSED_WITH(-EINVAL, grant_opts, 0x11);
    REFUSED_WITH(-EINVAL, vmtrace_size, PAGE_SIZE);
    REFUSED_WITH(-ESRCH, cpupool_id, 1);
    REFUSED_WITH(-EOPNOTSUPP, arch.emulation_flags, XEN_X86_EMU_LAPIC);
    REFUSED_WITH(-EOPNOTSUPP, arch.emulation_flags, XEN_X86_EMU_VPCI);
    REFUSED_WITH(-EINVAL, arch.emulation_flags, 1U << 11);
    REFUSED_WITH(-EINVAL, arch.misc_flags, 2 * XEN_X86_MISC_FLAGS_MAX);
}

#define TAKEN_WITH(field, value)                               \
    do {                                                       \
        default_config();                                      \
        op.u.createdomain.field = (value);                     \
        assert_int_equal(call(XEN_DOMCTL_createdomain, 0), 0); \
        assert_int_equal(destroy_domain(op.domain), 0);        \
    } while (0)

static void the_bounds_of_what_it_can_have(void **state)
{
    TAKEN_WITH(flags, XEN_DOMCTL_CDF_oos_off);
    TAKEN_WITH(max_vcpus, MAX_VCPUS);
    TAKEN_WITH(max_grant_frames, -1);
    TAKEN_WITH(max_grant_frames, GRANT_DEFAULT_FRAMES);
    TAKEN_WITH(max_maptrack_frames, -1);
    TAKEN_WITH(max_maptrack_frames, 0);
    TAKEN_WITH(grant_opts, 2);
    TAKEN_WITH(max_evtchn_port, UINT32_MAX);
    TAKEN_WITH(arch.emulation_flags, XEN_X86_EMU_PIT);
    TAKEN_WITH(arch.misc_flags, XEN_X86_MSR_RELAXED);
}

static void nobody_can_be_told_of_it_so_it_is_not_made(void **state)
{
    default_config();
    op.cmd = XEN_DOMCTL_createdomain;
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    memcpy(guest, &op, sizeof(op));
    host_guest_read_only(true);
    assert_int_equal(hypercall_domctl(host_guest_address(guest)), -EFAULT);
    host_guest_read_only(false);
    assert_null(domain_get_next(0));
}

static void creation_fails_well_when_memory_runs_out(void **state)
{
    uint64_t spare = 0;
    long result;

    do {
        mfn_t taken[DOMCTL_FRAMES];
        unsigned int count = 0;
        while (frames_free_count() > spare) {
            taken[count++] = frames_alloc(0, 64);
        }
        default_config();
        result = call(XEN_DOMCTL_createdomain, 5);
        while (count > 0) {
            frames_free(taken[--count], 0);
        }
        assert_true(result == 0 || result == -ENOMEM);
        assert_int_equal(exists(5), result == 0);
        spare++;
    } while (result != 0);
    assert_true(spare > 3);
}

static void vcpus_are_made_as_many_as_were_said(void **state)
{
    default_config();
    op.u.createdomain.max_vcpus = 40;
    assert_int_equal(call(XEN_DOMCTL_createdomain, 9), 0);
    clear_op();
    op.u.max_vcpus.max = 39;
    assert_int_equal(call(XEN_DOMCTL_max_vcpus, 9), -EINVAL);
    op.u.max_vcpus.max = 40;
    this_cpu()->pending = 1U << WORK_TIMER;
    assert_int_equal(call_once(XEN_DOMCTL_max_vcpus, 9), HYPERCALL_RESTART);
    assert_non_null(record_of(9)->vcpus[0]);
    assert_null(record_of(9)->vcpus[1]);
    this_cpu()->pending = 0;
    assert_int_equal(call(XEN_DOMCTL_max_vcpus, 9), 0);
    assert_int_equal(call(XEN_DOMCTL_max_vcpus, 9), 0);
    for (unsigned int i = 0; i < 40; i++) {
        assert_non_null(record_of(9)->vcpus[i]);
        assert_int_equal(record_of(9)->vcpus[i]->pause, VCPU_DOWN | VCPU_DOMAIN_PAUSED);
    }
    assert_int_equal(call(XEN_DOMCTL_max_vcpus, 0), -EINVAL);
}

/* ---- pausing -----------------------------------------------------------------------------------
 */

static void pauses_are_counted_and_bounded(void **state)
{
    domid_t id = create_domain(1);
    struct domain *d = record_of(id);

    for (unsigned int i = 1; i < DOMAIN_MAX_CONTROLLER_PAUSES; i++) {
        assert_int_equal(call(XEN_DOMCTL_pausedomain, id), 0);
    }
    assert_int_equal(call(XEN_DOMCTL_pausedomain, id), -EOVERFLOW);
    assert_int_equal(d->pause_count, DOMAIN_MAX_CONTROLLER_PAUSES);
    for (unsigned int i = 0; i < DOMAIN_MAX_CONTROLLER_PAUSES; i++) {
        assert_int_equal(call(XEN_DOMCTL_unpausedomain, id), 0);
    }
    assert_int_equal(call(XEN_DOMCTL_unpausedomain, id), -EINVAL);
    assert_int_equal(d->vcpus[0]->pause, VCPU_DOWN);
    assert_int_equal(call(XEN_DOMCTL_pausedomain, 0), -EINVAL);
    assert_int_equal(call(XEN_DOMCTL_pausedomain, DOMID_SELF), -ESRCH);
    assert_int_equal(call(XEN_DOMCTL_pausedomain, 99), -ESRCH);
}

static void a_vcpu_made_late_is_paused_as_its_domain_is(void **state)
{
    struct domain *d;

    default_config();
    assert_int_equal(call(XEN_DOMCTL_createdomain, 9), 0);
    d = record_of(9);
    assert_int_equal(call(XEN_DOMCTL_pausedomain, 9), 0);
    domain_shutdown(d, SHUTDOWN_suspend);
    clear_op();
    op.u.max_vcpus.max = 1;
    assert_int_equal(call(XEN_DOMCTL_max_vcpus, 9), 0);
    assert_int_equal(d->pause_count, 3);
    assert_int_equal(call(XEN_DOMCTL_unpausedomain, 9), 0);
    assert_int_equal(call(XEN_DOMCTL_unpausedomain, 9), 0);
    assert_int_equal(d->vcpus[0]->pause, VCPU_DOWN | VCPU_DOMAIN_PAUSED);
    assert_int_equal(call(XEN_DOMCTL_resumedomain, 9), 0);
    assert_int_equal(d->vcpus[0]->pause, VCPU_DOWN);
}

static void a_second_caller_waits_its_turn(void **state)
{
    spin_lock(&domctl_lock);
    default_config();
    assert_int_equal(call_once(XEN_DOMCTL_createdomain, 9), HYPERCALL_RESTART);
    spin_unlock(&domctl_lock);
    assert_int_equal(call_once(XEN_DOMCTL_createdomain, 9), 0);
}

/* ---- shutting down and going on ----------------------------------------------------------------
 */

static uint32_t flags_of(domid_t id)
{
    clear_op();
    assert_int_equal(call(XEN_DOMCTL_getdomaininfo, id), 0);
    assert_int_equal(op.domain, id);
    return op.u.getdomaininfo.flags;
}

static void what_shut_down_can_go_on(void **state)
{
    domid_t id = create_domain(2);
    struct domain *d = record_of(id);

    assert_int_equal(flags_of(id) >> XEN_DOMINF_shutdownshift, 0xffff);
    domain_shutdown(d, SHUTDOWN_suspend);
    assert_int_equal(flags_of(id), XEN_DOMINF_paused | XEN_DOMINF_shutdown |
                                       SHUTDOWN_suspend << XEN_DOMINF_shutdownshift);
    domain_shutdown(d, SHUTDOWN_crash);
    assert_int_equal(d->shutdown_code, SHUTDOWN_suspend);
    assert_int_equal(call(XEN_DOMCTL_resumedomain, id), 0);
    assert_int_equal(flags_of(id) & XEN_DOMINF_shutdown, 0);
    assert_int_equal(call(XEN_DOMCTL_resumedomain, id), 0);
    assert_int_equal(d->pause_count, 1);
    assert_int_equal(call(XEN_DOMCTL_resumedomain, 0), -EINVAL);
}

static void a_latched_code_is_reported_by_a_crash_too(void **state)
{
    struct domain *d = record_of(create_domain(1));

    domain_latch_shutdown_code(d, SHUTDOWN_watchdog);
    domain_crash(d, "test");
    assert_int_equal(d->shutdown_code, SHUTDOWN_watchdog);
    domain_resume(d);
    domain_crash(d, "test");
    assert_int_equal(d->shutdown_code, SHUTDOWN_crash);
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static void destruction_goes_on_where_it_stopped(void **state)
{
    domid_t id = create_domain(2);
    struct domain *d = record_of(id);
    unsigned int turns = 1;

    for (unsigned int i = 0; i < 20; i++) {
        (void)add_frame(d);
    }
    this_cpu()->pending = 1U << WORK_TIMER;
    assert_int_equal(call_once(XEN_DOMCTL_destroydomain, id), HYPERCALL_RESTART);
    assert_int_equal(flags_of(id) & XEN_DOMINF_dying, XEN_DOMINF_dying);
    while (call_once(XEN_DOMCTL_destroydomain, id) == HYPERCALL_RESTART) {
        turns++;
    }
    this_cpu()->pending = 0;
    assert_true(turns >= 20);
    assert_false(exists(id));
    assert_int_equal(call(XEN_DOMCTL_destroydomain, id), -ESRCH);
    assert_int_equal(call(XEN_DOMCTL_destroydomain, 0), -EINVAL);
}

/* A turn for each of what is many, to the very end; others neither find it nor get its number. */
static void the_record_goes_in_pieces_too(void **state)
{
    domid_t id = create_domain(40);
    struct domain *d = record_of(id);
    unsigned int turns = 0;

    this_cpu()->pending = 1U << WORK_TIMER;
    while (d->life != DOMAIN_DEAD) {
        assert_int_equal(call_once(XEN_DOMCTL_destroydomain, id), HYPERCALL_RESTART);
    }
    assert_false(exists(id));
    clear_op();
    assert_int_equal(call_once(XEN_DOMCTL_pausedomain, id), -ESRCH);
    default_config();
    assert_int_equal(call_once(XEN_DOMCTL_createdomain, id), -EEXIST);
    clear_op();
    while (call_once(XEN_DOMCTL_destroydomain, id) == HYPERCALL_RESTART) {
        turns++;
    }
    this_cpu()->pending = 0;
    assert_in_range(turns, 38, 45);
    assert_int_equal(call(XEN_DOMCTL_destroydomain, id), -ESRCH);
}

static void who_is_referred_to_stays_and_has_nothing(void **state)
{
    domid_t id = create_domain(1);
    struct domain *d = domain_get(id);
    mfn_t m = add_frame(d);

    assert_true(frame_get(frame_of(m), id));
    assert_int_equal(destroy_domain(id), 0);
    assert_int_equal(d->total_pages, 1);
    assert_int_equal(destroy_domain(id), 0);
    assert_int_equal(flags_of(id) & XEN_DOMINF_dying, XEN_DOMINF_dying);
    frame_put(frame_of(m));
    assert_int_equal(d->total_pages, 0);
    assert_true(exists(id));
    domain_put(d);
    assert_false(exists(id));
}

static void the_dying_get_no_vcpus_and_no_context(void **state)
{
    struct domain *d;

    default_config();
    assert_int_equal(call(XEN_DOMCTL_createdomain, 9), 0);
    d = domain_get(9);
    assert_int_equal(destroy_domain(9), 0);
    clear_op();
    op.u.max_vcpus.max = 1;
    assert_int_equal(call(XEN_DOMCTL_max_vcpus, 9), -ENODEV);
    domain_put(d);
}

/* ---- who may -----------------------------------------------------------------------------------
 */

static void only_the_privileged_and_only_what_there_is(void **state)
{
    domid_t id = create_domain(1);

    assert_int_equal(call(999, id), -ENOSYS);
    assert_int_equal(call(0, id), -ENOSYS);
    run_as(record_of(id)->vcpus[0]);
    assert_int_equal(call(XEN_DOMCTL_pausedomain, 0), -EPERM);
    assert_int_equal(call(XEN_DOMCTL_getdomaininfo, id), -EPERM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_domain_is_what_its_creator_asked_for),
        TEST(a_number_may_be_asked_for_and_is_given_once),
        TEST(what_a_domain_can_not_have_is_refused),
        TEST(the_bounds_of_what_it_can_have),
        TEST(nobody_can_be_told_of_it_so_it_is_not_made),
        TEST(creation_fails_well_when_memory_runs_out),
        TEST(vcpus_are_made_as_many_as_were_said),
        TEST(pauses_are_counted_and_bounded),
        TEST(a_vcpu_made_late_is_paused_as_its_domain_is),
        TEST(a_second_caller_waits_its_turn),
        TEST(what_shut_down_can_go_on),
        TEST(a_latched_code_is_reported_by_a_crash_too),
        TEST(destruction_goes_on_where_it_stopped),
        TEST(the_record_goes_in_pieces_too),
        TEST(who_is_referred_to_stays_and_has_nothing),
        TEST(the_dying_get_no_vcpus_and_no_context),
        TEST(only_the_privileged_and_only_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
