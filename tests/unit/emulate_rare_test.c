// SPDX-License-Identifier: Apache-2.0
// Forms of privileged instructions that no kernel uses: registers that do not exist, prefixes that
// say nothing, code that can't be read as it stands.
#include "pv_fixture.h"

#include "pv/emulate.h"

static bool emulated(void)
{
    bool done = pv_emulate_privileged(v);

    assert_int_equal(executed() != 0, done);
    assert_false(crashed());
    return done;
}

static void debug_registers_above_7_are_none(void **state)
{
    CODE(0x44, 0x0f, 0x21, 0xc0); /* mov %dr8, %rax */
    assert_false(emulated());
    CODE(0x44, 0x0f, 0x23, 0xc0); /* mov %rax, %dr8 */
    assert_false(emulated());
    CODE(0x0f, 0x21, 0xf8); /* mov %dr7, %rax */
    assert_true(emulated());
}

/* With a prefix they are found by the decoder, and mean the same. */
static void msrs_are_read_and_written_with_any_prefix(void **state)
{
    v->regs.rcx = 0xc0000100; /* the base of FS */
    v->regs.rax = 0x12345000;
    v->regs.rdx = 0;
    CODE(0x48, 0x0f, 0x30);
    assert_true(emulated());
    assert_int_equal(host_processor.base[BASE_FS], 0x12345000);
    v->regs.rax = 0;
    CODE(0x48, 0x0f, 0x32);
    assert_true(emulated());
    assert_int_equal(v->regs.rax, 0x12345000);
}

static void xsetbv_names_a_register_and_states(void **state)
{
    v->regs.rax = 3;
    v->regs.rcx = 1;
    CODE(0x0f, 0x01, 0xd1);
    assert_false(emulated());
    v->regs.rcx = 0;
    v->regs.rax = 2; /* x87 can't be off */
    CODE(0x0f, 0x01, 0xd1);
    assert_false(emulated());
    v->regs.rax = 3;
    CODE(0x0f, 0x01, 0xd1);
    assert_true(emulated());
}

static void lmsw_takes_its_value_from_a_register(void **state)
{
    CODE(0x0f, 0x01, 0x30); /* lmsw (%rax) */
    assert_false(emulated());
}

/* Memory of devices is a reason to flush caches, also without being the machine's owner. */
static void caches_are_flushed_for_who_maps_devices(void **state)
{
    unsigned long before = host_calls.cache_flush;

    CODE(0x0f, 0x09); /* wbinvd */
    assert_true(emulated());
    assert_int_equal(host_calls.cache_flush, before);
    assert_int_equal(ranges_add(guest_domain->io_memory, 0xfe000, 0xfe000), 0);
    CODE(0x0f, 0x09);
    assert_true(emulated());
    assert_int_equal(host_calls.cache_flush, before + 1);
}

static void code_that_can_not_be_read_is_nobodys(void **state)
{
    v->regs.rip = 0x10;
    assert_false(pv_emulate_privileged(v));
    assert_false(pv_emulate_forced(v));
    assert_false(pv_cpuid_quickly(v));
    assert_int_equal(v->regs.rip, 0x10);
}

/* The last instruction before memory that is not there. */
static void code_that_ends_with_its_page_is_read(void **state)
{
    v->regs.rip = (uint64_t)code + 4 * PAGE_SIZE - 2;
    memcpy((void *)v->regs.rip, "\x0f\x06", 2); /* clts */
    v->mode |= MODE_FPU_TRAP;
    assert_true(pv_emulate_privileged(v));
    assert_true(v->regs.rip == (uint64_t)code + 4 * PAGE_SIZE);
    assert_int_equal(v->mode & MODE_FPU_TRAP, 0);
}

static void the_prefix_is_for_cpuid_alone(void **state)
{
    CODE(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa3);
    assert_false(pv_emulate_forced(v));
    CODE(0x0f, 0x0b, 'x', 'e', 'n', 0x90, 0xa2);
    assert_false(pv_emulate_forced(v));
    CODE(0x0f, 0x0b, 'x', 'e', 'm', 0x0f, 0xa2);
    assert_false(pv_emulate_forced(v));
    assert_int_equal(executed(), 0);
    CODE(0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2);
    assert_true(pv_emulate_forced(v));
    assert_int_equal(executed(), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(debug_registers_above_7_are_none),
        TEST(msrs_are_read_and_written_with_any_prefix),
        TEST(xsetbv_names_a_register_and_states),
        TEST(lmsw_takes_its_value_from_a_register),
        TEST(caches_are_flushed_for_who_maps_devices),
        TEST(code_that_can_not_be_read_is_nobodys),
        TEST(code_that_ends_with_its_page_is_read),
        TEST(the_prefix_is_for_cpuid_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
