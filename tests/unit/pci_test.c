// SPDX-License-Identifier: Apache-2.0
// PCI configuration space against stand-ins: both ways of access, walks, capabilities, MSI and
// MSI-X.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "arch/io.h"
#include "platform/mmio.h"
#include "platform/msi.h"
#include "platform/pci.h"

// Functions of segment 0, by bus and devfn; those that are absent read as all ones.
static struct function {
    bool present;
    uint8_t bus, devfn;
    uint8_t space[0x100];
} functions[16];
static uint32_t selected;

static struct function *plug(uint8_t bus, uint8_t device, uint8_t number)
{
    for (unsigned i = 0; i < 16; i++) {
        struct function *function = &functions[i];
        if (!function->present) {
            *function = (struct function){true, bus, (uint8_t)(device << 3 | number), {0}};
            memcpy(function->space, "\x86\x80\x34\x12", 4);
            return function;
        }
    }
    abort();
}

static struct function *selection(void)
{
    for (unsigned i = 0; i < 16; i++) {
        if (functions[i].present && functions[i].bus == (selected >> 16 & 0xff) &&
            functions[i].devfn == (selected >> 8 & 0xff) && selected >> 31 != 0) {
            return &functions[i];
        }
    }
    return NULL;
}

static void put(struct function *function, unsigned at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        function->space[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static uint64_t ports_read(void *context, uint64_t offset, unsigned width)
{
    const struct function *function = selection();
    uint64_t value = 0;

    assert_true(offset >= 4 && offset + width / 8 <= 8);
    if (function == NULL) {
        return UINT64_MAX;
    }
    memcpy(&value, function->space + (selected & 0xfc) + (offset - 4), width / 8);
    return value;
}

static void ports_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    if (offset == 0) {
        assert_int_equal(width, 32);
        assert_int_equal(value & 0x7f000003, 0);
        selected = (uint32_t)value;
    } else if (selection() != NULL) {
        put(selection(), (selected & 0xfc) + (unsigned)offset - 4, value, width / 8);
    }
}

// Windows: the fake memory holds two buses from physical 0xb0000000 on (segment 1: from
// 0xc0000000).
static uint8_t *window_memory;
static unsigned maps;
static uint8_t msix_memory[0x1000];

static void *map_memory(uint64_t paddr, size_t length)
{
    maps++;
    if (paddr >= 0xb0000000 && paddr + length <= 0xb0200000) {
        return window_memory + (paddr - 0xb0000000);
    }
    if (paddr >= 0xc0000000 && paddr + length <= 0xc0200000) {
        return window_memory + (paddr - 0xc0000000);
    }
    if (paddr >= 0x1fe000000 && paddr + length <= 0x1fe001000) {
        return msix_memory + (paddr - 0x1fe000000);
    }
    return NULL;
}

static int plug_in(void **state)
{
    static const struct host_device ports = {ports_read, ports_write, NULL};

    host_forget_devices();
    memset(functions, 0, sizeof(functions));
    memset(msix_memory, 0, sizeof(msix_memory));
    platform_map_mmio = map_memory;
    host_claim_ports(0xcf8, 8, &ports);
    return 0;
}

static int make_memory(void **state)
{
    window_memory = calloc(2, 1 << 20);
    return window_memory == NULL;
}

static int free_memory(void **state)
{
    free(window_memory);
    return 0;
}

// ---- access -------------------------------------------------------------------------------------

static void ports_reach_every_width_and_offset(void **state)
{
    struct function *function = plug(3, 5, 2);
    pci_bdf_t device = pci_bdf(0, 3, 5, 2);

    put(function, 0xa0, 0x44332211, 4);
    assert_int_equal(pci_read32(device, 0xa0), 0x44332211);
    assert_int_equal(pci_read16(device, 0xa2), 0x4433);
    assert_int_equal(pci_read8(device, 0xa1), 0x22);
    pci_write(device, 0xa3, 8, 0xaa);
    pci_write(device, 0xa0, 16, 0xbbcc);
    assert_int_equal(pci_read32(device, 0xa0), 0xaa33bbcc);
    pci_write(device, 0xa0, 32, 0x01020304);
    assert_int_equal(function->space[0xa3], 1);
}

static void absent_and_impossible_accesses_read_all_ones(void **state)
{
    pci_bdf_t device = pci_bdf(0, 3, 5, 2);

    assert_int_equal(pci_read8(device, 0), 0xff);
    assert_int_equal(pci_read16(device, 0), 0xffff);
    assert_int_equal(pci_read32(device, 0), UINT32_MAX);
    plug(3, 5, 2);
    assert_int_equal(pci_read16(device, 1), 0xffff);
    assert_int_equal(pci_read32(device, 2), UINT32_MAX);
    assert_int_equal(pci_read32(device, 0x1000), UINT32_MAX);
    assert_int_equal(pci_read8(device, UINT32_MAX), 0xff);
    assert_int_equal(pci_read(device, 0, 64), UINT32_MAX);
    assert_int_equal(pci_read32(device, 0x100), UINT32_MAX);          // no window
    assert_int_equal(pci_read32(pci_bdf(7, 3, 5, 2), 0), UINT32_MAX); // no such segment
    pci_write(device, 0xfffffffe, 16, 0);
    pci_write(device, 1, 32, 0);
    pci_write(device, 0x100, 32, 0);
    assert_int_equal(pci_read32(device, 0), 0x12348086);
}

static void windows_are_checked_when_added(void **state)
{
    struct mcfg_window backwards = {0xb0000000, 0, 2, 1};
    struct mcfg_window misaligned = {0xb0010000, 0, 0, 1};
    struct mcfg_window high = {UINT64_MAX - 0xfffff, 0, 0, 1};
    struct mcfg_window good = {0xb0000000, 0, 0, 1}, again = {0xd0000000, 0, 1, 5};
    struct mcfg_window other = {0xc0000000, 1, 0, 3};

    assert_int_equal(pci_add_window(&backwards), -EINVAL);
    assert_int_equal(pci_add_window(&misaligned), -EINVAL);
    assert_int_equal(pci_add_window(&high), -EINVAL);
    assert_int_equal(pci_add_window(&good), 0);
    assert_int_equal(pci_add_window(&again), -EINVAL);
    assert_int_equal(pci_add_window(&other), 0);

    assert_true(pci_window_covers(0xb01fffff, 1));
    assert_true(pci_window_covers(0xafffffff, 2));
    assert_true(pci_window_covers(0x1000, UINT64_MAX));
    assert_false(pci_window_covers(0xb0200000, 0x1000));
    assert_false(pci_window_covers(0xb0000000, 0));
}

// Runs after the windows of the test before have been added.
static void windows_reach_extended_space_and_segments(void **state)
{
    uint32_t *extended = (uint32_t *)(window_memory + (1 << 20) + (0x2a << 12) + 0x104);

    *extended = 0xdeadbeef;
    assert_int_equal(pci_read32(pci_bdf(0, 1, 5, 2), 0x104), 0xdeadbeef);
    unsigned before = maps;
    assert_int_equal(pci_read16(pci_bdf(0, 1, 5, 2), 0x106), 0xdead);
    pci_write(pci_bdf(0, 1, 5, 2), 0x107, 8, 0x11);
    pci_write(pci_bdf(0, 1, 5, 2), 0x104, 16, 0x2222);
    assert_int_equal(maps, before); // a bus is mapped once
    assert_int_equal(*extended, 0x11ad2222);
    assert_int_equal(pci_read32(pci_bdf(1, 1, 5, 2), 0x104), 0x11ad2222);
    pci_write(pci_bdf(1, 1, 5, 2), 0x104, 32, 0);
    assert_int_equal(*extended, 0);
    assert_int_equal(pci_read32(pci_bdf(0, 2, 0, 0), 0x104), UINT32_MAX); // beyond the window
    assert_int_equal(pci_read32(pci_bdf(1, 3, 0, 0), 0), UINT32_MAX);     // cannot be mapped
}

static void extended_capabilities_are_followed_and_end(void **state)
{
    uint32_t *space = (uint32_t *)window_memory; // bus 0, device 0, function 0
    pci_bdf_t device = pci_bdf(0, 0, 0, 0);

    assert_int_equal(pci_find_extended_capability(device, 0x10), 0);
    space[0x100 / 4] = 0x14010001;
    space[0x140 / 4] = 0x00010010;
    assert_int_equal(pci_find_extended_capability(device, 0x10), 0x140);
    assert_int_equal(pci_find_extended_capability(device, 0x0b), 0);
    space[0x140 / 4] = 0x10010010; // a circle
    assert_int_equal(pci_find_extended_capability(device, 0x0b), 0);
    assert_int_equal(pci_find_extended_capability(pci_bdf(0, 9, 0, 0), 1), 0);
}

// ---- walks --------------------------------------------------------------------------------------

static pci_bdf_t visited[32];
static unsigned visits;

static void note(pci_bdf_t device, void *context)
{
    assert_ptr_equal(context, visited);
    visited[visits++] = device;
}

static void walk_finds_functions_and_buses_once(void **state)
{
    plug(0, 0, 0);
    struct function *several = plug(0, 2, 0);
    several->space[0x0e] = 0x80;
    plug(0, 2, 3);
    plug(0, 4, 0);
    plug(0, 4, 1)->present = true; // hidden: its function 0 says single
    struct function *bridge = plug(0, 6, 0);
    bridge->space[0x0e] = 1;
    bridge->space[0x19] = 7;
    struct function *inner = plug(7, 0, 0);
    inner->space[0x0e] = 1;
    inner->space[0x19] = 0; // back to where we came from
    plug(7, 31, 0);

    visits = 0;
    pci_visit_all(0, note, visited);
    assert_int_equal(visits, 7);
    assert_int_equal(visited[2].devfn, 2 << 3 | 3);
    assert_int_equal(visited[6].bus, 7);
    assert_int_equal(visited[6].devfn, 31 << 3);
    visits = 0;
    pci_visit_bus(0, 7, note, visited);
    assert_int_equal(visits, 2);
}

// ---- capabilities and BARs ----------------------------------------------------------------------

static void capabilities_are_followed_and_end(void **state)
{
    struct function *function = plug(0, 3, 0);
    pci_bdf_t device = pci_bdf(0, 0, 3, 0);

    put(function, 0x34, 0x43, 1); // the low bits are reserved
    put(function, 0x40, 0x5001, 2);
    put(function, 0x50, 0x0005, 2);
    assert_int_equal(pci_find_capability(device, 5), 0); // the status bit says there are none
    put(function, 0x06, 0x10, 2);
    assert_int_equal(pci_find_capability(device, 5), 0x50);
    assert_int_equal(pci_find_capability(device, 1), 0x40);
    assert_int_equal(pci_find_capability(device, 0x11), 0);
    put(function, 0x50, 0x4005, 2); // a circle
    assert_int_equal(pci_find_capability(device, 0x11), 0);
    put(function, 0x50, 0x1005, 2); // into the header
    assert_int_equal(pci_find_capability(device, 0x11), 0);
    assert_int_equal(pci_find_capability(pci_bdf(0, 0, 9, 0), 5), 0);
}

static void bars_are_told_apart(void **state)
{
    struct function *function = plug(0, 3, 0);
    pci_bdf_t device = pci_bdf(0, 0, 3, 0);
    uint64_t paddr;

    put(function, 0x10, 0xc001, 4);
    put(function, 0x14, 0xfebf1008, 4);
    put(function, 0x18, 0xfe00000c, 4);
    put(function, 0x1c, 0x1, 4);
    put(function, 0x24, 0xfe000004, 4);
    assert_int_equal(pci_memory_bar(device, 0, &paddr), -ENODEV);
    assert_int_equal(pci_memory_bar(device, 1, &paddr), 0);
    assert_int_equal(paddr, 0xfebf1000);
    assert_int_equal(pci_memory_bar(device, 2, &paddr), 0);
    assert_int_equal(paddr, 0x1fe000000);
    assert_int_equal(pci_memory_bar(device, 4, &paddr), -ENODEV);
    assert_int_equal(pci_memory_bar(device, 5, &paddr), -EINVAL); // no room for its upper half
    assert_int_equal(pci_memory_bar(device, 6, &paddr), -EINVAL);
    function->space[0x0e] = 1;
    assert_int_equal(pci_memory_bar(device, 2, &paddr), -EINVAL);
    assert_int_equal(pci_memory_bar(pci_bdf(0, 0, 9, 0), 0, &paddr), -EINVAL);
}

// ---- MSI ----------------------------------------------------------------------------------------

static struct function *with_capability(uint8_t id, uint16_t control)
{
    struct function *function = plug(0, 3, 0);

    put(function, 0x06, 0x10, 2);
    put(function, 0x34, 0x60, 1);
    put(function, 0x60, id, 2);
    put(function, 0x62, control, 2);
    return function;
}

static void messages_name_cpu_and_vector(void **state)
{
    struct msi_message message;

    assert_int_equal(msi_compose(0x51, 3, &message), 0);
    assert_int_equal(message.address, 0xfee03000);
    assert_int_equal(message.data, 0x51);
    assert_int_equal(msi_compose(0x51, 254, &message), 0);
    assert_int_equal(message.address, 0xfeefe000);
    assert_int_equal(msi_compose(0x51, 255, &message), -EINVAL);
    assert_int_equal(msi_compose(15, 0, &message), -EINVAL);
}

static void msi_of_64_bits_with_masks(void **state)
{
    struct function *function = with_capability(5, 0x0180 | 3 << 1);
    struct msi_message message = {0x1fee03000, 0x51};
    struct pci_msi msi;

    assert_int_equal(pci_msi_probe(pci_bdf(0, 0, 3, 0), &msi), 0);
    assert_int_equal(msi.vectors, 8);
    assert_int_equal(pci_msi_write(&msi, &message), 0);
    assert_memory_equal(function->space + 0x64, "\x00\x30\xe0\xfe\x01\0\0\0\x51\0", 10);
    struct msi_message back = pci_msi_read(&msi);
    assert_int_equal(back.address, message.address);
    assert_int_equal(back.data, message.data);

    assert_true(pci_msi_mask(&msi, 3, true));
    assert_int_equal(function->space[0x70], 0x08);
    assert_true(pci_msi_mask(&msi, 3, false));
    assert_int_equal(function->space[0x70], 0);
    assert_false(pci_msi_mask(&msi, 8, true));
}

static void msi_of_32_bits_without_masks(void **state)
{
    struct function *function = with_capability(5, 0);
    struct msi_message message = {0xfee03000, 0x51}, high = {0x1fee03000, 0x51};
    struct pci_msi msi;

    assert_int_equal(pci_msi_probe(pci_bdf(0, 0, 3, 0), &msi), 0);
    assert_int_equal(msi.vectors, 1);
    assert_int_equal(pci_msi_write(&msi, &high), -EINVAL);
    assert_int_equal(pci_msi_write(&msi, &message), 0);
    assert_memory_equal(function->space + 0x64, "\x00\x30\xe0\xfe\x51\0", 6);
    assert_false(pci_msi_mask(&msi, 0, true));
    assert_int_equal(pci_msi_probe(pci_bdf(0, 0, 4, 0), &msi), -ENODEV);
}

static void msi_is_enabled_for_what_the_device_has(void **state)
{
    struct function *function = with_capability(5, 7 << 1); // claims 128
    struct pci_msi msi;

    assert_int_equal(pci_msi_probe(pci_bdf(0, 0, 3, 0), &msi), 0);
    assert_int_equal(msi.vectors, 32);
    msi.vectors = 4;
    assert_int_equal(pci_msi_enable(&msi, 4), 0);
    assert_int_equal(function->space[0x62], 0x21 | 7 << 1);
    assert_int_equal(pci_msi_enable(&msi, 1), 0);
    assert_int_equal(function->space[0x62], 0x01 | 7 << 1);
    assert_int_equal(pci_msi_enable(&msi, 8), -EINVAL);
    assert_int_equal(pci_msi_enable(&msi, 3), -EINVAL);
    assert_int_equal(pci_msi_enable(&msi, 0), -EINVAL);
    pci_msi_disable(&msi);
    assert_int_equal(function->space[0x62] & 1, 0);
}

// ---- MSI-X --------------------------------------------------------------------------------------

// 5 entries at offset 0x800 of a 64-bit BAR 4 at 0x1fe000000, pending bits at 0xc00.
static struct function *with_msix(void)
{
    struct function *function = with_capability(0x11, 4);

    put(function, 0x20, 0xfe00000c, 4);
    put(function, 0x24, 1, 4);
    put(function, 0x64, 0x804, 4);
    put(function, 0x68, 0xc04, 4);
    return function;
}

static void msix_table_is_located_and_programmed(void **state)
{
    struct msi_message message, wanted = {0x1fee07000, 0x77};
    struct pci_msix msix;
    bool masked;

    with_msix();
    assert_int_equal(pci_msix_probe(pci_bdf(0, 0, 3, 0), &msix), 0);
    assert_int_equal(msix.entries, 5);
    assert_int_equal(msix.table_paddr, 0x1fe000800);
    assert_int_equal(msix.pending_paddr, 0x1fe000c00);
    assert_int_equal(msix.pending_bytes, 8);
    assert_int_equal(pci_msix_write(&msix, 0, &wanted), -EINVAL); // not mapped
    assert_int_equal(pci_msix_map(&msix), 0);

    assert_int_equal(pci_msix_write(&msix, 4, &wanted), 0);
    assert_memory_equal(msix_memory + 0x840, "\0\x70\xe0\xfe\x01\0\0\0\x77\0\0\0\x01\0\0\0", 16);
    assert_int_equal(pci_msix_mask(&msix, 4, false), 0);
    assert_int_equal(pci_msix_read(&msix, 4, &message, &masked), 0);
    assert_int_equal(message.address, wanted.address);
    assert_int_equal(message.data, wanted.data);
    assert_false(masked);

    assert_int_equal(pci_msix_write(&msix, 5, &wanted), -EINVAL);
    assert_int_equal(pci_msix_mask(&msix, 5, true), -EINVAL);
    assert_int_equal(pci_msix_read(&msix, 5, &message, &masked), -EINVAL);
}

static void msix_function_is_controlled_whole(void **state)
{
    struct function *function = with_msix();
    struct pci_msix msix;

    assert_int_equal(pci_msix_probe(pci_bdf(0, 0, 3, 0), &msix), 0);
    pci_msix_control(&msix, true, true);
    assert_int_equal(function->space[0x63], 0xc0);
    pci_msix_control(&msix, true, false);
    assert_int_equal(function->space[0x63], 0x80);
    pci_msix_control(&msix, false, false);
    assert_int_equal(function->space[0x63], 0);
    assert_int_equal(function->space[0x62], 4);
}

static void msix_without_memory_is_refused(void **state)
{
    struct function *function = with_msix();
    struct pci_msix msix;

    put(function, 0x64, 0x806, 4); // no such BAR
    assert_int_equal(pci_msix_probe(pci_bdf(0, 0, 3, 0), &msix), -EINVAL);
    put(function, 0x64, 0x800, 4); // BAR 0 is not assigned
    assert_int_equal(pci_msix_probe(pci_bdf(0, 0, 3, 0), &msix), -EINVAL);
    put(function, 0x64, 0x804, 4);
    put(function, 0x20, 0xffffffffff00c, 8); // leaves the address space
    put(function, 0x64, 0xfe4, 4);
    assert_int_equal(pci_msix_probe(pci_bdf(0, 0, 3, 0), &msix), -EINVAL);
    put(function, 0x20, 0x2fe00000c, 8);
    put(function, 0x64, 0x804, 4);
    assert_int_equal(pci_msix_probe(pci_bdf(0, 0, 3, 0), &msix), 0);
    assert_int_equal(pci_msix_map(&msix), -ENOMEM);
    assert_int_equal(pci_msix_probe(pci_bdf(0, 0, 9, 0), &msix), -ENODEV);
}

static void msix_pages_are_recognised_in_any_range(void **state)
{
    struct pci_msix msix = {.entries = 2048,
                            .table_paddr = 0x1fe000800, // nine pages, the last one to the middle
                            .pending_paddr = 0x1ff000010,
                            .pending_bytes = 256};

    assert_true(pci_msix_covers(&msix, 0x1fe000000, 1));
    assert_true(pci_msix_covers(&msix, 0x1fe008fff, 1));
    assert_false(pci_msix_covers(&msix, 0x1fe009000, 0x1000));
    assert_false(pci_msix_covers(&msix, 0x1fdfff000, 0x1000));
    assert_true(pci_msix_covers(&msix, 0x1fdfff000, 0x1001));
    assert_true(pci_msix_covers(&msix, 0x1ff000fff, 1));
    assert_true(pci_msix_covers(&msix, 0x1000, UINT64_MAX));
    assert_false(pci_msix_covers(&msix, 0x1fe000000, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ports_reach_every_width_and_offset, plug_in),
        cmocka_unit_test_setup(absent_and_impossible_accesses_read_all_ones, plug_in),
        cmocka_unit_test_setup(windows_are_checked_when_added, plug_in),
        cmocka_unit_test_setup(windows_reach_extended_space_and_segments, plug_in),
        cmocka_unit_test_setup(extended_capabilities_are_followed_and_end, plug_in),
        cmocka_unit_test_setup(walk_finds_functions_and_buses_once, plug_in),
        cmocka_unit_test_setup(capabilities_are_followed_and_end, plug_in),
        cmocka_unit_test_setup(bars_are_told_apart, plug_in),
        cmocka_unit_test_setup(messages_name_cpu_and_vector, plug_in),
        cmocka_unit_test_setup(msi_of_64_bits_with_masks, plug_in),
        cmocka_unit_test_setup(msi_of_32_bits_without_masks, plug_in),
        cmocka_unit_test_setup(msi_is_enabled_for_what_the_device_has, plug_in),
        cmocka_unit_test_setup(msix_table_is_located_and_programmed, plug_in),
        cmocka_unit_test_setup(msix_function_is_controlled_whole, plug_in),
        cmocka_unit_test_setup(msix_without_memory_is_refused, plug_in),
        cmocka_unit_test_setup(msix_pages_are_recognised_in_any_range, plug_in),
    };

    return cmocka_run_group_tests(tests, make_memory, free_memory);
}
