// SPDX-License-Identifier: Apache-2.0
// Ports: who may use which, PCI configuration's two, and string instructions.
#include "pv_fixture.h"

#include "arch/io.h"
#include "domain/quota.h"
#include "pv/decode.h"
#include "pv/fetch.h"
#include "pv/ports.h"
#include "pv/string_io.h"

#define DEVICE_PORT 0x80
#define PCI_ADDRESS 0xcf8

/* ---- scenery: a device that keeps a log, and counts up ----------------------------------------
 */

static uint64_t next_value;
static struct {
    uint64_t offset, value;
    unsigned width;
} written[16];
static unsigned int writes;

static uint64_t device_read(void *context, uint64_t offset, unsigned width)
{
    return next_value++;
}

static void device_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    assert_true(writes < ARRAY_SIZE(written));
    written[writes].offset = offset;
    written[writes].value = value;
    written[writes++].width = width;
}

static const struct host_device device = {device_read, device_write, NULL};

/* The domain has all ports but 0x20. */
static void give_ports(void)
{
    if (!guest_domain->io_ports) {
        guest_domain->io_ports = quota_alloc(guest_domain, IO_PORTS / 8);
        assert_non_null(guest_domain->io_ports);
    }
    bit_set(guest_domain->io_ports, 0x20);
    host_forget_devices();
    host_claim_ports(DEVICE_PORT, 4, &device);
    next_value = 0x41;
    writes = 0;
}

static void allow_kernel(void)
{
    v->iopl = 1UL << 12;
}

/* ---- rights ---------------------------------------------------------------------------------- */

static void the_level_decides_for_the_kernel_and_for_user_mode(void **state)
{
    for (uint64_t level = 0; level <= 3; level++) {
        v->iopl = level << 12;
        v->mode |= MODE_KERNEL;
        assert_int_equal(ports_allowed(v, DEVICE_PORT, 1), level >= 1);
        enter_user_mode();
        assert_int_equal(ports_allowed(v, DEVICE_PORT, 1), level == 3);
    }
}

static void a_clear_bit_in_the_bitmap_permits(void **state)
{
    memset(data, 0xff, 32);
    v->io_bitmap = data;
    v->io_bitmap_ports = 256;
    enter_user_mode();
    assert_false(ports_allowed(v, DEVICE_PORT, 1));
    data[DEVICE_PORT / 8] = 0xfc;
    assert_true(ports_allowed(v, DEVICE_PORT, 1));
    assert_true(ports_allowed(v, DEVICE_PORT, 2));
    assert_false(ports_allowed(v, DEVICE_PORT, 4));
    assert_false(ports_allowed(v, DEVICE_PORT + 1, 2));
}

static void a_bitmaps_bits_may_cross_a_byte_but_not_its_end(void **state)
{
    memset(data, 0, 32);
    v->io_bitmap = data;
    v->io_bitmap_ports = 256;
    enter_user_mode();
    assert_true(ports_allowed(v, 0x7f, 2));
    assert_true(ports_allowed(v, 255, 1));
    assert_false(ports_allowed(v, 255, 2));
    assert_false(ports_allowed(v, 0xffff, 4));
    v->io_bitmap = (uint8_t *)64; /* not readable */
    assert_false(ports_allowed(v, 0, 1));
}

/* ---- accesses -------------------------------------------------------------------------------- */

static void a_port_that_is_the_domains_is_accessed(void **state)
{
    give_ports();
    assert_int_equal(port_read(guest_domain, DEVICE_PORT, 1), 0x41);
    port_write(guest_domain, DEVICE_PORT + 2, 2, 0x1234);
    assert_int_equal(writes, 1);
    assert_int_equal(written[0].offset, 2);
    assert_int_equal(written[0].width, 16);
    assert_int_equal(written[0].value, 0x1234);
}

static void a_port_that_is_not_reads_as_ones_and_drops_writes(void **state)
{
    give_ports();
    bit_set(guest_domain->io_ports, DEVICE_PORT + 1);
    assert_true(port_read(guest_domain, DEVICE_PORT, 2) == UINT32_MAX);
    port_write(guest_domain, DEVICE_PORT, 4, 0);
    assert_true(port_read(guest_domain, 0xffff, 2) == UINT32_MAX);
    assert_int_equal(writes, 0);
}

static void a_domain_without_a_map_has_no_ports(void **state)
{
    assert_null(guest_domain->io_ports);
    assert_true(port_read(guest_domain, DEVICE_PORT, 1) == UINT32_MAX);
    port_write(guest_domain, DEVICE_PORT, 1, 0);
}

static void the_pci_address_is_kept_for_the_access_to_the_data(void **state)
{
    give_ports();
    host_claim_ports(PCI_ADDRESS, 8, &device);
    port_write(guest_domain, PCI_ADDRESS, 4, 0x80001000);
    assert_int_equal(writes, 0);
    assert_int_equal(port_read(guest_domain, PCI_ADDRESS, 4), 0x80001000);
    port_write(guest_domain, PCI_ADDRESS + 6, 2, 0xbeef);
    assert_int_equal(writes, 2);
    assert_true(written[0].offset == 0 && written[0].value == 0x80001000);
    assert_true(written[1].offset == 6 && written[1].value == 0xbeef && written[1].width == 16);
    assert_int_equal(port_read(guest_domain, PCI_ADDRESS + 4, 1), 0x41);
    assert_int_equal(writes, 3);
}

static void a_byte_in_the_address_port_is_the_machines(void **state)
{
    give_ports();
    host_claim_ports(PCI_ADDRESS, 4, &device);
    port_write(guest_domain, PCI_ADDRESS + 1, 1, 6);
    assert_int_equal(writes, 1);
    assert_int_equal(written[0].offset, 1);
}

/* ---- INS and OUTS ---------------------------------------------------------------------------- */

static bool run_string(void)
{
    struct insn insn;

    assert_int_equal(fetch_instruction(v, &insn), 0);
    return string_io(v, &insn);
}

static void ins_stores_and_steps(void **state)
{
    give_ports();
    allow_kernel();
    CODE(0xf3, 0x6c); /* rep insb */
    v->regs.rdx = DEVICE_PORT;
    v->regs.rdi = (uint64_t)data;
    v->regs.rcx = 3;
    assert_true(run_string());
    assert_memory_equal(data, "ABC", 3);
    assert_true(v->regs.rdi == (uint64_t)data + 3);
    assert_int_equal(v->regs.rcx, 0);
    assert_int_equal(executed(), 2);
}

static void outs_loads_and_steps_backwards_where_it_is_told(void **state)
{
    give_ports();
    allow_kernel();
    memcpy(data, "\1\0\0\0\2\0\0\0", 8);
    CODE(0xf3, 0x6f); /* rep outsd */
    v->regs.rdx = DEVICE_PORT;
    v->regs.rsi = (uint64_t)data + 4;
    v->regs.rcx = 2;
    v->regs.rflags |= RFLAGS_DF;
    assert_true(run_string());
    assert_int_equal(writes, 2);
    assert_int_equal(written[0].value, 2);
    assert_int_equal(written[1].value, 1);
    assert_true(v->regs.rsi == (uint64_t)data - 4);
}

static void outs_from_a_segment_with_a_base(void **state)
{
    give_ports();
    allow_kernel();
    data[0] = 0x5a;
    host_processor.base[BASE_FS] = (uint64_t)data - 0x10;
    CODE(0x64, 0x6e); /* outsb %fs:(%rsi) */
    v->regs.rdx = DEVICE_PORT;
    v->regs.rsi = 0x10;
    assert_true(run_string());
    assert_int_equal(written[0].value, 0x5a);
    host_processor.base[BASE_GS] = (uint64_t)data - 0x20;
    CODE(0x65, 0x6e);
    v->regs.rsi = 0x20;
    assert_true(run_string());
    assert_int_equal(written[1].value, 0x5a);
}

static void a_fault_counts_what_was_done(void **state)
{
    set_gate(14, 0, false);
    give_ports();
    allow_kernel();
    CODE(0xf3, 0x6c);
    v->regs.rdx = DEVICE_PORT;
    v->regs.rdi = (uint64_t)stack_end + PAGE_SIZE - 2;
    v->regs.rcx = 4;
    assert_true(run_string());
    assert_handler(14);
    assert_int_equal(v->regs.rcx, 2);
    assert_int_equal(pushed(2), PAGE_FAULT_WRITE);
    assert_true(pushed(3) == (uint64_t)code);
    assert_true(v->info->arch.cr2 == (uint64_t)stack_end + PAGE_SIZE);
}

static void a_long_one_makes_way_for_other_work(void **state)
{
    give_ports();
    allow_kernel();
    CODE(0xf3, 0x6c);
    v->regs.rdx = DEVICE_PORT;
    v->regs.rdi = (uint64_t)data;
    v->regs.rcx = 100;
    cpu_raise_self(WORK_SCHEDULE);
    assert_true(run_string());
    assert_int_equal(v->regs.rcx, 99);
    assert_int_equal(executed(), 0);
}

static void no_rights_and_no_address_are_a_protection_fault(void **state)
{
    give_ports();
    CODE(0x6c);
    v->regs.rdx = DEVICE_PORT;
    v->regs.rdi = (uint64_t)data;
    assert_false(run_string());
    allow_kernel();
    v->regs.rdi = NON_CANONICAL;
    assert_false(run_string());
    assert_int_equal(executed(), 0);
}

static void a_count_of_none_is_done_at_once(void **state)
{
    give_ports();
    allow_kernel();
    CODE(0xf3, 0x6c);
    v->regs.rdx = DEVICE_PORT;
    v->regs.rcx = 0;
    assert_true(run_string());
    assert_int_equal(executed(), 2);
    assert_int_equal(next_value, 0x41);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_level_decides_for_the_kernel_and_for_user_mode),
        TEST(a_clear_bit_in_the_bitmap_permits),
        TEST(a_bitmaps_bits_may_cross_a_byte_but_not_its_end),
        TEST(a_port_that_is_the_domains_is_accessed),
        TEST(a_port_that_is_not_reads_as_ones_and_drops_writes),
        TEST(a_domain_without_a_map_has_no_ports),
        TEST(the_pci_address_is_kept_for_the_access_to_the_data),
        TEST(a_byte_in_the_address_port_is_the_machines),
        TEST(ins_stores_and_steps),
        TEST(outs_loads_and_steps_backwards_where_it_is_told),
        TEST(outs_from_a_segment_with_a_base),
        TEST(a_fault_counts_what_was_done),
        TEST(a_long_one_makes_way_for_other_work),
        TEST(no_rights_and_no_address_are_a_protection_fault),
        TEST(a_count_of_none_is_done_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
