// SPDX-License-Identifier: Apache-2.0
// vcpu_op: state, runstate, registered areas (public header vcpu.h).

#include "clock.h"
#include "tap.h"

#define MS 1000000ul

TEST("vCPU 0 is up")
{
    CHECK_EQ(vcpu_op(VCPUOP_is_up, 0, NULL), 1);
}

TEST("a vCPU that does not exist gets -ENOENT")
{
    CHECK_ERR(vcpu_op(VCPUOP_is_up, 8000, NULL), XEN_ENOENT);
    CHECK_ERR(vcpu_op(VCPUOP_up, 500, NULL), XEN_ENOENT);
}

TEST("a vCPU that is initialised is not initialised again")
{
    static struct vcpu_guest_context context;

    CHECK_ERR(vcpu_op(VCPUOP_initialise, 0, &context), XEN_EEXIST);
}

TEST("the run state of a vCPU that asks is running")
{
    struct vcpu_runstate_info info;

    CHECK_OK(vcpu_op(VCPUOP_get_runstate_info, 0, &info));
    CHECK_EQ(info.state, RUNSTATE_running);
    CHECK(info.time[RUNSTATE_running] != 0);
    CHECK(info.state_entry_time <= clock_ns());
}

static uint64_t total(const struct vcpu_runstate_info *info)
{
    return info->time[0] + info->time[1] + info->time[2] + info->time[3];
}

TEST("the times of all states together grow with system time")
{
    struct vcpu_runstate_info before, after;

    CHECK_OK(vcpu_op(VCPUOP_get_runstate_info, 0, &before));
    uint64_t start = clock_ns();
    clock_wait_until(start + 20 * MS);
    CHECK_OK(vcpu_op(VCPUOP_get_runstate_info, 0, &after));
    uint64_t passed = clock_ns() - start, counted = total(&after) - total(&before);
    CHECK(counted >= 20 * MS);
    CHECK(counted <= passed + 5 * MS);
}

TEST("time spent blocked is counted as that")
{
    struct vcpu_runstate_info before, after;
    struct sched_poll poll = {.timeout = clock_ns() + 30 * MS};

    CHECK_OK(vcpu_op(VCPUOP_get_runstate_info, 0, &before));
    CHECK_OK(sched_op(SCHEDOP_poll, &poll));
    CHECK_OK(vcpu_op(VCPUOP_get_runstate_info, 0, &after));
    CHECK(after.time[RUNSTATE_blocked] - before.time[RUNSTATE_blocked] >= 20 * MS);
}

TEST("a registered area has the run state")
{
    static struct vcpu_runstate_info info;
    struct vcpu_register_runstate_memory_area area = {.addr.v = &info};
    struct sched_poll poll = {.timeout = clock_ns() + 5 * MS};

    CHECK_OK(vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area));
    CHECK_EQ(info.state, RUNSTATE_running);
    uint64_t entered = info.state_entry_time;
    CHECK_OK(sched_op(SCHEDOP_poll, &poll));
    CHECK_EQ(info.state, RUNSTATE_running);
    CHECK(info.state_entry_time > entered);
    area.addr.v = NULL;
    (void)vcpu_op(VCPUOP_register_runstate_memory_area, 0, &area);
}

TEST("a vcpu_info that would cross a page is refused")
{
    struct vcpu_register_vcpu_info info = {.mfn = virt_to_mfn(page_alloc()), .offset = 4096 - 63};

    CHECK_ERR(vcpu_op(VCPUOP_register_vcpu_info, 0, &info), XEN_ENXIO);
}

TEST("a vcpu_info on a frame that is not the domain's is refused")
{
    struct vcpu_register_vcpu_info info = {.mfn = 1ul << 40};

    CHECK(vcpu_op(VCPUOP_register_vcpu_info, 0, &info) < 0);
}

TEST("a registered vcpu_info takes over the mask and the clock, and is pending to be looked at")
{
    char *page = page_alloc();
    struct vcpu_register_vcpu_info info = {.mfn = virt_to_mfn(page), .offset = 64};

    upcalls_disable();
    CHECK_OK(vcpu_op(VCPUOP_register_vcpu_info, 0, &info));
    vcpu_moved((struct vcpu_info *)(page + 64));
    CHECK_EQ(this_vcpu()->evtchn_upcall_mask, 1);
    CHECK_EQ(this_vcpu()->evtchn_upcall_pending, 1);
    CHECK_EQ(this_vcpu()->time.tsc_to_system_mul, shared_info->vcpu_info[0].time.tsc_to_system_mul);
    upcalls_enable();
    CHECK_EQ(this_vcpu()->evtchn_upcall_pending, 0);
}

TEST("events are signalled in the registered vcpu_info")
{
    int port = event_bind_ipi(0);

    upcalls_disable();
    event_clear_mask((evtchn_port_t)port);
    CHECK_OK(event_send((evtchn_port_t)port));
    CHECK_EQ(this_vcpu()->evtchn_upcall_pending, 1);
    CHECK(event_selected((evtchn_port_t)port));
    event_reset_counts();
    upcalls_enable();
    CHECK_EQ(event_count((evtchn_port_t)port), 1);
    event_mask((evtchn_port_t)port);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("vcpu_info is registered once")
{
    struct vcpu_register_vcpu_info info = {.mfn = virt_to_mfn(page_alloc())};

    CHECK_ERR(vcpu_op(VCPUOP_register_vcpu_info, 0, &info), XEN_EINVAL);
}

TEST("a page that holds a registered vcpu_info cannot become a page table")
{
    void *page = (void *)(POINTER(this_vcpu()) & PAGE_MASK);

    CHECK_OK(page_make_readonly(page));
    CHECK(mmuext_frame(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)) < 0);
}

TEST("an operation nobody knows gets -ENOSYS")
{
    CHECK_ERR(vcpu_op(99, 0, NULL), XEN_ENOSYS);
}
