// SPDX-License-Identifier: Apache-2.0
// XENPF_resource_op, on three CPUs whose registers differ.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/clock.h"
#include "arch/msr.h"
#include "control/platform_op.h"
#include "lib/string.h"
#include "machine.h"
#include "time/time.h"

#define MSR_TSC         0x10
#define MSR_QM_EVTSEL   0xc8d
#define MSR_QM_COUNTER  0xc8e
#define MSR_TEMPERATURE 0x1b1

static uint64_t selected[3];
static struct xenpf_resource_entry *entry;
static struct xenpf_resource_op op;

static int read_msr(void *context, uint32_t msr, uint64_t *value)
{
    *value = selected[this_cpu()->id] + (msr == MSR_QM_COUNTER ? 1000 : 0);
    return 0;
}

static int write_msr(void *context, uint32_t msr, uint64_t value)
{
    selected[this_cpu()->id] = value;
    return 0;
}

static int start(void **state)
{
    static const struct host_msrs monitoring = {read_msr, write_msr, NULL};

    static bool once;

    host_machine_create(16, 3);
    host_claim_msrs(MSR_QM_EVTSEL, 2, &monitoring);
    host_tsc = 0;
    host_tsc_hz = NS_PER_SECOND;
    if (!once) {
        time_init();
        once = true;
    }
    memset(selected, 0, sizeof(selected));
    entry = (struct xenpf_resource_entry *)host_guest_memory(PAGE_SIZE);
    op = (struct xenpf_resource_op){0};
    op.entries.p = entry;
    return 0;
}

static int stop(void **state)
{
    host_machine_destroy();
    return 0;
}

static void add(uint32_t cmd, uint64_t msr, uint64_t value)
{
    entry[op.nr_entries++] = (struct xenpf_resource_entry){.u.cmd = cmd, .idx = msr, .val = value};
}

static void the_cpu_that_is_named_is_asked(void **state)
{
    for (op.cpu = 0; op.cpu < 3; op.cpu++) {
        op.nr_entries = 0;
        add(XEN_RESOURCE_OP_MSR_WRITE, MSR_QM_EVTSEL, 7 + op.cpu);
        add(XEN_RESOURCE_OP_MSR_READ, MSR_QM_COUNTER, 0);
        add(XEN_RESOURCE_OP_MSR_READ, MSR_TSC, 0);
        host_tsc = 1000 + op.cpu;
        assert_int_equal(platform_resource(&op), 3);
        assert_int_equal(selected[op.cpu], 7 + op.cpu);
        assert_int_equal(entry[1].val, 1007 + op.cpu);
        assert_int_equal(entry[2].val, time_now_ns());
    }
}

static void one_that_is_not_there_or_offline_is_none(void **state)
{
    add(XEN_RESOURCE_OP_MSR_READ, MSR_TSC, 0);
    op.cpu = 3;
    assert_int_equal(platform_resource(&op), -ENODEV);
    op.cpu = UINT32_MAX;
    assert_int_equal(platform_resource(&op), -ENODEV);
    op.cpu = 1;
    cpu_set_online(1, false);
    assert_int_equal(platform_resource(&op), -ENODEV);
    cpu_set_online(1, true);
    assert_int_equal(platform_resource(&op), 1);
}

static void the_first_that_fails_says_why_and_ends_the_batch(void **state)
{
    static const struct {
        struct xenpf_resource_entry entry;
        int error;
    } wrong[] = {
        {{.u.cmd = XEN_RESOURCE_OP_MSR_READ, .rsvd = 1, .idx = MSR_TSC}, -EINVAL},
        {{.u.cmd = 2, .idx = MSR_TSC}, -EOPNOTSUPP},
        {{.u.cmd = XEN_RESOURCE_OP_MSR_WRITE, .idx = MSR_TSC}, -EPERM},
        {{.u.cmd = XEN_RESOURCE_OP_MSR_WRITE, .idx = MSR_QM_COUNTER}, -EPERM},
        {{.u.cmd = XEN_RESOURCE_OP_MSR_READ, .idx = 0x174}, -EPERM},
        {{.u.cmd = XEN_RESOURCE_OP_MSR_READ, .idx = 1ULL << 32 | MSR_QM_EVTSEL}, -EPERM},
        {{.u.cmd = XEN_RESOURCE_OP_MSR_READ, .idx = MSR_TEMPERATURE}, -EIO},
    };

    op.cpu = 2;
    for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
        op.nr_entries = 0;
        add(XEN_RESOURCE_OP_MSR_WRITE, MSR_QM_EVTSEL, 100 + i);
        entry[op.nr_entries++] = wrong[i].entry;
        add(XEN_RESOURCE_OP_MSR_WRITE, MSR_QM_EVTSEL, 55);
        assert_int_equal(platform_resource(&op), 1);
        assert_int_equal(entry[1].u.ret, wrong[i].error);
        assert_int_equal(entry[2].u.cmd, XEN_RESOURCE_OP_MSR_WRITE);
        assert_int_equal(selected[2], 100 + i);
    }
}

static void too_many_are_refused_and_none_is_nothing(void **state)
{
    assert_int_equal(platform_resource(&op), 0);
    op.nr_entries = 4;
    assert_int_equal(platform_resource(&op), -EINVAL);
}

static void nothing_is_done_where_not_all_can_be_read(void **state)
{
    add(XEN_RESOURCE_OP_MSR_WRITE, MSR_QM_EVTSEL, 9);
    add(XEN_RESOURCE_OP_MSR_READ, MSR_TSC, 0);
    host_guest_fault_from(sizeof(*entry));
    assert_int_equal(platform_resource(&op), -EFAULT);
    assert_int_equal(selected[0], 0);
    host_guest_fault_from(UINT64_MAX);
    host_guest_read_only(true);
    assert_int_equal(platform_resource(&op), -EFAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_cpu_that_is_named_is_asked, start, stop),
        cmocka_unit_test_setup_teardown(one_that_is_not_there_or_offline_is_none, start, stop),
        cmocka_unit_test_setup_teardown(the_first_that_fails_says_why_and_ends_the_batch, start,
                                        stop),
        cmocka_unit_test_setup_teardown(too_many_are_refused_and_none_is_nothing, start, stop),
        cmocka_unit_test_setup_teardown(nothing_is_done_where_not_all_can_be_read, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
