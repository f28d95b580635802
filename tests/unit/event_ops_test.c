// SPDX-License-Identifier: Apache-2.0
// event_channel_op, call by call: what each promises, and each error.
#include "event_fixture.h"

static struct domain *d0, *d1, *d2;

static int setup(void **state)
{
    machine_setup(state);
    d0 = new_domain(0, 2, true);
    d1 = new_domain(1, 2, false);
    d2 = new_domain(2, 1, false);
    domain0 = d0;
    run_as(d1->vcpus[0]);
    return 0;
}

static int teardown(void **state)
{
    event_register_pirq_ops(NULL);
    end_domain(d2);
    end_domain(d1);
    end_domain(d0);
    return machine_teardown(state);
}

static bool pending(const struct domain *d, long port)
{
    return (d->shared->evtchn_pending[port / 64] >> (port % 64)) & 1;
}

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

/* ---- virtual interrupts
 * ------------------------------------------------------------------------------------------ */

static void test_per_vcpu_virq_is_bound_once_a_vcpu_and_stays(void **state)
{
    long on_0 = virq_port(VIRQ_TIMER, 0), on_1 = virq_port(VIRQ_TIMER, 1);

    assert_true(on_0 > 0 && on_1 > 0);
    assert_int_equal(virq_port(VIRQ_TIMER, 0), -EEXIST);
    assert_int_equal(move_to_vcpu((evtchn_port_t)on_0, 1), -EINVAL);
    event_send_virq(d1->vcpus[1], VIRQ_TIMER);
    assert_true(pending(d1, on_1));
    assert_false(pending(d1, on_0));
    assert_int_equal(d1->vcpus[1]->info->evtchn_upcall_pending, 1);
    assert_int_equal(close_port((evtchn_port_t)on_0), 0);
    event_send_virq(d1->vcpus[0], VIRQ_TIMER); /* to nobody */
    assert_false(pending(d1, on_0));
    assert_int_equal(virq_port(VIRQ_TIMER, 0), on_0);
}

static void test_global_virq_starts_on_vcpu_0_and_can_move(void **state)
{
    long port;

    run_as(d0->vcpus[0]);
    assert_int_equal(virq_port(VIRQ_CONSOLE, 1), -EINVAL);
    port = virq_port(VIRQ_CONSOLE, 0);
    assert_int_equal(virq_port(VIRQ_CONSOLE, 0), -EEXIST);
    assert_int_equal(move_to_vcpu((evtchn_port_t)port, 1), 0);
    event_send_global_virq(VIRQ_CONSOLE);
    assert_true(pending(d0, port));
    assert_int_equal(d0->vcpus[1]->info->evtchn_upcall_pending, 1);
    assert_int_equal(d0->vcpus[0]->info->evtchn_upcall_pending, 0);
    assert_int_equal(close_port((evtchn_port_t)port), 0);
    assert_int_equal(virq_port(VIRQ_CONSOLE, 0), port);
}

static void test_which_virqs_are_global(void **state)
{
    run_as(d0->vcpus[0]);
    for (uint32_t virq = 0; virq < NR_VIRQS; virq++) {
        bool per_vcpu = virq == VIRQ_TIMER || virq == VIRQ_DEBUG || virq == VIRQ_XENOPROF ||
                        virq == VIRQ_XENPMU;
        long result = virq_port(virq, 1);
        assert_true(per_vcpu ? result > 0 : result == -EINVAL);
    }
}

static void test_bind_virq_errors(void **state)
{
    assert_int_equal(virq_port(NR_VIRQS, 0), -EINVAL);
    assert_int_equal(virq_port(~0U, 0), -EINVAL);
    assert_int_equal(virq_port(VIRQ_TIMER, 2), -ENOENT);
    assert_int_equal(virq_port(VIRQ_TIMER, ~0U), -ENOENT);
}

static void test_global_virq_goes_to_the_chosen_handler_until_it_dies(void **state)
{
    long theirs = virq_port(VIRQ_DOM_EXC, 0), ours;

    run_as(d0->vcpus[0]);
    ours = virq_port(VIRQ_DOM_EXC, 0);
    assert_int_equal(event_set_virq_handler(d1, VIRQ_TIMER), -EINVAL);
    assert_int_equal(event_set_virq_handler(d1, NR_VIRQS), -EINVAL);
    assert_int_equal(event_set_virq_handler(d1, VIRQ_DOM_EXC), 0);
    event_send_global_virq(VIRQ_DOM_EXC);
    assert_true(pending(d1, theirs));
    assert_false(pending(d0, ours));
    end_domain(d1); /* which is an exceptional event itself */
    assert_true(pending(d0, ours));
    d1 = new_domain(1, 2, false);
}

static void test_a_domains_shutdown_is_told_to_domain_0(void **state)
{
    long port;

    run_as(d0->vcpus[0]);
    port = virq_port(VIRQ_DOM_EXC, 0);
    domain_shutdown(d2, SHUTDOWN_poweroff);
    assert_true(pending(d0, port));
}

/* ---- IPIs
 * --------------------------------------------------------------------------------------------------------
 */

static void test_ipi_stays_on_its_vcpu(void **state)
{
    long port = ipi_port(1);

    assert_int_equal(move_to_vcpu((evtchn_port_t)port, 0), -EINVAL);
    assert_int_equal(ipi_port(2), -ENOENT);
    assert_int_equal(ipi_port(~0U), -ENOENT);
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(d1->vcpus[1]->info->evtchn_upcall_pending, 1);
}

/* ---- bind_vcpu
 * ---------------------------------------------------------------------------------------------------
 */

static void test_bind_vcpu_moves_interdomain_channels(void **state)
{
    long theirs = alloc_unbound(DOMID_SELF, 2), ours;

    assert_int_equal(move_to_vcpu((evtchn_port_t)theirs, 1), 0);
    run_as(d2->vcpus[0]);
    ours = connect_to(1, (evtchn_port_t)theirs);
    assert_int_equal(send((evtchn_port_t)ours), 0);
    assert_int_equal(d1->vcpus[0]->info->evtchn_upcall_pending, 0);
    assert_int_equal(d1->vcpus[1]->info->evtchn_upcall_pending, 1);
    run_as(d1->vcpus[0]);
    assert_int_equal(move_to_vcpu((evtchn_port_t)theirs, 0), 0);
    assert_int_equal(status_of(DOMID_SELF, (evtchn_port_t)theirs).vcpu, 0);
}

static void test_bind_vcpu_errors(void **state)
{
    assert_int_equal(move_to_vcpu(1, 2), -ENOENT);
    assert_int_equal(move_to_vcpu(1 << 20, 0), -EINVAL);
    assert_int_equal(ipi_port(0), 1);
    assert_int_equal(move_to_vcpu(2, 0), -EINVAL); /* closed */
}

/* ---- physical interrupts
 * ------------------------------------------------------------------------------------------- */

static struct {
    uint32_t pirq, flags, unbound_pirq;
    evtchn_port_t port, unbound_port;
    struct vcpu *follows;
    int result;
    bool fires_at_once;
} irq;

static int fake_bind(struct domain *d, uint32_t pirq, uint32_t flags, evtchn_port_t port)
{
    irq.pirq = pirq;
    irq.flags = flags;
    irq.port = port;
    if (irq.fires_at_once) {
        event_send_port(d, port);
    }
    return irq.result;
}

static void fake_unbind(struct domain *d, uint32_t pirq, evtchn_port_t port)
{
    irq.unbound_pirq = pirq;
    irq.unbound_port = port;
    event_send_port(d, port); /* one last interrupt, which reaches nobody */
}

static void fake_follow(struct domain *d, uint32_t pirq, struct vcpu *v)
{
    assert_int_equal(pirq, irq.pirq);
    irq.follows = v;
}

static void use_fake_irqs(void)
{
    static const struct event_pirq_ops ops = {fake_bind, fake_unbind, fake_follow};

    memset(&irq, 0, sizeof(irq));
    event_register_pirq_ops(&ops);
}

static void test_bind_pirq_lets_interrupts_arrive(void **state)
{
    long port;

    use_fake_irqs();
    irq.fires_at_once = true;
    port = pirq_port(16, BIND_PIRQ__WILL_SHARE);
    assert_int_equal(port, 1);
    assert_int_equal(irq.pirq, 16);
    assert_int_equal(irq.flags, BIND_PIRQ__WILL_SHARE);
    assert_int_equal(irq.port, port);
    assert_true(pending(d1, port));

    struct evtchn_status s = status_of(DOMID_SELF, (evtchn_port_t)port);
    assert_int_equal(s.status, EVTCHNSTAT_pirq);
    assert_int_equal(s.u.pirq, 16);
    assert_int_equal(send((evtchn_port_t)port), -EINVAL);
    assert_int_equal(move_to_vcpu((evtchn_port_t)port, 1), 0);
    assert_ptr_equal(irq.follows, d1->vcpus[1]);
    assert_int_equal(close_port((evtchn_port_t)port), 0);
    assert_int_equal(irq.unbound_pirq, 16);
    assert_int_equal(irq.unbound_port, port);
    assert_false(pending(d1, port));
}

static void test_bind_pirq_errors(void **state)
{
    assert_int_equal(pirq_port(16, 0), -EINVAL); /* nobody manages interrupts */
    use_fake_irqs();
    assert_int_equal(pirq_port(16, 2), -EINVAL);
    irq.result = -EPERM;
    irq.fires_at_once = true;
    assert_int_equal(pirq_port(16, 0), -EPERM);
    assert_false(pending(d1, 1));
    assert_int_equal(ipi_port(0), 1);
    event_send_port(d1, 1); /* not an interrupt's port */
    event_send_port(d1, 1 << 20);
    assert_false(pending(d1, 1));
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
    assert_int_equal(domain_kill(d1), 0);
    assert_int_equal(status_of(DOMID_SELF, (evtchn_port_t)theirs).status, EVTCHNSTAT_unbound);
    assert_int_equal(send((evtchn_port_t)theirs), 0);
    assert_int_equal(connect_to(1, (evtchn_port_t)a), -EINVAL);
    run_as(d0->vcpus[0]);
    assert_int_equal(alloc_unbound(1, 2), -EINVAL);
    assert_int_equal(event_set_virq_handler(d1, VIRQ_CONSOLE), -EINVAL);
    domain_put(d1);
    d1 = new_domain(1, 2, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
        TEST(test_per_vcpu_virq_is_bound_once_a_vcpu_and_stays),
        TEST(test_global_virq_starts_on_vcpu_0_and_can_move),
        TEST(test_which_virqs_are_global),
        TEST(test_bind_virq_errors),
        TEST(test_global_virq_goes_to_the_chosen_handler_until_it_dies),
        TEST(test_a_domains_shutdown_is_told_to_domain_0),
        TEST(test_ipi_stays_on_its_vcpu),
        TEST(test_bind_vcpu_moves_interdomain_channels),
        TEST(test_bind_vcpu_errors),
        TEST(test_bind_pirq_lets_interrupts_arrive),
        TEST(test_bind_pirq_errors),
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
