// SPDX-License-Identifier: Apache-2.0
// Ports for interrupts: virtual ones, those between vCPUs, physical ones; and the vCPU that each is
// for.
#include "event_domains.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
