// SPDX-License-Identifier: Apache-2.0
// event_channel_op, call by call: what each promises, and each error.
#include "event_domains.h"

static void test_unknown_commands(void **state)
{
    assert_int_equal(hypercall_event_channel_op(14, gva(0)), -ENOSYS);
    assert_int_equal(hypercall_event_channel_op(~0ULL, gva(0)), -ENOSYS);
}

static void test_every_command_refuses_unreadable_arguments(void **state)
{
    host_guest_fault_from(0);
    for (uint64_t cmd = 0; cmd <= EVTCHNOP_set_priority; cmd++) {
        assert_int_equal(hypercall_event_channel_op(cmd, host_guest_address(guest_page)), -EFAULT);
    }
    assert_int_equal(hypercall_event_channel_op_compat(host_guest_address(guest_page)), -EFAULT);
}

/* ---- alloc_unbound
 * ------------------------------------------------------------------------------------- */

static void test_alloc_unbound_hands_out_the_lowest_free_port(void **state)
{
    assert_int_equal(alloc_unbound(DOMID_SELF, 2), 1);
    assert_int_equal(alloc_unbound(1, DOMID_SELF), 2);
    assert_int_equal(alloc_unbound(DOMID_SELF, 2), 3);
    assert_int_equal(close_port(2), 0);
    assert_int_equal(alloc_unbound(DOMID_SELF, 0), 2);

    struct evtchn_status s = status_of(DOMID_SELF, 1);
    assert_int_equal(s.status, EVTCHNSTAT_unbound);
    assert_int_equal(s.vcpu, 0);
    assert_int_equal(s.u.unbound.dom, 2);
}

static void test_alloc_unbound_for_another_domain_needs_privilege(void **state)
{
    assert_int_equal(alloc_unbound(2, 1), -EPERM);
    assert_int_equal(alloc_unbound(77, 1), -ESRCH);
    run_as(d0->vcpus[0]);
    assert_int_equal(alloc_unbound(2, DOMID_SELF), 1);
    assert_int_equal(status_of(2, 1).u.unbound.dom, 0);
    assert_int_equal(alloc_unbound(77, 1), -ESRCH);
}

static void test_a_port_that_cannot_be_told_is_not_kept(void **state)
{
    struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = 2};

    /* Readable as a whole, but the test's guest memory can only fault from an offset on. */
    memcpy(guest_page + PAGE_SIZE - sizeof(op), &op, sizeof(op));
    assert_int_equal(alloc_unbound(DOMID_SELF, 2), 1);
    host_guest_fault_from(PAGE_SIZE - 1);
    assert_int_equal(
        hypercall_event_channel_op(EVTCHNOP_alloc_unbound,
                                   host_guest_address(guest_page + PAGE_SIZE - sizeof(op))),
        -EFAULT);
    host_guest_fault_from(~0ULL);
    assert_int_equal(alloc_unbound(DOMID_SELF, 2), 2);
}

static void test_max_port_bounds_what_is_handed_out(void **state)
{
    event_set_max_port(d1, 3);
    assert_int_equal(ipi_port(0), 1);
    assert_int_equal(ipi_port(0), 2);
    assert_int_equal(ipi_port(0), 3);
    assert_int_equal(ipi_port(0), -ENOSPC);
    assert_int_equal(alloc_unbound(DOMID_SELF, 1), -ENOSPC);
    assert_int_equal(virq_port(VIRQ_TIMER, 0), -ENOSPC);
    event_set_max_port(d1, ~0U);
    assert_int_equal(ipi_port(0), 4);
}

/* ---- bind_interdomain
 * ------------------------------------------------------------------------------------ */

static void test_bind_interdomain_connects_and_sets_the_local_end_pending(void **state)
{
    long theirs = alloc_unbound(DOMID_SELF, 2), ours;

    run_as(d2->vcpus[0]);
    ours = connect_to(1, (evtchn_port_t)theirs);
    assert_int_equal(ours, 1);
    assert_true(pending(d2, ours));
    assert_false(pending(d1, theirs));

    struct evtchn_status s = status_of(DOMID_SELF, (evtchn_port_t)ours);
    assert_int_equal(s.status, EVTCHNSTAT_interdomain);
    assert_int_equal(s.u.interdomain.dom, 1);
    assert_int_equal(s.u.interdomain.port, theirs);
    run_as(d1->vcpus[0]);
    s = status_of(DOMID_SELF, (evtchn_port_t)theirs);
    assert_int_equal(s.status, EVTCHNSTAT_interdomain);
    assert_int_equal(s.u.interdomain.dom, 2);
    assert_int_equal(s.u.interdomain.port, ours);
}

static void test_bind_interdomain_errors(void **state)
{
    long for_d0 = alloc_unbound(DOMID_SELF, 0);
    long ipi = ipi_port(0);

    run_as(d2->vcpus[0]);
    assert_int_equal(connect_to(77, 1), -ESRCH);
    assert_int_equal(connect_to(1, 0), -EINVAL);
    assert_int_equal(connect_to(1, 100), -EINVAL);
    assert_int_equal(connect_to(1, 1000000), -EINVAL);
    assert_int_equal(connect_to(1, (evtchn_port_t)for_d0), -EINVAL);
    assert_int_equal(connect_to(1, (evtchn_port_t)ipi), -EINVAL);
    assert_int_equal(connect_to(0, 1), -EINVAL);
    /* Nothing was left behind, not even when the next free port is named. */
    assert_int_equal(ipi_port(0), 1);
    assert_int_equal(connect_to(DOMID_SELF, 2), -EINVAL);
    assert_int_equal(ipi_port(0), 2);
}

static void test_a_port_is_connected_once(void **state)
{
    long port = alloc_unbound(DOMID_SELF, 2);

    run_as(d2->vcpus[0]);
    assert_int_equal(connect_to(1, (evtchn_port_t)port), 1);
    assert_int_equal(connect_to(1, (evtchn_port_t)port), -EINVAL);
}

static void test_loopback(void **state)
{
    long a = alloc_unbound(DOMID_SELF, DOMID_SELF);
    long b = connect_to(DOMID_SELF, (evtchn_port_t)a);

    assert_int_equal(b, a + 1);
    assert_int_equal(send((evtchn_port_t)b), 0);
    assert_true(pending(d1, a));
    assert_int_equal(close_port((evtchn_port_t)a), 0);
    assert_int_equal(status_of(DOMID_SELF, (evtchn_port_t)b).status, EVTCHNSTAT_unbound);
}

/* ---- close
 * -------------------------------------------------------------------------------------------------
 */

static void test_close_leaves_the_other_end_waiting_for_the_same_domain(void **state)
{
    long theirs = alloc_unbound(DOMID_SELF, 2), ours;

    run_as(d2->vcpus[0]);
    ours = connect_to(1, (evtchn_port_t)theirs);
    assert_int_equal(close_port((evtchn_port_t)ours), 0);
    assert_int_equal(status_of(DOMID_SELF, (evtchn_port_t)ours).status, EVTCHNSTAT_closed);
    run_as(d1->vcpus[0]);

    struct evtchn_status s = status_of(DOMID_SELF, (evtchn_port_t)theirs);
    assert_int_equal(s.status, EVTCHNSTAT_unbound);
    assert_int_equal(s.u.unbound.dom, 2);
    assert_int_equal(send((evtchn_port_t)theirs), 0); /* to nobody */
    run_as(d2->vcpus[0]);
    assert_int_equal(connect_to(1, (evtchn_port_t)theirs), ours);
}

static void test_close_errors(void **state)
{
    long port = ipi_port(0);

    assert_int_equal(close_port(0), -EINVAL);
    assert_int_equal(close_port((evtchn_port_t)port + 1), -EINVAL);
    assert_int_equal(close_port(1 << 20), -EINVAL);
    assert_int_equal(close_port((evtchn_port_t)port), 0);
    assert_int_equal(close_port((evtchn_port_t)port), -EINVAL);
}

static void test_a_reused_port_notifies_vcpu_0_again(void **state)
{
    long port = alloc_unbound(DOMID_SELF, 2);

    assert_int_equal(move_to_vcpu((evtchn_port_t)port, 1), 0);
    assert_int_equal(status_of(DOMID_SELF, (evtchn_port_t)port).vcpu, 1);
    assert_int_equal(close_port((evtchn_port_t)port), 0);
    assert_int_equal(alloc_unbound(DOMID_SELF, 2), port);
    assert_int_equal(status_of(DOMID_SELF, (evtchn_port_t)port).vcpu, 0);
}

/* ---- send
 * ----------------------------------------------------------------------------------------------------
 */

static void test_send_reaches_the_other_end(void **state)
{
    long theirs = alloc_unbound(DOMID_SELF, 2), ours;

    run_as(d2->vcpus[0]);
    ours = connect_to(1, (evtchn_port_t)theirs);
    assert_int_equal(send((evtchn_port_t)ours), 0);
    assert_true(pending(d1, theirs));
    assert_int_equal(d1->vcpus[0]->info->evtchn_upcall_pending, 1);
}

static void test_send_errors(void **state)
{
    long virq = virq_port(VIRQ_TIMER, 0);

    assert_int_equal(send(0), -EINVAL);
    assert_int_equal(send(99), -EINVAL);
    assert_int_equal(send(1 << 20), -EINVAL);
    assert_int_equal(send(~0U), -EINVAL);
    assert_int_equal(send((evtchn_port_t)virq), -EINVAL);
}

/* ---- status
 * --------------------------------------------------------------------------------------------------
 */

static void test_status_of_every_kind(void **state)
{
    long ipi = ipi_port(1), virq = virq_port(VIRQ_DEBUG, 1);
    struct evtchn_status s = status_of(DOMID_SELF, (evtchn_port_t)ipi);

    assert_int_equal(s.status, EVTCHNSTAT_ipi);
    assert_int_equal(s.vcpu, 1);
    s = status_of(DOMID_SELF, (evtchn_port_t)virq);
    assert_int_equal(s.status, EVTCHNSTAT_virq);
    assert_int_equal(s.vcpu, 1);
    assert_int_equal(s.u.virq, VIRQ_DEBUG);
    assert_int_equal(status_of(DOMID_SELF, 0).status, EVTCHNSTAT_closed);
    assert_int_equal(status_of(DOMID_SELF, 100).status, EVTCHNSTAT_closed);
}

static void test_status_errors(void **state)
{
    long port = ipi_port(0);

    assert_int_equal(status_error(DOMID_SELF, 1 << 20), -EINVAL);
    assert_int_equal(status_error(2, 1), -EPERM);
    assert_int_equal(status_error(77, 1), -ESRCH);
    run_as(d0->vcpus[0]);
    assert_int_equal(status_of(1, (evtchn_port_t)port).status, EVTCHNSTAT_ipi);
}

/* ---- unmask, reset
 * --------------------------------------------------------------------------------------------------
 */

static void test_unmask_errors(void **state)
{
    assert_int_equal(unmask(1 << 20), -EINVAL);
    assert_int_equal(ipi_port(0), 1);
    assert_int_equal(unmask(2), 0); /* closed: nothing to deliver */
}

static void test_reset_closes_everything(void **state)
{
    long a = alloc_unbound(DOMID_SELF, 2), virq = virq_port(VIRQ_TIMER, 1), theirs;

    run_as(d2->vcpus[0]);
    theirs = connect_to(1, (evtchn_port_t)a);
    run_as(d1->vcpus[0]);
    assert_int_equal(reset(DOMID_SELF), 0);
    assert_int_equal(status_of(DOMID_SELF, (evtchn_port_t)a).status, EVTCHNSTAT_closed);
    assert_int_equal(status_of(DOMID_SELF, (evtchn_port_t)virq).status, EVTCHNSTAT_closed);
    assert_int_equal(virq_port(VIRQ_TIMER, 1), 1);
    run_as(d2->vcpus[0]);
    assert_int_equal(status_of(DOMID_SELF, (evtchn_port_t)theirs).status, EVTCHNSTAT_unbound);
}

static void test_reset_is_preemptible_and_binds_nothing_meanwhile(void **state)
{
    for (int i = 0; i < 10; i++) {
        assert_true(ipi_port(0) > 0);
    }
    cpu_raise_self(WORK_TIMER);
    assert_int_equal(reset(DOMID_SELF), HYPERCALL_RESTART);
    assert_int_equal(ipi_port(0), -EINVAL);
    assert_int_equal(reset(DOMID_SELF), HYPERCALL_RESTART);
    this_cpu()->pending = 0;
    assert_int_equal(reset(DOMID_SELF), 0);
    assert_int_equal(ipi_port(0), 1);
}

static void test_reset_of_another_domain_needs_privilege(void **state)
{
    assert_int_equal(ipi_port(0), 1);
    assert_int_equal(reset(2), -EPERM);
    assert_int_equal(reset(77), -ESRCH);
    run_as(d0->vcpus[0]);
    assert_int_equal(reset(1), 0);
    assert_int_equal(status_of(1, 1).status, EVTCHNSTAT_closed);
}

static void test_set_priority_needs_the_fifo_abi(void **state)
{
    struct evtchn_set_priority op = {.port = (evtchn_port_t)ipi_port(0), .priority = 3};

    assert_int_equal(CALL(EVTCHNOP_set_priority, &op), -ENOSYS);
    op.port = 1 << 20;
    assert_int_equal(CALL(EVTCHNOP_set_priority, &op), -EINVAL);
}

/* ---- the old call
 * --------------------------------------------------------------------------------------------------------
 */

static void test_compat_call(void **state)
{
    struct evtchn_op *op = (struct evtchn_op *)guest_page;

    op->cmd = EVTCHNOP_bind_ipi;
    op->u.bind_ipi.vcpu = 1;
    assert_int_equal(hypercall_event_channel_op_compat(host_guest_address(op)), 0);
    assert_int_equal(op->u.bind_ipi.port, 1);
    op->cmd = EVTCHNOP_send;
    op->u.send.port = 1;
    assert_int_equal(hypercall_event_channel_op_compat(host_guest_address(op)), 0);
    assert_true(pending(d1, 1));
    op->cmd = EVTCHNOP_reset;
    assert_int_equal(hypercall_event_channel_op_compat(host_guest_address(op)), -ENOSYS);
    op->cmd = ~0U;
    assert_int_equal(hypercall_event_channel_op_compat(host_guest_address(op)), -ENOSYS);
}

/* ---- a domain's end
 * ------------------------------------------------------------------------------------------------------
 */

static void test_death_parts_all_channels_and_nothing_can_be_bound(void **state)
{
    long a = alloc_unbound(DOMID_SELF, 2), theirs;

    run_as(d2->vcpus[0]);
    theirs = connect_to(1, (evtchn_port_t)a);
    assert_ptr_equal(domain_get(1), d1); /* so that it is still found */
    assert_int_equal(domain_kill(d1), 0);
    assert_int_equal(status_of(DOMID_SELF, (evtchn_port_t)theirs).status, EVTCHNSTAT_unbound);
    assert_int_equal(send((evtchn_port_t)theirs), 0);
    assert_int_equal(connect_to(1, (evtchn_port_t)a), -EINVAL);
    run_as(d0->vcpus[0]);
    assert_int_equal(alloc_unbound(1, 2), -EINVAL);
    assert_int_equal(event_set_virq_handler(d1, VIRQ_CONSOLE), -EINVAL);
    domain_put(d1);
    domain_put(d1);
    d1 = new_domain(1, 2, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_unknown_commands),
        TEST(test_every_command_refuses_unreadable_arguments),
        TEST(test_alloc_unbound_hands_out_the_lowest_free_port),
        TEST(test_alloc_unbound_for_another_domain_needs_privilege),
        TEST(test_a_port_that_cannot_be_told_is_not_kept),
        TEST(test_max_port_bounds_what_is_handed_out),
        TEST(test_bind_interdomain_connects_and_sets_the_local_end_pending),
        TEST(test_bind_interdomain_errors),
        TEST(test_a_port_is_connected_once),
        TEST(test_loopback),
        TEST(test_close_leaves_the_other_end_waiting_for_the_same_domain),
        TEST(test_close_errors),
        TEST(test_a_reused_port_notifies_vcpu_0_again),
        TEST(test_send_reaches_the_other_end),
        TEST(test_send_errors),
        TEST(test_status_of_every_kind),
        TEST(test_status_errors),
        TEST(test_unmask_errors),
        TEST(test_reset_closes_everything),
        TEST(test_reset_is_preemptible_and_binds_nothing_meanwhile),
        TEST(test_reset_of_another_domain_needs_privilege),
        TEST(test_set_priority_needs_the_fifo_abi),
        TEST(test_compat_call),
        TEST(test_death_parts_all_channels_and_nothing_can_be_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
