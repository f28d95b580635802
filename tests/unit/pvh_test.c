// SPDX-License-Identifier: Apache-2.0
// The PVH start structure: as QEMU gives it, older, damaged.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "abi/pvh.h"
#include "boot_memory.h"

#define START   0x100
#define MODULES 0x200
#define MAP     0x300
#define CMDLINE 0x400

#define MIB 0x100000ULL

static struct boot_info info;

static int start(void **state)
{
    const struct hvm_start_info good = {
        .magic = XEN_HVM_START_MAGIC_VALUE,
        .version = 1,
        .nr_modules = 1,
        .modlist_paddr = MODULES,
        .cmdline_paddr = CMDLINE,
        .rsdp_paddr = 0xf5a10,
        .memmap_paddr = MAP,
        .memmap_entries = 2,
    };
    const struct hvm_modlist_entry module = {.paddr = 0x1000000, .size = 0x1234};
    const struct hvm_memmap_table_entry map[] = {
        {.addr = 0, .size = 0x9fc00, .type = XEN_HVM_MEMMAP_TYPE_RAM},
        {.addr = MIB, .size = 255 * MIB, .type = XEN_HVM_MEMMAP_TYPE_RAM},
    };

    memset(boot_memory, 0, sizeof(boot_memory));
    memset(&info, 0, sizeof(info));
    memcpy(boot_memory + START, &good, sizeof(good));
    memcpy(boot_memory + MODULES, &module, sizeof(module));
    memcpy(boot_memory + MAP, map, sizeof(map));
    put_string(CMDLINE, "console=com1 dom0_mem=512M");
    return 0;
}

static int stop(void **state)
{
    free(boot_memory_block);
    boot_memory_block = NULL;
    return 0;
}

static int parse(void)
{
    return boot_parse(&info, &boot_memory_reader, BOOT_MAGIC_PVH, START);
}

static void pvh_as_qemu_gives_it(void **state)
{
    assert_int_equal(parse(), 0);
    check_boot_info(&info);
    assert_false(info.truncated);
    assert_string_equal(info.protocol, "PVH");
    assert_string_equal(info.cmdline, "console=com1 dom0_mem=512M");
    assert_int_equal(info.rsdp, 0xf5a10);
    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.modules[0].bytes, 0x1234);
    assert_string_equal(info.modules[0].cmdline, "");
    assert_int_equal(info.memory.count, 2);
    assert_int_equal(info.memory.regions[1].base, MIB);
}

static void wrong_magic(void **state)
{
    put32(START, 0x12345678);
    assert_int_equal(parse(), -EINVAL);
}

/* It has no memory map, and nothing here could do without one. */
static void version_0_is_refused(void **state)
{
    put32(START + 4, 0);
    assert_int_equal(parse(), -EINVAL);
}

static void later_versions_are_welcome(void **state)
{
    put32(START + 4, 2);
    assert_int_equal(parse(), 0);
}

static void no_memory_map(void **state)
{
    put32(START + 48, 0);
    assert_int_equal(parse(), -EINVAL);
}

static void disabled_and_persistent_memory_is_reserved(void **state)
{
    put32(MAP + 16, XEN_HVM_MEMMAP_TYPE_DISABLED);
    put32(MAP + 24 + 16, XEN_HVM_MEMMAP_TYPE_PMEM);
    assert_int_equal(parse(), 0);
    assert_int_equal(info.memory.regions[0].type, MEMORY_RESERVED);
    assert_int_equal(info.memory.regions[1].type, MEMORY_RESERVED);
}

static void tables_out_of_reach(void **state)
{
    put64(START + 16, UINT64_MAX - 7);
    put64(START + 24, UINT64_MAX);
    assert_int_equal(parse(), 0);
    assert_int_equal(info.module_count, 0);
    assert_string_equal(info.cmdline, "");
    assert_true(info.truncated);
}

static void endless_counts_end(void **state)
{
    put32(START + 12, UINT32_MAX);
    put32(START + 48, UINT32_MAX);
    assert_int_equal(parse(), 0);
    check_boot_info(&info);
    assert_true(info.truncated);
}

static void module_that_wraps_is_left_out(void **state)
{
    put64(MODULES + 8, UINT64_MAX);
    assert_int_equal(parse(), 0);
    assert_int_equal(info.module_count, 0);
}

static void damaged_pvh(void **state)
{
    parse_damaged(BOOT_MAGIC_PVH, START, CMDLINE + 64, 30000);
    parse_damaged(BOOT_MAGIC_PVH, START, START + 64, 30000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pvh_as_qemu_gives_it),
        TEST(wrong_magic),
        TEST(version_0_is_refused),
        TEST(later_versions_are_welcome),
        TEST(no_memory_map),
        TEST(disabled_and_persistent_memory_is_reserved),
        TEST(tables_out_of_reach),
        TEST(endless_counts_end),
        TEST(module_that_wraps_is_left_out),
        TEST(damaged_pvh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
