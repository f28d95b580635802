// SPDX-License-Identifier: Apache-2.0
// More vCPUs than shared_info has room for: those beyond register their vcpu_info first (public
// header vcpu.h).

#include "clock.h"
#include "image.h"
#include "tap.h"
#include "vcpus.h"

IMAGE_BOOT("vcpus=48");

enum { COUNT = 48, BEYOND = XEN_LEGACY_MAX_VCPUS };

static volatile uint64_t runs[COUNT];

static void count(void *argument)
{
    runs[(uint64_t)argument]++;
}

static struct vcpu_info *info_of[COUNT];

static long register_info(unsigned id)
{
    char *page = page_alloc();
    struct vcpu_register_vcpu_info info = {.mfn = virt_to_mfn(page), .offset = 128};

    info_of[id] = (struct vcpu_info *)(page + 128);
    return vcpu_op(VCPUOP_register_vcpu_info, id, &info);
}

TEST("a vCPU beyond shared_info's cannot be initialised before it has a vcpu_info")
{
    static struct vcpu_guest_context context;

    vcpu_prepare_context(BEYOND, &context);
    CHECK_ERR(vcpu_op(VCPUOP_initialise, BEYOND, &context), XEN_EINVAL);
    CHECK_EQ(vcpu_op(VCPUOP_is_up, BEYOND, NULL), 0);
}

TEST("it registers one, is initialised and runs")
{
    CHECK_OK(register_info(BEYOND));
    CHECK_EQ(info_of[BEYOND]->evtchn_upcall_mask, 1);
    CHECK_OK(vcpu_start(BEYOND, count, (void *)BEYOND));
    CHECK(vcpu_wait_down(BEYOND, 2000));
    CHECK_EQ(runs[BEYOND], 1);
    CHECK_EQ(info_of[BEYOND]->time.tsc_to_system_mul, this_vcpu()->time.tsc_to_system_mul);
}

TEST("its events are signalled in its vcpu_info")
{
    int port = event_bind_ipi(BEYOND);

    CHECK(port > 0);
    info_of[BEYOND]->evtchn_upcall_pending = 0;
    info_of[BEYOND]->evtchn_pending_sel = 0;
    event_clear_mask((evtchn_port_t)port);
    CHECK_OK(event_send((evtchn_port_t)port));
    CHECK_EQ(info_of[BEYOND]->evtchn_upcall_pending, 1);
    CHECK_EQ(info_of[BEYOND]->evtchn_pending_sel, 1);
    event_mask((evtchn_port_t)port);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("all vCPUs run, each on its stack and with its number")
{
    for (unsigned id = 1; id < COUNT; id++) {
        if (id >= BEYOND && !info_of[id]) {
            CHECK_OK(register_info(id));
        }
        CHECK_OK(vcpu_start(id, count, (void *)(uint64_t)id));
    }
    for (unsigned id = 1; id < COUNT; id++) {
        CHECK(vcpu_wait_down(id, 5000));
        CHECK_EQ(runs[id], id == BEYOND ? 2 : 1);
    }
}

TEST("a vCPU beyond those that were asked for is not there")
{
    CHECK_ERR(vcpu_op(VCPUOP_is_up, COUNT, NULL), XEN_ENOENT);
    CHECK_ERR(event_bind_ipi(COUNT), XEN_ENOENT);
}
