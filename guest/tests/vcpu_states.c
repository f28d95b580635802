// SPDX-License-Identifier: Apache-2.0
// vcpu_op on a vCPU that does something meanwhile: its states and their times, timers, areas, NMI
// (public header vcpu.h). One CPU runs both.

#include "clock.h"
#include "image.h"
#include "tap.h"
#include "vcpus.h"

IMAGE_BOOT("vcpus=2");

#define MS 1000000ul

static volatile uint64_t spins, stop_spinning;

static void spin(void *argument)
{
    stop_spinning = 0;
    while (stop_spinning == 0) {
        spins++;
    }
}

// Sleeps until it is told to stop, in polls of a fifth of a second.
static void sleep_long(void *argument)
{
    stop_spinning = 0;
    while (stop_spinning == 0) {
        struct sched_poll poll = {.timeout =
                                      clock_ns_by(&shared_info->vcpu_info[1].time) + 200 * MS};
        spins++;
        (void)sched_op(SCHEDOP_poll, &poll);
    }
}

static void end_other(void)
{
    stop_spinning = 1;
    CHECK(vcpu_wait_down(1, 2000));
}

static struct vcpu_runstate_info runstate_of(unsigned vcpu)
{
    struct vcpu_runstate_info info = {.state = -1};

    CHECK_OK(vcpu_op(VCPUOP_get_runstate_info, vcpu, &info));
    return info;
}

static uint64_t total(const struct vcpu_runstate_info *info)
{
    return info->time[0] + info->time[1] + info->time[2] + info->time[3];
}

TEST("a vCPU that wants the CPU of the one that asks is runnable")
{
    CHECK_OK(vcpu_start(1, spin, NULL));
    uint64_t before = spins;
    CHECK(vcpu_wait_for(&spins, before + 1, 2000));
    CHECK_EQ(runstate_of(1).state, RUNSTATE_runnable);
}

TEST("two busy vCPUs of one CPU take it from each other: their time runnable grows")
{
    struct vcpu_runstate_info mine = runstate_of(0), others = runstate_of(1);
    uint64_t start = clock_ns();

    clock_wait_until(start + 200 * MS);
    struct vcpu_runstate_info mine_after = runstate_of(0), others_after = runstate_of(1);
    CHECK(mine_after.time[RUNSTATE_runnable] > mine.time[RUNSTATE_runnable]);
    CHECK(others_after.time[RUNSTATE_running] > others.time[RUNSTATE_running]);
    CHECK(others_after.time[RUNSTATE_runnable] > others.time[RUNSTATE_runnable]);
}

TEST("the times of a vCPU's states add up to the time that passed, to the nanosecond")
{
    uint64_t before = clock_ns();
    struct vcpu_runstate_info first = runstate_of(1);
    uint64_t between = clock_ns();
    struct sched_poll poll = {.timeout = between + 50 * MS};

    CHECK_OK(sched_op(SCHEDOP_poll, &poll));
    uint64_t after = clock_ns();
    struct vcpu_runstate_info second = runstate_of(1);
    uint64_t end = clock_ns();
    // A nanosecond or two of slack: the guest's scale and the hypervisor's round differently.
    CHECK(total(&second) - total(&first) + 1000 >= after - between);
    CHECK(total(&second) - total(&first) <= end - before + 1000);
}

TEST("a vCPU that another takes down stops")
{
    CHECK_OK(vcpu_op(VCPUOP_down, 1, NULL));
    CHECK_EQ(vcpu_op(VCPUOP_is_up, 1, NULL), 0);
    uint64_t then = spins;
    struct sched_poll poll = {.timeout = clock_ns() + 20 * MS};
    CHECK_OK(sched_op(SCHEDOP_poll, &poll));
    CHECK_EQ(spins, then);
    CHECK_EQ(runstate_of(1).state, RUNSTATE_offline);
}

TEST("brought up again, it goes on where it was; up and down twice are as good as once")
{
    uint64_t then = spins;

    CHECK_OK(vcpu_op(VCPUOP_down, 1, NULL));
    CHECK_OK(vcpu_op(VCPUOP_up, 1, NULL));
    CHECK_OK(vcpu_op(VCPUOP_up, 1, NULL));
    CHECK(vcpu_wait_for(&spins, then + 1, 2000));
    end_other();
}

TEST("the state of a vCPU that polls is blocked")
{
    uint64_t then = spins;

    CHECK_OK(vcpu_start(1, sleep_long, NULL));
    CHECK(vcpu_wait_for(&spins, then + 1, 2000));
    struct vcpu_runstate_info first = runstate_of(1);
    CHECK_EQ(first.state, RUNSTATE_blocked);
    struct sched_poll poll = {.timeout = clock_ns() + 20 * MS};
    CHECK_OK(sched_op(SCHEDOP_poll, &poll));
    CHECK(runstate_of(1).time[RUNSTATE_blocked] - first.time[RUNSTATE_blocked] >= 15 * MS);
    end_other();
}

TEST("a vCPU's state cannot be written where nothing is mapped")
{
    CHECK_ERR(vcpu_op(VCPUOP_get_runstate_info, 1, (void *)SPARE_VA), XEN_EFAULT);
}

TEST("the areas of a vCPU that is down can be registered; it writes them when it runs")
{
    static struct vcpu_runstate_info runstate;
    static struct vcpu_time_info time;
    struct vcpu_register_runstate_memory_area runstate_area = {.addr.v = &runstate};
    struct vcpu_register_time_memory_area time_area = {.addr.v = &time};
    uint64_t then = spins;

    CHECK_OK(vcpu_op(VCPUOP_register_runstate_memory_area, 1, &runstate_area));
    CHECK_OK(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 1, &time_area));
    CHECK_OK(vcpu_start(1, sleep_long, NULL));
    CHECK(vcpu_wait_for(&spins, then + 1, 2000));
    CHECK_EQ(runstate.state, RUNSTATE_blocked); // it was written when it lost the CPU last
    CHECK(runstate.state_entry_time != 0);
    CHECK(time.version != 0 && (time.version & 1) == 0);
    CHECK_EQ(time.tsc_to_system_mul, this_vcpu()->time.tsc_to_system_mul);
    end_other();
    runstate_area.addr.v = NULL;
    CHECK_OK(vcpu_op(VCPUOP_register_runstate_memory_area, 1, &runstate_area));
    time_area.addr.v = NULL;
    CHECK_OK(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 1, &time_area));
}

TEST("a structure of an area that is not there gets -EFAULT")
{
    CHECK_ERR(vcpu_op(VCPUOP_register_runstate_memory_area, 1, (void *)SPARE_VA), XEN_EFAULT);
    CHECK_ERR(vcpu_op(VCPUOP_register_vcpu_time_memory_area, 1, (void *)SPARE_VA), XEN_EFAULT);
    CHECK_ERR(vcpu_op(VCPUOP_set_periodic_timer, 1, (void *)SPARE_VA), XEN_EFAULT);
    CHECK_ERR(vcpu_op(VCPUOP_set_singleshot_timer, 0, (void *)SPARE_VA), XEN_EFAULT);
    CHECK_ERR(vcpu_op(VCPUOP_register_vcpu_info, 1, (void *)SPARE_VA), XEN_EFAULT);
}

TEST("with VMASST_TYPE_runstate_update_flag an area that is at rest does not have the flag")
{
    static struct vcpu_runstate_info info;
    struct vcpu_register_runstate_memory_area area = {.addr.v = &info};
    struct sched_poll poll = {.timeout = clock_ns() + 5 * MS};

    CHECK_OK(vm_assist(VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag));
    CHECK_OK(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area));
    uint64_t entered = info.state_entry_time;
    CHECK_OK(sched_op(SCHEDOP_poll, &poll));
    CHECK(info.state_entry_time > entered);
    CHECK_EQ(info.state_entry_time & XEN_RUNSTATE_UPDATE, 0);
    CHECK_EQ(info.state, RUNSTATE_running);
    CHECK_OK(vm_assist(VMASST_CMD_disable, VMASST_TYPE_runstate_update_flag));
    area.addr.v = NULL;
    CHECK_OK(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area));
}

TEST("another vCPU's periodic timer raises its VIRQ_TIMER, not the caller's")
{
    int port = event_bind_virq(VIRQ_TIMER, 1);
    struct vcpu_set_periodic_timer timer = {.period_ns = 2 * MS};
    uint64_t give_up = clock_ns() + 1000 * MS;

    CHECK(port > 0);
    event_clear_pending((evtchn_port_t)port);
    CHECK_OK(vcpu_op(VCPUOP_set_periodic_timer, 1, &timer));
    while (!event_pending((evtchn_port_t)port) && clock_ns() < give_up) {
        struct sched_poll poll = {.timeout = clock_ns() + MS};
        (void)sched_op(SCHEDOP_poll, &poll);
    }
    CHECK(event_pending((evtchn_port_t)port));
    CHECK_OK(vcpu_op(VCPUOP_stop_periodic_timer, 1, NULL));
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("the single-shot timer is the vCPU's own business")
{
    struct vcpu_set_singleshot_timer timer = {.timeout_abs_ns = clock_ns() + MS};

    CHECK_ERR(vcpu_op(VCPUOP_set_singleshot_timer, 1, &timer), XEN_EINVAL);
    CHECK_ERR(vcpu_op(VCPUOP_stop_singleshot_timer, 1, NULL), XEN_EINVAL);
}

// vCPU 0, as the reference names the processor by the number of the vCPU.
TEST("a vCPU that may run anywhere has no physical id; one that is pinned has")
{
    struct vcpu_get_physid id = {.phys_id = ~0ul};
    struct xen_domctl affinity = {.cmd = XEN_DOMCTL_setvcpuaffinity,
                                  .interface_version = XEN_DOMCTL_INTERFACE_VERSION};
    static uint8_t cpus = 1;

    // The reference lets domain 0 run on the CPUs that there are: on one CPU it is pinned.
    if (!running_on_oracle()) {
        CHECK_ERR(vcpu_op(VCPUOP_get_physid, 0, &id), XEN_EINVAL);
    }
    affinity.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    affinity.u.vcpuaffinity.cpumap_hard.nr_bits = 8;
    set_xen_guest_handle(affinity.u.vcpuaffinity.cpumap_hard.bitmap, &cpus);
    CHECK_OK(hypercall1(__HYPERVISOR_domctl, POINTER(&affinity)));
    CHECK_OK(vcpu_op(VCPUOP_get_physid, 0, &id));
    CHECK_EQ(xen_vcpu_physid_to_x86_apicid(id.phys_id), 0);
    CHECK_EQ(xen_vcpu_physid_to_x86_acpiid(id.phys_id), 0);
    CHECK_ERR(vcpu_op(VCPUOP_get_physid, 0, (void *)SPARE_VA), XEN_EFAULT);
    cpus = 0xff;
    CHECK_OK(hypercall1(__HYPERVISOR_domctl, POINTER(&affinity)));
}

TEST("an NMI takes no argument")
{
    static uint64_t something;

    CHECK_ERR(vcpu_op(VCPUOP_send_nmi, 1, &something), XEN_EINVAL);
}

static volatile uint64_t nmis;

static bool count_nmi(struct trap_frame *frame)
{
    nmis++;
    return true;
}

TEST("an NMI is taken by its callback, with upcalls masked and unmasked")
{
    struct callback_register callback = {.type = CALLBACKTYPE_nmi, .address = POINTER(nmi_entry)};

    trap_set_handler(VECTOR_NMI, count_nmi);
    CHECK_OK(callback_op(CALLBACKOP_register, &callback));
    CHECK_OK(vcpu_op(VCPUOP_send_nmi, 0, NULL));
    CHECK_EQ(nmis, 1);
    upcalls_disable();
    CHECK_OK(vcpu_op(VCPUOP_send_nmi, 0, NULL));
    CHECK_EQ(nmis, 2);
    CHECK_EQ(this_vcpu()->evtchn_upcall_mask, 1);
    upcalls_enable();
}

TEST("two busy vCPUs both get their CPU")
{
    CHECK_OK(vcpu_start(1, spin, NULL));
    uint64_t then = spins;
    CHECK(vcpu_wait_for(&spins, then + 1, 2000));
    struct vcpu_runstate_info mine = runstate_of(0), others = runstate_of(1);
    clock_wait_until(clock_ns() + 500 * MS);
    struct vcpu_runstate_info mine_after = runstate_of(0), others_after = runstate_of(1);
    uint64_t a = mine_after.time[RUNSTATE_running] - mine.time[RUNSTATE_running];
    uint64_t b = others_after.time[RUNSTATE_running] - others.time[RUNSTATE_running];
    diagnose("running: %lu and %lu ms", a / MS, b / MS);
    CHECK(a >= 100 * MS);
    CHECK(b >= 100 * MS);
    end_other();
}
