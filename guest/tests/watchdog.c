// SPDX-License-Identifier: Apache-2.0
// sched_op's watchdogs of a domain and the pinning of domain 0's vCPUs (public header sched.h).

#include "clock.h"
#include "domu.h"
#include "image.h"
#include "tap.h"

IMAGE_BOOT("cpus=2");

static struct domu domu;
static int none;

static long watch(uint32_t id, uint32_t seconds)
{
    struct sched_watchdog request = {.id = id, .timeout = seconds};

    return sched_op(SCHEDOP_watchdog, &request);
}

TEST("a watchdog is set under a number of its own, reset and stopped by it")
{
    long id = watch(0, 100);

    CHECK(id > 0);
    CHECK_OK(watch((uint32_t)id, 200));
    CHECK_OK(watch((uint32_t)id, 0));
    CHECK_ERR(watch((uint32_t)id, 0), XEN_EINVAL);
}

TEST("there are two at a time; one that is not set is not stopped")
{
    long first = watch(0, 100), second = watch(0, 100);

    CHECK(first > 0 && second > 0 && first != second);
    // The reference returns the error in 32 bits.
    CHECK_ERR((int)watch(0, 100), XEN_ENOSPC);
    CHECK_OK(watch((uint32_t)first, 0));
    CHECK_OK(watch((uint32_t)second, 0));
    CHECK_ERR(watch(99, 100), XEN_EINVAL);
}

TEST("a structure that is not there gets -EFAULT")
{
    CHECK_ERR(sched_op(SCHEDOP_watchdog, (void *)SPARE_VA), XEN_EFAULT);
    CHECK_ERR(sched_op(SCHEDOP_pin_override, (void *)SPARE_VA), XEN_EFAULT);
}

static long start_watchdog(void *data)
{
    return watch(0, 1);
}

TEST("a domain whose watchdog runs out shuts down with the code for it")
{
    CHECK_OK(domu_start(&domu, NULL));
    CHECK(domu_call(&domu, start_watchdog, &none, 0) > 0);
    CHECK_EQ(domain_wait_shutdown(domu.domain.domid), SHUTDOWN_watchdog);
    CHECK(domu_kill(&domu));
}

// ---- pinning ----------------------------------------------------------------------------------
static long pin(int32_t cpu)
{
    struct sched_pin_override request = {.pcpu = cpu};

    return sched_op(SCHEDOP_pin_override, &request);
}

static uint32_t runs_on(void)
{
    struct xen_domctl op = {.u.getvcpuinfo.vcpu = 0};

    CHECK_OK(domctl(XEN_DOMCTL_getvcpuinfo, 0, &op));
    return op.u.getvcpuinfo.cpu;
}

TEST("domain 0 pins itself to a processor for a while, one after the other, and lets go")
{
    for (int32_t cpu = 0; cpu < 2; cpu++) {
        CHECK_OK(pin(cpu));
        CHECK_EQ(runs_on(), cpu);
        CHECK_ERR(pin(cpu), XEN_EBUSY);
        CHECK_OK(pin(-1));
    }
}

TEST("a processor that is not there is refused, and so is to let go of what was not pinned")
{
    CHECK_ERR(pin(77), XEN_EINVAL);
    CHECK_ERR(pin(-1), XEN_EINVAL);
}

static long try_pin(void *data)
{
    return pin(0);
}

TEST("no other domain pins itself")
{
    CHECK_OK(domu_start(&domu, NULL));
    CHECK_ERR(domu_call(&domu, try_pin, &none, 0), XEN_EPERM);
    CHECK(domu_kill(&domu));
}
