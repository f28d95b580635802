// SPDX-License-Identifier: Apache-2.0
// sched_op and vcpu_op: a guest waits, ends, sets up and looks at its vCPUs.
#include "control_fixture.h"

#include "control/hypercalls.h"
#include "control/machine.h"
#include "control/vcpu_op.h"
#include "time/vcpu_time.h"

static long op(uint64_t cmd, uint32_t vcpu, gva_t argument)
{
    return hypercall_vcpu_op(cmd, vcpu, argument);
}

static struct vcpu *me(void)
{
    return dom0->vcpus[0];
}

static struct vcpu *second(void)
{
    return dom0->vcpus[1];
}

static evtchn_port_t bind_timer_virq(void)
{
    struct evtchn_bind_virq bind = {.virq = VIRQ_TIMER, .vcpu = 0};

    assert_int_equal(hypercall_event_channel_op(EVTCHNOP_bind_virq, PUT(&bind)), 0);
    TAKE(&bind);
    return bind.port;
}

/* ---- sched_op -----------------------------------------------------------------------------------
 */

static void block_unmasks_and_sleeps(void **state)
{
    me()->info->evtchn_upcall_mask = 1;
    me()->info->evtchn_upcall_pending = 0;
    assert_int_equal(hypercall_sched_op(SCHEDOP_block, gva(0)), 0);
    assert_int_equal(me()->info->evtchn_upcall_mask, 0);
    assert_int_equal(me()->pause, VCPU_BLOCKED);
    cpu_do_work();
    assert_true(vcpu_is_idle(current_vcpu()));
    event_send_virq(me(), VIRQ_DEBUG); /* not bound: nobody wakes */
    cpu_do_work();
    assert_true(vcpu_is_idle(current_vcpu()));
}

static void block_does_not_sleep_over_a_pending_event(void **state)
{
    me()->info->evtchn_upcall_mask = 1;
    me()->info->evtchn_upcall_pending = 1;
    assert_int_equal(hypercall_sched_op_compat(SCHEDOP_block, 0), 0);
    assert_int_equal(me()->pause, 0);
}

static void a_timer_wakes_a_blocked_vcpu_by_its_event(void **state)
{
    struct vcpu_set_singleshot_timer timer = {.timeout_abs_ns = 1000};
    evtchn_port_t port = bind_timer_virq();

    assert_int_equal(op(VCPUOP_set_singleshot_timer, 0, PUT(&timer)), 0);
    assert_int_equal(hypercall_sched_op(SCHEDOP_block, gva(0)), 0);
    dom0->shared->evtchn_mask[0] = 0;
    advance_to(999);
    assert_true(vcpu_is_idle(current_vcpu()));
    advance_to(1000);
    assert_ptr_equal(current_vcpu(), me());
    assert_int_equal(dom0->shared->evtchn_pending[0] >> port & 1, 1);
}

static void poll_returns_at_once_for_a_pending_port(void **state)
{
    evtchn_port_t port = bind_timer_virq();
    struct sched_poll poll = {.nr_ports = 1};

    memcpy(elsewhere(), &port, sizeof(port));
    poll.ports.p = elsewhere();
    dom0->shared->evtchn_mask[0] = ~0UL;
    event_send_virq(me(), VIRQ_TIMER);
    assert_int_equal(hypercall_sched_op(SCHEDOP_poll, PUT(&poll)), 0);
    assert_int_equal(me()->pause, 0);
}

static void poll_sleeps_until_its_time_out(void **state)
{
    evtchn_port_t port = bind_timer_virq();
    struct sched_poll poll = {.nr_ports = 1, .timeout = 500};

    memcpy(elsewhere(), &port, sizeof(port));
    poll.ports.p = elsewhere();
    me()->info->evtchn_upcall_mask = 1;
    assert_int_equal(hypercall_sched_op(SCHEDOP_poll, PUT(&poll)), 0);
    advance_to(499);
    assert_true(vcpu_is_idle(current_vcpu()));
    advance_to(500);
    assert_ptr_equal(current_vcpu(), me());
}

static void poll_checks_its_arguments(void **state)
{
    struct sched_poll poll = {.nr_ports = 129};
    evtchn_port_t port = 1U << 30;

    assert_int_equal(hypercall_sched_op(SCHEDOP_poll, nowhere()), -EFAULT);
    assert_int_equal(hypercall_sched_op(SCHEDOP_poll, PUT(&poll)), -EINVAL);
    poll.nr_ports = 1;
    poll.ports.p = (void *)nowhere().a;
    assert_int_equal(hypercall_sched_op(SCHEDOP_poll, PUT(&poll)), -EFAULT);
    memcpy(elsewhere(), &port, sizeof(port));
    poll.ports.p = elsewhere();
    assert_int_equal(hypercall_sched_op(SCHEDOP_poll, PUT(&poll)), -EINVAL);
    assert_int_equal(me()->pause, 0);
}

static void shutdown_stops_the_domain_with_its_code(void **state)
{
    struct sched_shutdown shutdown = {.reason = SHUTDOWN_reboot};

    run_as(other->vcpus[0]);
    assert_int_equal(hypercall_sched_op(SCHEDOP_shutdown, PUT(&shutdown)), 0);
    run_as(me());
    assert_int_equal(other->shutdown_code, SHUTDOWN_reboot);
    assert_int_not_equal(other->vcpus[0]->pause & VCPU_DOMAIN_PAUSED, 0);
}

static void a_latched_code_wins(void **state)
{
    struct sched_shutdown latched = {.reason = SHUTDOWN_soft_reset};

    run_as(other->vcpus[0]);
    assert_int_equal(hypercall_sched_op(SCHEDOP_shutdown_code, PUT(&latched)), 0);
    assert_int_equal(hypercall_sched_op_compat(SCHEDOP_shutdown, SHUTDOWN_crash), 0);
    run_as(me());
    assert_int_equal(other->shutdown_code, SHUTDOWN_soft_reset);
}

static void remote_shutdown_is_for_the_privileged(void **state)
{
    struct sched_remote_shutdown remote = {.domain_id = 0, .reason = SHUTDOWN_crash};

    run_as(other->vcpus[0]);
    assert_int_equal(hypercall_sched_op(SCHEDOP_remote_shutdown, PUT(&remote)), -EPERM);
    run_as(me());
    remote.domain_id = 999;
    assert_int_equal(hypercall_sched_op(SCHEDOP_remote_shutdown, PUT(&remote)), -ESRCH);
    remote.domain_id = other->id;
    assert_int_equal(hypercall_sched_op(SCHEDOP_remote_shutdown, PUT(&remote)), 0);
    assert_int_equal(other->shutdown_code, SHUTDOWN_crash);
}

static void pin_override_is_for_domain_0(void **state)
{
    struct sched_pin_override pin = {.pcpu = 0};

    assert_int_equal(hypercall_sched_op(SCHEDOP_pin_override, PUT(&pin)), 0);
    assert_int_equal(hypercall_sched_op(SCHEDOP_pin_override, PUT(&pin)), -EBUSY);
    pin.pcpu = -1;
    assert_int_equal(hypercall_sched_op(SCHEDOP_pin_override, PUT(&pin)), 0);
    run_as(other->vcpus[0]);
    assert_int_equal(hypercall_sched_op(SCHEDOP_pin_override, PUT(&pin)), -EPERM);
    run_as(me());
}

static void unknown_commands_are_not_there(void **state)
{
    assert_int_equal(hypercall_sched_op(99, gva(0)), -ENOSYS);
    assert_int_equal(hypercall_sched_op_compat(SCHEDOP_poll, 0), -ENOSYS);
    assert_int_equal(op(99, 0, gva(0)), -ENOSYS);
    assert_int_equal(op(VCPUOP_is_up, 2, gva(0)), -ENOENT);
    assert_int_equal(op(VCPUOP_is_up, 0xffffffff, gva(0)), -ENOENT);
}

/* ---- vcpu_op ------------------------------------------------------------------------------------
 */

static long context_result;

static long take_context(struct vcpu *v, const struct vcpu_guest_context *context)
{
    assert_ptr_equal(v, second());
    assert_int_equal(context->user_regs.rip, 0x1234);
    return context_result;
}

static void a_vcpu_is_initialised_once_and_brought_up(void **state)
{
    struct vcpu_guest_context *context = (void *)guest;

    vcpu_set_context = take_context;
    context->user_regs.rip = 0x1234;
    assert_int_equal(op(VCPUOP_up, 1, gva(0)), -EINVAL);
    assert_int_equal(op(VCPUOP_initialise, 1, nowhere()), -EFAULT);
    context_result = -EINVAL;
    assert_int_equal(op(VCPUOP_initialise, 1, host_guest_address(context)), -EINVAL);
    context_result = 0;
    assert_int_equal(op(VCPUOP_initialise, 1, host_guest_address(context)), 0);
    assert_int_equal(op(VCPUOP_initialise, 1, host_guest_address(context)), -EEXIST);
    assert_int_equal(op(VCPUOP_is_up, 1, gva(0)), 0);
    assert_int_equal(op(VCPUOP_up, 1, gva(0)), 0);
    assert_int_equal(op(VCPUOP_is_up, 1, gva(0)), 1);
    assert_int_equal(op(VCPUOP_down, 1, gva(0)), 0);
    assert_int_equal(op(VCPUOP_is_up, 1, gva(0)), 0);
}

static void the_last_vcpu_that_goes_down_switches_off(void **state)
{
    run_as(other->vcpus[0]);
    other->vcpus[0]->initialised = true;
    assert_int_equal(op(VCPUOP_down, 0, gva(0)), 0);
    run_as(me());
    assert_int_equal(other->shutdown_code, SHUTDOWN_poweroff);
}

static void runstate_is_told_and_kept_in_the_guest(void **state)
{
    struct vcpu_register_runstate_memory_area area = {0};
    struct vcpu_runstate_info info;

    host_tsc = 700;
    assert_int_equal(op(VCPUOP_get_runstate_info, 0, host_guest_address(guest)), 0);
    TAKE(&info);
    assert_int_equal(info.state, RUNSTATE_running);
    assert_int_equal(info.time[RUNSTATE_running], 700);
    area.addr.p = (uint64_t)elsewhere();
    assert_int_equal(op(VCPUOP_register_runstate_memory_area, 0, PUT(&area)), 0);
    memcpy(&info, elsewhere(), sizeof(info));
    assert_int_equal(info.state, RUNSTATE_running);
    assert_int_equal(op(VCPUOP_register_runstate_memory_area, 1, PUT(&area)), 0);
    memcpy(&info, elsewhere(), sizeof(info));
    assert_int_equal(info.state, RUNSTATE_offline);
    assert_int_equal(op(VCPUOP_get_runstate_info, 0, nowhere()), -EFAULT);
}

static void timers_are_the_callers_own(void **state)
{
    struct vcpu_set_singleshot_timer timer = {.timeout_abs_ns = 1, .flags = VCPU_SSHOTTMR_future};
    struct vcpu_set_periodic_timer periodic = {.period_ns = 5 * NS_PER_MS};

    host_tsc = 100;
    assert_int_equal(op(VCPUOP_set_singleshot_timer, 1, PUT(&timer)), -EINVAL);
    assert_int_equal(op(VCPUOP_stop_singleshot_timer, 1, gva(0)), -EINVAL);
    assert_int_equal(op(VCPUOP_set_singleshot_timer, 0, PUT(&timer)), -ETIME);
    assert_int_equal(op(VCPUOP_stop_singleshot_timer, 0, gva(0)), 0);
    assert_int_equal(op(VCPUOP_set_periodic_timer, 0, PUT(&periodic)), 0);
    assert_int_equal(op(VCPUOP_stop_periodic_timer, 0, gva(0)), 0);
    periodic.period_ns = 1;
    assert_int_equal(op(VCPUOP_set_periodic_timer, 0, PUT(&periodic)), -EINVAL);
}

static void the_second_time_area_is_registered(void **state)
{
    struct vcpu_register_time_memory_area area = {0};

    area.addr.p = (uint64_t)elsewhere();
    assert_int_equal(op(VCPUOP_register_vcpu_time_memory_area, 0, PUT(&area)), 0);
    assert_memory_equal(elsewhere(), &me()->info->time, sizeof(struct vcpu_time_info));
}

static void the_physical_id_is_for_pinned_vcpus_of_domain_0(void **state)
{
    struct vcpu_get_physid id;

    cpus[0]->apic_id = 7;
    machine_facts.cpu[0].acpi_id = 3;
    assert_int_equal(op(VCPUOP_get_physid, 0, host_guest_address(guest)), -EINVAL);
    assert_int_equal(sched_set_hard_affinity(me(), 1), 0);
    assert_int_equal(op(VCPUOP_get_physid, 0, host_guest_address(guest)), 0);
    TAKE(&id);
    assert_int_equal(xen_vcpu_physid_to_x86_apicid(id.phys_id), 7);
    assert_int_equal(xen_vcpu_physid_to_x86_acpiid(id.phys_id), 3);
}

static void an_nmi_wakes_its_vcpu(void **state)
{
    assert_int_equal(op(VCPUOP_send_nmi, 0, gva(1)), -EINVAL);
    vcpu_set_pause(me(), VCPU_BLOCKED);
    assert_int_equal(op(VCPUOP_send_nmi, 0, gva(0)), 0);
    assert_true(me()->nmi_pending);
    assert_int_equal(me()->pause, 0);
    assert_int_not_equal(me()->exit_work, 0); /* the way back to the guest is not the shortest */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(block_unmasks_and_sleeps),
        TEST(block_does_not_sleep_over_a_pending_event),
        TEST(a_timer_wakes_a_blocked_vcpu_by_its_event),
        TEST(poll_returns_at_once_for_a_pending_port),
        TEST(poll_sleeps_until_its_time_out),
        TEST(poll_checks_its_arguments),
        TEST(shutdown_stops_the_domain_with_its_code),
        TEST(a_latched_code_wins),
        TEST(remote_shutdown_is_for_the_privileged),
        TEST(pin_override_is_for_domain_0),
        TEST(unknown_commands_are_not_there),
        TEST(a_vcpu_is_initialised_once_and_brought_up),
        TEST(the_last_vcpu_that_goes_down_switches_off),
        TEST(runstate_is_told_and_kept_in_the_guest),
        TEST(timers_are_the_callers_own),
        TEST(the_second_time_area_is_registered),
        TEST(the_physical_id_is_for_pinned_vcpus_of_domain_0),
        TEST(an_nmi_wakes_its_vcpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
