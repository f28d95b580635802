// SPDX-License-Identifier: Apache-2.0
// ACPI: the table of interrupt controllers and processors; and damage to it and all others.
#include "acpi_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        ACPI_TEST(madt_lists_processors_once),       ACPI_TEST(madt_moves_the_lapic),
        ACPI_TEST(madt_lists_ioapics_and_overrides), ACPI_TEST(madt_lists_nmi_wiring),
        ACPI_TEST(madt_survives_malformed_entries),  ACPI_TEST(madt_counts_what_it_cannot_hold),
        ACPI_TEST(missing_madt_is_no_entry),         ACPI_TEST(damaged_tables_never_lead_outside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
