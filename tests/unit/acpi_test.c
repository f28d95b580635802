// SPDX-License-Identifier: Apache-2.0
// ACPI tables from a made-up memory: the root pointer, both root tables, MADT, FADT, HPET, MCFG,
// and every kind of broken one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "platform/acpi.h"
#include "platform/fadt.h"
#include "platform/madt.h"
#include "platform/mmio.h"

// The first MiB; each mapping is a copy of exactly its length, so that a sanitizer sees every byte
// read beyond it.
static uint8_t memory[0x100000];
static void *mappings[4096];
static unsigned mapped;

static const void *map(uint64_t paddr, size_t length)
{
    if (paddr > sizeof(memory) || length > sizeof(memory) - paddr) {
        return NULL;
    }
    assert_true(mapped < sizeof(mappings) / sizeof(mappings[0]));
    void *copy = malloc(length);
    assert_non_null(copy);
    memcpy(copy, memory + paddr, length);
    mappings[mapped++] = copy;
    return copy;
}

static void put(uint32_t at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        memory[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static void fix_sum(uint32_t at, uint32_t length, uint32_t sum_at)
{
    uint8_t sum = 0;

    memory[at + sum_at] = 0;
    for (uint32_t i = 0; i < length; i++) {
        sum = (uint8_t)(sum + memory[at + i]);
    }
    memory[at + sum_at] = (uint8_t)-sum;
}

static void seal(uint32_t at)
{
    uint32_t length;

    memcpy(&length, memory + at + 4, 4);
    fix_sum(at, length, 9);
}

static void begin(uint32_t at, const char *signature, uint32_t length)
{
    memset(memory + at, 0, length);
    memcpy(memory + at, signature, 4);
    put(at + 4, length, 4);
}

enum { RSDP = 0xf1230, RSDT = 0x10000, XSDT = 0x11000, MADT = 0x12001, FADT = 0x13000 };
enum { HPET = 0x14000, MCFG = 0x15000 };

static void make_rsdp(uint32_t at, uint32_t rsdt, uint64_t xsdt)
{
    memset(memory + at, 0, xsdt != 0 ? 36 : 20);
    memcpy(memory + at, "RSD PTR ", 8);
    put(at + 16, rsdt, 4);
    if (xsdt != 0) {
        put(at + 15, 2, 1);
        put(at + 20, 36, 4);
        put(at + 24, xsdt, 8);
    }
    fix_sum(at, 20, 8);
    if (xsdt != 0) {
        fix_sum(at, 36, 32);
    }
}

static void make_root(uint32_t at, const char *signature, unsigned entry_bytes)
{
    static const uint32_t all[] = {MADT, FADT, HPET, MCFG};

    begin(at, signature, 36 + 4 * entry_bytes);
    for (unsigned i = 0; i < 4; i++) {
        put(at + 36 + i * entry_bytes, all[i], entry_bytes);
    }
    seal(at);
}

static int fresh(void **state)
{
    memset(memory, 0, sizeof(memory));
    acpi_map = map;
    make_rsdp(RSDP, RSDT, XSDT);
    make_root(RSDT, "RSDT", 4);
    make_root(XSDT, "XSDT", 8);
    begin(MADT, "APIC", 44);
    seal(MADT);
    begin(FADT, "FACP", 276);
    seal(FADT);
    begin(HPET, "HPET", 56);
    seal(HPET);
    begin(MCFG, "MCFG", 44);
    seal(MCFG);
    return 0;
}

static int unmap_all(void **state)
{
    while (mapped > 0) {
        free(mappings[--mapped]);
    }
    return 0;
}

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

// ---- MADT ---------------------------------------------------------------------------------------

static uint32_t madt_end;

static void madt_begin(uint32_t flags)
{
    begin(MADT, "APIC", 44);
    put(MADT + 36, 0xfee00000, 4);
    put(MADT + 40, flags, 4);
    madt_end = 44;
}

static uint32_t madt_entry(uint8_t type, uint8_t length)
{
    uint32_t at = MADT + madt_end;

    memset(memory + at, 0, length);
    memory[at] = type;
    memory[at + 1] = length;
    madt_end += length;
    put(MADT + 4, madt_end, 4);
    return at;
}

static void madt_lapic(uint8_t uid, uint8_t apic_id, uint32_t flags)
{
    uint32_t at = madt_entry(0, 8);

    put(at + 2, uid, 1);
    put(at + 3, apic_id, 1);
    put(at + 4, flags, 4);
}

static void madt_x2apic(uint32_t uid, uint32_t apic_id, uint32_t flags)
{
    uint32_t at = madt_entry(9, 16);

    put(at + 4, apic_id, 4);
    put(at + 8, flags, 4);
    put(at + 12, uid, 4);
}

static void madt_override(uint8_t irq, uint32_t gsi, uint16_t flags)
{
    uint32_t at = madt_entry(2, 10);

    put(at + 3, irq, 1);
    put(at + 4, gsi, 4);
    put(at + 8, flags, 2);
}

static struct madt madt;

static int madt_load(void)
{
    seal(MADT);
    assert_int_equal(acpi_init(0), 0);
    return madt_read(&madt);
}

static void madt_lists_processors_once(void **state)
{
    madt_begin(1);
    madt_lapic(0, 0, 1);
    madt_lapic(1, 2, 1);
    madt_lapic(2, 4, 0);    // absent
    madt_lapic(3, 6, 2);    // may come later
    madt_lapic(4, 0xff, 1); // a hole
    madt_x2apic(1, 2, 1);   // again
    madt_x2apic(300, 300, 1);
    madt_x2apic(301, UINT32_MAX, 1);
    assert_int_equal(madt_load(), 0);
    assert_int_equal(madt.cpu_count, 4);
    assert_int_equal(madt.cpu[1].apic_id, 2);
    assert_true(madt.cpu[1].enabled);
    assert_false(madt.cpu[2].enabled);
    assert_true(madt.cpu[2].online_capable);
    assert_int_equal(madt.cpu[3].apic_id, 300);
    assert_int_equal(madt.cpu[3].acpi_uid, 300);
    assert_true(madt.has_8259);
    assert_int_equal(madt.lapic_paddr, 0xfee00000);
    assert_int_equal(madt.dropped, 0);
}

static void madt_moves_the_lapic(void **state)
{
    madt_begin(0);
    put(madt_entry(5, 12) + 4, 0x1fee00000, 8);
    assert_int_equal(madt_load(), 0);
    assert_int_equal(madt.lapic_paddr, 0x1fee00000);
    assert_false(madt.has_8259);
}

static void madt_lists_ioapics_and_overrides(void **state)
{
    struct irq_line line;

    madt_begin(1);
    uint32_t at = madt_entry(1, 12);
    put(at + 2, 3, 1);
    put(at + 4, 0xfec00000, 4);
    put(at + 8, 24, 4);
    madt_override(0, 2, 0);     // PIT, as the bus has it: edge, high
    madt_override(9, 9, 0x0d);  // SCI: level, high
    madt_override(11, 20, 0xf); // level, low
    madt_override(16, 3, 0);    // no such ISA interrupt
    assert_int_equal(madt_load(), 0);
    assert_int_equal(madt.ioapic_count, 1);
    assert_int_equal(madt.ioapic[0].id, 3);
    assert_int_equal(madt.ioapic[0].paddr, 0xfec00000);
    assert_int_equal(madt.ioapic[0].gsi_base, 24);
    assert_int_equal(madt.override_count, 3);
    assert_int_equal(madt.dropped, 1);

    assert_int_equal(madt_isa_gsi(&madt, 0, &line), 2);
    assert_false(line.level || line.active_low);
    assert_int_equal(madt_isa_gsi(&madt, 9, &line), 9);
    assert_true(line.level && !line.active_low);
    assert_int_equal(madt_isa_gsi(&madt, 11, &line), 20);
    assert_true(line.level && line.active_low);
    assert_int_equal(madt_isa_gsi(&madt, 4, &line), 4);
    assert_false(line.level || line.active_low);

    assert_true(madt_gsi_line(&madt, 20).level);
    assert_false(madt_gsi_line(&madt, 4).level);
    assert_true(madt_gsi_line(&madt, 17).level && madt_gsi_line(&madt, 17).active_low);
}

static void madt_lists_nmi_wiring(void **state)
{
    madt_begin(1);
    uint32_t at = madt_entry(4, 6);
    put(at + 2, 0xff, 1);
    put(at + 5, 1, 1);
    at = madt_entry(10, 12);
    put(at + 2, 0x0f, 2);
    put(at + 4, 7, 4);
    at = madt_entry(4, 6);
    put(at + 5, 2, 1); // no such pin
    at = madt_entry(3, 8);
    put(at + 4, 21, 4);
    assert_int_equal(madt_load(), 0);
    assert_int_equal(madt.nmi_count, 2);
    assert_int_equal(madt.nmi[0].acpi_uid, MADT_ALL_CPUS);
    assert_int_equal(madt.nmi[0].lint, 1);
    assert_false(madt.nmi[0].line.level);
    assert_int_equal(madt.nmi[1].acpi_uid, 7);
    assert_true(madt.nmi[1].line.level);
    assert_int_equal(madt.nmi_source_count, 1);
    assert_int_equal(madt.nmi_source[0].gsi, 21);
    assert_int_equal(madt.dropped, 1);
}

static void madt_survives_malformed_entries(void **state)
{
    madt_begin(1);
    madt_entry(1, 5); // too short for an I/O APIC
    madt_entry(77, 9);
    madt_lapic(0, 0, 1);
    memory[madt_entry(0, 8) + 1] = 0; // would never end
    madt_lapic(1, 1, 1);
    assert_int_equal(madt_load(), 0);
    assert_int_equal(madt.cpu_count, 1);
    assert_int_equal(madt.dropped, 2);

    madt_begin(1);
    madt_lapic(0, 0, 1);
    memory[madt_entry(0, 8) + 1] = 200; // leaves the table
    assert_int_equal(madt_load(), 0);
    assert_int_equal(madt.cpu_count, 1);
    assert_int_equal(madt.dropped, 1);
}

static void madt_counts_what_it_cannot_hold(void **state)
{
    madt_begin(1);
    for (unsigned i = 0; i < MADT_MAX_CPUS + 3; i++) {
        madt_x2apic(i, i, 1);
    }
    assert_int_equal(madt_load(), 0);
    assert_int_equal(madt.cpu_count, MADT_MAX_CPUS);
    assert_int_equal(madt.dropped, 3);

    madt_begin(1);
    for (unsigned i = 0; i < 70; i++) {
        put(madt_entry(1, 12) + 4, 0xfec00000 + i * 0x1000, 4);
        madt_override(1, 1, 0);
        madt_entry(4, 6);
        madt_entry(3, 8);
    }
    assert_int_equal(madt_load(), 0);
    assert_int_equal(madt.ioapic_count, MADT_MAX_IOAPICS);
    assert_int_equal(madt.override_count, MADT_MAX_OVERRIDES);
    assert_int_equal(madt.dropped, 6 + 38 + 6 + 6);
}

static void missing_madt_is_no_entry(void **state)
{
    memory[MADT]++;
    assert_int_equal(acpi_init(0), 0);
    assert_int_equal(madt_read(&madt), -ENOENT);
    begin(MADT, "APIC", 43);
    assert_int_equal(madt_load(), -ENOENT);
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

// Any byte of any table may be anything, its checksum made good: nothing may be read outside it.
static void damaged_tables_never_lead_outside(void **state)
{
    struct fadt fadt;
    struct mcfg_window window;
    uint32_t random = 1;

    for (unsigned round = 0; round < 3000; round++) {
        fresh(state);
        madt_begin(1);
        madt_lapic(0, 0, 1);
        madt_x2apic(1, 1, 1);
        madt_override(0, 2, 0);
        madt_entry(1, 12);
        static const uint32_t where[] = {XSDT, MADT, FADT, HPET, MCFG};
        for (unsigned i = 0; i < 4; i++) {
            random = random * 1664525 + 1013904223;
            memory[where[(random >> 8) % 5] + (random >> 16) % 80] = (uint8_t)(random >> 24);
        }
        for (unsigned i = 0; i < 5; i++) {
            uint32_t length;
            memcpy(&length, memory + where[i] + 4, 4);
            if (length < 0x1000) {
                seal(where[i]);
            }
        }
        if (acpi_init(0) == 0) {
            (void)!madt_read(&madt);
            (void)!fadt_read(&fadt);
            acpi_hpet_paddr(0);
            acpi_mcfg_window(0, &window);
        }
        unmap_all(state);
    }
}

#define ACPI_TEST(name) cmocka_unit_test_setup_teardown(name, fresh, unmap_all)

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
        ACPI_TEST(madt_lists_processors_once),
        ACPI_TEST(madt_moves_the_lapic),
        ACPI_TEST(madt_lists_ioapics_and_overrides),
        ACPI_TEST(madt_lists_nmi_wiring),
        ACPI_TEST(madt_survives_malformed_entries),
        ACPI_TEST(madt_counts_what_it_cannot_hold),
        ACPI_TEST(missing_madt_is_no_entry),
        ACPI_TEST(fadt_of_a_pc),
        ACPI_TEST(fadt_prefers_general_addresses),
        ACPI_TEST(fadt_of_revision_1_ends_early),
        ACPI_TEST(hpet_has_to_lie_in_memory),
        ACPI_TEST(mcfg_lists_whole_windows_only),
        ACPI_TEST(iommus_are_noticed),
        ACPI_TEST(damaged_tables_never_lead_outside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
