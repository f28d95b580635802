// SPDX-License-Identifier: Apache-2.0
// ACPI: the root pointer, both root tables, FADT, HPET, MCFG, and every kind of broken one.
#include "acpi_fixture.h"

// ---- finding ------------------------------------------------------------------------------------

static void root_pointer_is_found_in_the_bios_area(void **state)
{
    assert_int_equal(acpi_init(0), 0);
    assert_int_equal(acpi_rsdp_paddr(), RSDP);
    assert_int_equal(acpi_find("APIC", 0).paddr, MADT);
}

static void root_pointer_is_found_in_the_extended_data_area(void **state)
{
    memset(memory + RSDP, 0, 36);
    put(0x40e, 0x9fc0, 2);
    make_rsdp(0x9fc20, RSDT, 0);
    assert_int_equal(acpi_init(0), 0);
    assert_int_equal(acpi_rsdp_paddr(), 0x9fc20);
}

static void root_pointer_may_be_the_last_thing_in_the_bios_area(void **state)
{
    memset(memory + RSDP, 0, 36);
    make_rsdp(0xfffe0, RSDT, 0);
    assert_int_equal(acpi_init(0), 0);
    assert_non_null(acpi_find("FACP", 0).bytes);
}

static void loaders_root_pointer_wins_unless_it_is_none(void **state)
{
    make_rsdp(0x8010, RSDT, 0);
    assert_int_equal(acpi_init(0x8010), 0);
    assert_int_equal(acpi_rsdp_paddr(), 0x8010);
    assert_int_equal(acpi_init(0x9010), 0);
    assert_int_equal(acpi_rsdp_paddr(), RSDP);
    assert_int_equal(acpi_init(UINT64_MAX), 0);
    assert_int_equal(acpi_rsdp_paddr(), RSDP);
}

static void machine_without_acpi_says_so(void **state)
{
    char signature[5];
    uint64_t paddr;

    memory[RSDP + 3]++;
    assert_int_equal(acpi_init(0), -ENOENT);
    assert_null(acpi_find("APIC", 0).bytes);
    assert_false(acpi_list(0, signature, &paddr));
    memory[RSDP + 3]--;
    memory[RSDP + 8]++;
    assert_int_equal(acpi_init(0), -ENOENT);
}

static void broken_xsdt_falls_back_to_the_rsdt(void **state)
{
    memory[XSDT + 9]++;
    assert_int_equal(acpi_init(0), 0);
    assert_non_null(acpi_find("FACP", 0).bytes);
    memory[RSDT + 9]++;
    assert_int_equal(acpi_init(0), -EINVAL);
    assert_null(acpi_find("FACP", 0).bytes);
}

static void extended_half_is_ignored_when_its_checksum_fails(void **state)
{
    memory[RSDP + 32]++;
    memory[RSDT]++; // so that success could only come from the XSDT
    assert_int_equal(acpi_init(0), -EINVAL);
}

static void broken_tables_are_as_good_as_none(void **state)
{
    memory[MADT + 20]++; // checksum
    put(FADT + 4, 35, 4);
    put(HPET + 4, 0xffffffff, 4);
    put(MCFG + 4, sizeof(memory), 4); // runs out of memory
    assert_int_equal(acpi_init(0), 0);
    assert_null(acpi_find("APIC", 0).bytes);
    assert_null(acpi_find("FACP", 0).bytes);
    assert_null(acpi_find("HPET", 0).bytes);
    assert_null(acpi_find("MCFG", 0).bytes);
}

static void wild_addresses_in_the_root_table_are_skipped(void **state)
{
    put(XSDT + 36, 0, 8);
    put(XSDT + 44, UINT64_MAX - 3, 8);
    put(XSDT + 52, 0x123456789000, 8);
    seal(XSDT);
    assert_int_equal(acpi_init(0), 0);
    assert_non_null(acpi_find("MCFG", 0).bytes);
    assert_null(acpi_find("APIC", 0).bytes);
}

static void tables_of_one_name_are_told_apart(void **state)
{
    char signature[5];
    uint64_t paddr;

    begin(MADT, "SSDT", 40);
    seal(MADT);
    begin(HPET, "SSDT", 41);
    seal(HPET);
    assert_int_equal(acpi_init(0), 0);
    assert_int_equal(acpi_find("SSDT", 0).length, 40);
    assert_int_equal(acpi_find("SSDT", 1).length, 41);
    assert_null(acpi_find("SSDT", 2).bytes);
    assert_true(acpi_list(1, signature, &paddr));
    assert_string_equal(signature, "FACP");
    assert_int_equal(paddr, FADT);
    assert_false(acpi_list(4, signature, &paddr));
}

static void more_tables_than_fit_are_left_out(void **state)
{
    begin(XSDT, "XSDT", 36 + 100 * 8);
    for (unsigned i = 0; i < 100; i++) {
        put(XSDT + 36 + i * 8, FADT, 8);
    }
    seal(XSDT);
    assert_int_equal(acpi_init(0), 0);
    assert_non_null(acpi_find("FACP", ACPI_MAX_TABLES - 1).bytes);
    assert_null(acpi_find("FACP", ACPI_MAX_TABLES).bytes);
}

static void fields_outside_a_table_read_zero(void **state)
{
    memory[FADT + 275] = 0xaa;
    seal(FADT);
    assert_int_equal(acpi_init(0), 0);
    struct acpi_table table = acpi_find("FACP", 0);
    assert_int_equal(acpi_u8(&table, 275), 0xaa);
    assert_int_equal(acpi_u16(&table, 275), 0);
    assert_int_equal(acpi_u32(&table, 273), 0);
    assert_int_equal(acpi_u64(&table, UINT32_MAX), 0);
    struct acpi_table none = acpi_find("NONE", 0);
    assert_int_equal(acpi_u8(&none, 0), 0);
}

// ---- FADT, HPET, MCFG ---------------------------------------------------------------------------

static void put_register(uint32_t at, uint8_t space, uint8_t bits, uint64_t address)
{
    put(at, space, 1);
    put(at + 1, bits, 1);
    put(at + 4, address, 8);
}

static void fadt_of_a_pc(void **state)
{
    struct fadt fadt;

    put(FADT + 8, 3, 1);
    put(FADT + 46, 9, 2);
    put(FADT + 64, 0x604, 4);
    put(FADT + 76, 0x608, 4);
    put(FADT + 89, 2, 1);
    put(FADT + 91, 4, 1);
    put(FADT + 108, 0x32, 1);
    put(FADT + 109, 2, 2);
    put(FADT + 112, 1 << 10 | 1 << 8, 4);
    put_register(FADT + 116, ACPI_SPACE_IO, 8, 0xcf9);
    put(FADT + 128, 0x0f, 1);
    seal(FADT);
    assert_int_equal(acpi_init(0), 0);
    assert_int_equal(fadt_read(&fadt), 0);
    assert_int_equal(fadt.sci_irq, 9);
    assert_int_equal(fadt.pm1a_control.space, ACPI_SPACE_IO);
    assert_int_equal(fadt.pm1a_control.address, 0x604);
    assert_int_equal(fadt.pm1a_control.bits, 16);
    assert_int_equal(fadt.pm1b_control.address, 0);
    assert_int_equal(fadt.pm_timer.address, 0x608);
    assert_true(fadt.pm_timer_32bit);
    assert_true(fadt.can_reset);
    assert_int_equal(fadt.reset.address, 0xcf9);
    assert_int_equal(fadt.reset_value, 0x0f);
    assert_int_equal(fadt.century_index, 0x32);
    assert_true(fadt.has_8042 && fadt.has_vga && fadt.has_cmos_rtc && fadt.msi_allowed);
    assert_false(fadt.hardware_reduced);
}

static void fadt_prefers_general_addresses(void **state)
{
    struct fadt fadt;

    put(FADT + 8, 6, 1);
    put(FADT + 64, 0x604, 4);
    put_register(FADT + 172, ACPI_SPACE_MEMORY, 16, 0xfed00604);
    put_register(FADT + 244, ACPI_SPACE_IO, 8, 0x600);
    put(FADT + 112, 1 << 20 | 1 << 10, 4);
    put(FADT + 109, 1 << 2 | 1 << 3 | 1 << 5, 2);
    seal(FADT);
    assert_int_equal(acpi_init(0), 0);
    assert_int_equal(fadt_read(&fadt), 0);
    assert_int_equal(fadt.pm1a_control.space, ACPI_SPACE_MEMORY);
    assert_int_equal(fadt.pm1a_control.address, 0xfed00604);
    assert_int_equal(fadt.sleep_control.address, 0x600);
    assert_true(fadt.hardware_reduced);
    assert_false(fadt.can_reset); // the flag without a register
    assert_false(fadt.has_8042 || fadt.has_vga || fadt.has_cmos_rtc || fadt.msi_allowed);
}

static void fadt_of_revision_1_ends_early(void **state)
{
    struct fadt fadt;

    begin(FADT, "FACP", 116);
    put(FADT + 8, 1, 1);
    put(FADT + 76, 0x608, 4);
    put(FADT + 112, 1 << 10, 4);
    seal(FADT);
    assert_int_equal(acpi_init(0), 0);
    assert_int_equal(fadt_read(&fadt), 0);
    assert_int_equal(fadt.pm_timer.address, 0x608);
    assert_true(fadt.has_8042 && fadt.has_vga && fadt.has_cmos_rtc);
    assert_false(fadt.can_reset);

    begin(FADT, "FACP", 115);
    seal(FADT);
    assert_int_equal(fadt_read(&fadt), -ENOENT);
}

static void hpet_has_to_lie_in_memory(void **state)
{
    put_register(HPET + 40, ACPI_SPACE_MEMORY, 64, 0xfed00000);
    seal(HPET);
    assert_int_equal(acpi_init(0), 0);
    assert_int_equal(acpi_hpet_paddr(0), 0xfed00000);
    assert_int_equal(acpi_hpet_paddr(1), 0);
    put_register(HPET + 40, ACPI_SPACE_IO, 64, 0xfed00000);
    seal(HPET);
    assert_int_equal(acpi_hpet_paddr(0), 0);
}

static void mcfg_lists_whole_windows_only(void **state)
{
    struct mcfg_window window;

    begin(MCFG, "MCFG", 44 + 16 + 15);
    put(MCFG + 44, 0xb0000000, 8);
    put(MCFG + 52, 1, 2);
    put(MCFG + 54, 2, 1);
    put(MCFG + 55, 0xff, 1);
    seal(MCFG);
    assert_int_equal(acpi_init(0), 0);
    assert_true(acpi_mcfg_window(0, &window));
    assert_int_equal(window.paddr, 0xb0000000);
    assert_int_equal(window.segment, 1);
    assert_int_equal(window.first_bus, 2);
    assert_int_equal(window.last_bus, 0xff);
    assert_false(acpi_mcfg_window(1, &window));
    memory[MCFG]++;
    assert_int_equal(acpi_init(0), 0);
    assert_false(acpi_mcfg_window(0, &window));
}

static void iommus_are_noticed(void **state)
{
    assert_int_equal(acpi_init(0), 0);
    assert_false(acpi_has_iommu());
    begin(HPET, "DMAR", 48);
    seal(HPET);
    assert_int_equal(acpi_init(0), 0);
    assert_true(acpi_has_iommu());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ACPI_TEST(root_pointer_is_found_in_the_bios_area),
        ACPI_TEST(root_pointer_is_found_in_the_extended_data_area),
        ACPI_TEST(root_pointer_may_be_the_last_thing_in_the_bios_area),
        ACPI_TEST(loaders_root_pointer_wins_unless_it_is_none),
        ACPI_TEST(machine_without_acpi_says_so),
        ACPI_TEST(broken_xsdt_falls_back_to_the_rsdt),
        ACPI_TEST(extended_half_is_ignored_when_its_checksum_fails),
        ACPI_TEST(broken_tables_are_as_good_as_none),
        ACPI_TEST(wild_addresses_in_the_root_table_are_skipped),
        ACPI_TEST(tables_of_one_name_are_told_apart),
        ACPI_TEST(more_tables_than_fit_are_left_out),
        ACPI_TEST(fields_outside_a_table_read_zero),
        ACPI_TEST(fadt_of_a_pc),
        ACPI_TEST(fadt_prefers_general_addresses),
        ACPI_TEST(fadt_of_revision_1_ends_early),
        ACPI_TEST(hpet_has_to_lie_in_memory),
        ACPI_TEST(mcfg_lists_whole_windows_only),
        ACPI_TEST(iommus_are_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
