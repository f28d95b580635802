// SPDX-License-Identifier: Apache-2.0
// Debug registers.
#include "pv_fixture.h"

#include "pv/debug.h"
#include "pv/hypercalls.h"

#define IO_BREAKPOINT_0 (2UL << 16 | 1)

static void addresses_are_kept_and_loaded(void **state)
{
    for (unsigned int n = 0; n < 4; n++) {
        assert_int_equal(hypercall_set_debugreg(n, 0x1000 + n), 0);
        assert_int_equal(hypercall_get_debugreg(n), 0x1000 + n);
    }
    assert_int_equal(host_processor.debug_loads, 4);
    assert_int_equal(hypercall_set_debugreg(0, HYPERVISOR_VIRT_END), 0);
    assert_int_equal(hypercall_set_debugreg(0, HYPERVISOR_VIRT_START - 1), -EPERM);
}

static void nobody_watches_the_hypervisor(void **state)
{
    assert_int_equal(hypercall_set_debugreg(0, HYPERVISOR_VIRT_START), -EPERM);
    assert_int_equal(hypercall_set_debugreg(3, HYPERVISOR_VIRT_END - 1), -EPERM);
    assert_int_equal(hypercall_set_debugreg(0, NON_CANONICAL), -EPERM);
    assert_int_equal(hypercall_get_debugreg(0), 0);
    assert_int_equal(host_processor.debug_loads, 0);
}

static void status_has_its_fixed_bits(void **state)
{
    assert_true(hypercall_get_debugreg(6) == 0xffff0ff0);
    assert_int_equal(hypercall_set_debugreg(6, ~0UL), 0);
    assert_true(hypercall_get_debugreg(6) == 0xffffefff);
    assert_true(hypercall_get_debugreg(4) == hypercall_get_debugreg(6));
}

static void control_has_its_fixed_bits(void **state)
{
    assert_int_equal(hypercall_get_debugreg(7), 0x400);
    assert_int_equal(hypercall_set_debugreg(7, 0xd801), 0);
    assert_int_equal(hypercall_get_debugreg(7), 0x401);
    assert_int_equal(hypercall_get_debugreg(5), 0x401);
    assert_int_equal(hypercall_set_debugreg(7, 1UL << 32), -EPERM);
    assert_int_equal(hypercall_set_debugreg(7, 1UL << 13), -EPERM);
    assert_int_equal(hypercall_get_debugreg(7), 0x401);
}

static void breakpoints_that_are_all_off_cost_nothing(void **state)
{
    assert_int_equal(hypercall_set_debugreg(7, 0xf << 16), 0);
    assert_int_equal(v->debug_registers[7], 0);
}

static void breakpoints_on_ports_need_debugging_extensions(void **state)
{
    assert_int_equal(hypercall_set_debugreg(7, IO_BREAKPOINT_0), -EPERM);
    assert_int_equal(hypercall_set_debugreg(7, IO_BREAKPOINT_0 & ~1UL), 0);
    v->control4 |= 1UL << 3;
    assert_int_equal(hypercall_set_debugreg(7, IO_BREAKPOINT_0), 0);
}

static void there_are_eight_registers(void **state)
{
    assert_int_equal(hypercall_set_debugreg(8, 0), -EINVAL);
    assert_int_equal(hypercall_set_debugreg(~0UL, 0), -EINVAL);
    assert_int_equal(hypercall_get_debugreg(8), -EINVAL);
    assert_int_equal(hypercall_get_debugreg(1UL << 32), -EINVAL);
}

static void another_vcpus_registers_are_loaded_later(void **state)
{
    assert_int_equal(debug_register_set(guest_domain->vcpus[1], 0, 0x1000), 0);
    assert_int_equal(host_processor.debug_loads, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(addresses_are_kept_and_loaded),
        TEST(nobody_watches_the_hypervisor),
        TEST(status_has_its_fixed_bits),
        TEST(control_has_its_fixed_bits),
        TEST(breakpoints_that_are_all_off_cost_nothing),
        TEST(breakpoints_on_ports_need_debugging_extensions),
        TEST(there_are_eight_registers),
        TEST(another_vcpus_registers_are_loaded_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
