// SPDX-License-Identifier: Apache-2.0
// Multiboot 1 and 2: what loaders say, what they leave out, and what none should ever say.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "boot_memory.h"

#define MIB 0x100000ULL

static struct boot_info info;

static int start(void **state)
{
    memset(boot_memory, 0, sizeof(boot_memory));
    memset(&info, 0, sizeof(info));
    return 0;
}

static int stop(void **state)
{
    free(boot_memory_block);
    boot_memory_block = NULL;
    return 0;
}

/* ---- Multiboot 1 -------------------------------------------------------------------------------
 */

#define MBI     0x100
#define STRINGS 0x1000
#define MODULES 0x2000
#define REGIONS 0x3000

static void region1(uint64_t pa, uint64_t base, uint64_t bytes, uint32_t type)
{
    put32(pa, 20);
    put64(pa + 4, base);
    put64(pa + 12, bytes);
    put32(pa + 20, type);
}

/* As QEMU's -kernel does it. */
static void put_multiboot1(void)
{
    put32(MBI, 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9);
    put32(MBI + 16, (uint32_t)put_string(STRINGS, "build/pavise.elf32 loglvl=all noreboot"));
    put32(MBI + 20, 2);
    put32(MBI + 24, MODULES);
    put32(MODULES, 0x400000);
    put32(MODULES + 4, 0x500000);
    put32(MODULES + 8, (uint32_t)put_string(STRINGS + 0x100, "vmlinuz console=hvc0"));
    put32(MODULES + 16, 0x500000);
    put32(MODULES + 20, 0x500800);
    put32(MODULES + 24, (uint32_t)put_string(STRINGS + 0x200, "initrd.gz"));
    put32(MBI + 44, 48);
    put32(MBI + 48, REGIONS);
    region1(REGIONS, MIB, 511 * MIB, 1);
    region1(REGIONS + 24, 0, 0x9fc00, 1);
    put32(MBI + 64, (uint32_t)put_string(STRINGS + 0x300, "qemu"));
}

static int parse1(void)
{
    return boot_parse(&info, &boot_memory_reader, BOOT_MAGIC_MULTIBOOT1, MBI);
}

static void multiboot1_as_qemu_gives_it(void **state)
{
    put_multiboot1();
    assert_int_equal(parse1(), 0);
    check_boot_info(&info);
    assert_false(info.truncated);
    assert_string_equal(info.loader, "qemu");
    assert_string_equal(info.cmdline, "loglvl=all noreboot");
    assert_int_equal(info.module_count, 2);
    assert_int_equal(info.modules[0].base, 0x400000);
    assert_int_equal(info.modules[0].bytes, 0x100000);
    assert_string_equal(info.modules[0].cmdline, "console=hvc0");
    assert_int_equal(info.modules[1].bytes, 0x800);
    assert_string_equal(info.modules[1].cmdline, "");
    assert_int_equal(info.memory.count, 2);
    assert_int_equal(info.memory.regions[0].base, 0);
    assert_int_equal(info.memory.regions[1].base, MIB);
}

static void grub_leaves_the_file_name_out(void **state)
{
    put_multiboot1();
    put_string(STRINGS + 0x300, "GRUB 2.06-13");
    put_string(STRINGS, "loglvl=all");
    put_string(STRINGS + 0x100, "placeholder console=hvc0");
    put_string(STRINGS + 0x200, "placeholders");
    assert_int_equal(parse1(), 0);
    assert_string_equal(info.cmdline, "loglvl=all");
    assert_string_equal(info.modules[0].cmdline, "console=hvc0");
    assert_string_equal(info.modules[1].cmdline, "placeholders");
}

static void memory_sizes_stand_in_for_a_map(void **state)
{
    put_multiboot1();
    put32(MBI, 1 << 0);
    put32(MBI + 4, 639);
    put32(MBI + 8, 127 * 1024);
    assert_int_equal(parse1(), 0);
    assert_int_equal(info.memory.count, 2);
    assert_int_equal(info.memory.regions[0].bytes, 639 * 1024);
    assert_int_equal(info.memory.regions[1].base, MIB);
    assert_int_equal(info.memory.regions[1].bytes, 127 * MIB);
}

static void no_memory_is_an_error(void **state)
{
    put_multiboot1();
    put32(MBI, 1 << 2);
    assert_int_equal(parse1(), -EINVAL);
}

static void map_entries_may_be_longer(void **state)
{
    put_multiboot1();
    put32(REGIONS, 24);
    region1(REGIONS + 28, 0, 0x9fc00, 2);
    put32(MBI + 44, 52);
    assert_int_equal(parse1(), 0);
    assert_int_equal(info.memory.count, 2);
    assert_int_equal(info.memory.regions[0].type, MEMORY_RESERVED);
}

static void map_entries_may_not_be_shorter(void **state)
{
    put_multiboot1();
    put32(REGIONS + 24, 4);
    assert_int_equal(parse1(), 0);
    assert_int_equal(info.memory.count, 1);
    assert_true(info.truncated);
}

static void modules_beyond_the_table_are_told(void **state)
{
    put_multiboot1();
    put32(MBI + 20, BOOT_MODULES_MAX + 1);
    for (uint32_t i = 0; i <= BOOT_MODULES_MAX; i++) {
        put32(MODULES + 16 * i, 0x400000);
        put32(MODULES + 16 * i + 4, 0x500000);
    }
    assert_int_equal(parse1(), 0);
    assert_int_equal(info.module_count, BOOT_MODULES_MAX);
    assert_true(info.truncated);
}

static void module_that_ends_before_it_starts_is_left_out(void **state)
{
    put_multiboot1();
    put32(MODULES + 4, 0x3fffff);
    assert_int_equal(parse1(), 0);
    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.modules[0].base, 0x500000);
}

static void long_strings_are_cut(void **state)
{
    put_multiboot1();
    memset(boot_memory + STRINGS, 'a', 0xf00);
    assert_int_equal(parse1(), 0);
    assert_true(info.truncated);
    check_boot_info(&info);
}

static void string_may_end_with_memory(void **state)
{
    put_multiboot1();
    memset(boot_memory + BOOT_MEMORY_BYTES - 4, 'x', 4);
    put32(MBI + 16, BOOT_MEMORY_BYTES - 4);
    put_string(STRINGS + 0x300, "GRUB 2");
    assert_int_equal(parse1(), 0);
    assert_string_equal(info.cmdline, "xxxx");
}

static void structure_out_of_reach(void **state)
{
    assert_int_equal(boot_parse(&info, &boot_memory_reader, BOOT_MAGIC_MULTIBOOT1, UINT32_MAX),
                     -EINVAL);
    assert_int_equal(
        boot_parse(&info, &boot_memory_reader, BOOT_MAGIC_MULTIBOOT1, BOOT_MEMORY_BYTES - 115),
        -EINVAL);
    assert_int_equal(
        boot_parse(&info, &boot_memory_reader, BOOT_MAGIC_MULTIBOOT2, BOOT_MEMORY_BYTES - 4),
        -EINVAL);
}

static void unknown_magic(void **state)
{
    assert_int_equal(boot_parse(&info, &boot_memory_reader, 0x1234, MBI), -ENOENT);
}

static void text_screen(void **state)
{
    put_multiboot1();
    put32(MBI, 1 << 6 | 1 << 12);
    put64(MBI + 88, 0xb8000);
    put32(MBI + 96, 160);
    put32(MBI + 100, 80);
    put32(MBI + 104, 25);
    put8(MBI + 108, 16);
    put8(MBI + 109, 2);
    assert_int_equal(parse1(), 0);
    assert_int_equal(info.framebuffer.type, FRAMEBUFFER_TEXT);
    assert_int_equal(info.framebuffer.base, 0xb8000);
    assert_int_equal(info.framebuffer.width, 80);
}

static void damaged_multiboot1(void **state)
{
    put_multiboot1();
    parse_damaged(BOOT_MAGIC_MULTIBOOT1, MBI, REGIONS + 0x100, 30000);
    parse_damaged(BOOT_MAGIC_MULTIBOOT1, MBI, MBI + 120, 30000);
}

/* ---- Multiboot 2 -------------------------------------------------------------------------------
 */

static uint64_t tag_at;

static uint64_t add_tag(uint32_t type, uint32_t payload_bytes)
{
    uint64_t payload = tag_at + 8;

    put32(tag_at, type);
    put32(tag_at + 4, 8 + payload_bytes);
    tag_at = ROUND_UP(payload + payload_bytes, 8UL);
    return payload;
}

static void end_tags(void)
{
    add_tag(0, 0);
    put32(MBI, (uint32_t)(tag_at - MBI));
}

static void add_string_tag(uint32_t type, const char *text)
{
    uint64_t at = add_tag(type, (uint32_t)strlen(text) + 1);
    put_string(at, text);
}

static void add_memory_tag(uint32_t entry_bytes)
{
    uint64_t at = add_tag(6, 8 + 2 * entry_bytes);

    put32(at, entry_bytes);
    put64(at + 8, 0);
    put64(at + 16, 0x9f000);
    put32(at + 24, 1);
    at += 8 + entry_bytes;
    put64(at, MIB);
    put64(at + 8, 255 * MIB);
    put32(at + 16, 1);
}

static void add_rsdp_tag(uint32_t type, uint32_t bytes)
{
    uint64_t at = add_tag(type, bytes);
    memset(boot_memory + at, (int)type, bytes);
}

static void put_multiboot2(void)
{
    tag_at = MBI + 8;
    add_string_tag(1, "loglvl=all");
    add_string_tag(2, "GRUB 2.06");
    uint64_t at = add_tag(3, 8 + sizeof("placeholder root=/dev/vda"));
    put32(at, 0x1000000);
    put32(at + 4, 0x1800000);
    put_string(at + 8, "placeholder root=/dev/vda");
    add_memory_tag(24);
    at = add_tag(8, 30);
    put64(at, 0x80000000);
    put32(at + 8, 4096);
    put32(at + 12, 1024);
    put32(at + 16, 768);
    put8(at + 20, 32);
    put8(at + 21, 1);
    put8(at + 24, 16);
    put8(at + 25, 8);
    put8(at + 26, 8);
    put8(at + 27, 8);
    put8(at + 29, 8);
    at = add_tag(12, 8);
    put64(at, 0x7f000018);
    add_rsdp_tag(15, 36);
    add_rsdp_tag(14, 20);
    at = add_tag(17, 8 + 2 * 48);
    put32(at, 48);
    put32(at + 4, 1);
    put32(at + 8, 7);
    put64(at + 8 + 8, MIB);
    put64(at + 8 + 24, 256);
    put32(at + 56, 9);
    put64(at + 56 + 8, 4 * MIB);
    put64(at + 56 + 24, 16);
    end_tags();
}

static int parse2(void)
{
    return boot_parse(&info, &boot_memory_reader, BOOT_MAGIC_MULTIBOOT2, MBI);
}

static void multiboot2_as_grub_gives_it(void **state)
{
    put_multiboot2();
    assert_int_equal(parse2(), 0);
    check_boot_info(&info);
    assert_false(info.truncated);
    assert_string_equal(info.cmdline, "loglvl=all");
    assert_string_equal(info.loader, "GRUB 2.06");
    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.modules[0].bytes, 0x800000);
    assert_string_equal(info.modules[0].cmdline, "root=/dev/vda");
    assert_int_equal(info.memory.count, 2);
    assert_int_equal(info.framebuffer.type, FRAMEBUFFER_RGB);
    assert_int_equal(info.framebuffer.base, 0x80000000);
    assert_int_equal(info.framebuffer.pitch_bytes, 4096);
    assert_int_equal(info.framebuffer.red.position, 16);
    assert_int_equal(info.framebuffer.green.position, 8);
    assert_int_equal(info.framebuffer.blue.bits, 8);
    assert_int_equal(info.efi.system_table, 0x7f000018);
    assert_int_equal(info.efi.map_bytes, 96);
    assert_int_equal(info.efi.descriptor_bytes, 48);
}

static void newer_root_pointer_wins_in_either_order(void **state)
{
    put_multiboot2();
    assert_int_equal(parse2(), 0);
    assert_int_equal(info.rsdp_copy_bytes, 36);
    assert_int_equal(info.rsdp_copy[0], 15);
    start(NULL);
    tag_at = MBI + 8;
    add_rsdp_tag(14, 20);
    add_rsdp_tag(15, 36);
    add_memory_tag(24);
    end_tags();
    assert_int_equal(parse2(), 0);
    assert_int_equal(info.rsdp_copy_bytes, 36);
    assert_int_equal(info.rsdp_copy[35], 15);
}

static void larger_map_entries_are_stepped_over(void **state)
{
    tag_at = MBI + 8;
    add_memory_tag(40);
    end_tags();
    assert_int_equal(parse2(), 0);
    assert_int_equal(info.memory.count, 2);
    assert_int_equal(info.memory.regions[1].bytes, 255 * MIB);
}

static void uefi_map_stands_in_for_the_other(void **state)
{
    tag_at = MBI + 8;
    uint64_t at = add_tag(17, 8 + 3 * 48);
    put32(at, 48);
    const struct {
        uint32_t type;
        uint64_t base, pages;
    } descriptors[] = {{4, MIB, 256}, {7, 2 * MIB, 256}, {10, 3 * MIB, UINT64_MAX}};
    for (size_t i = 0; i < ARRAY_SIZE(descriptors); i++) {
        put32(at + 8 + 48 * i, descriptors[i].type);
        put64(at + 16 + 48 * i, descriptors[i].base);
        put64(at + 32 + 48 * i, descriptors[i].pages);
    }
    end_tags();
    assert_int_equal(parse2(), 0);
    assert_int_equal(info.memory.count, 2);
    assert_int_equal(info.memory.regions[0].type, MEMORY_USABLE);
    assert_int_equal(info.memory.regions[0].bytes, 2 * MIB);
    assert_int_equal(info.memory.regions[1].type, MEMORY_NVS);
    check_boot_info(&info);
}

static void wrong_tags_are_skipped_and_told(void **state)
{
    tag_at = MBI + 8;
    add_tag(3, 4);  /* a module without an end */
    add_tag(8, 10); /* half a screen */
    uint64_t at = add_tag(6, 40);
    put32(at, 8); /* entries too small */
    add_memory_tag(24);
    end_tags();
    assert_int_equal(parse2(), 0);
    assert_true(info.truncated);
    assert_int_equal(info.module_count, 0);
    assert_int_equal(info.memory.count, 2);
}

static void tags_that_do_not_advance_end_the_list(void **state)
{
    tag_at = MBI + 8;
    add_memory_tag(24);
    put32(tag_at, 99);
    put32(tag_at + 4, 0);
    put32(MBI, 0x1000);
    assert_int_equal(parse2(), 0);
    assert_true(info.truncated);
}

static void total_size_beyond_memory(void **state)
{
    tag_at = MBI + 8;
    add_memory_tag(24);
    put32(tag_at, 1);
    put32(tag_at + 4, 0x7fffffff);
    put32(MBI, UINT32_MAX);
    assert_int_equal(parse2(), 0);
    check_boot_info(&info);
}

static void damaged_multiboot2(void **state)
{
    put_multiboot2();
    parse_damaged(BOOT_MAGIC_MULTIBOOT2, MBI, tag_at + 16, 60000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(multiboot1_as_qemu_gives_it),
        TEST(grub_leaves_the_file_name_out),
        TEST(memory_sizes_stand_in_for_a_map),
        TEST(no_memory_is_an_error),
        TEST(map_entries_may_be_longer),
        TEST(map_entries_may_not_be_shorter),
        TEST(modules_beyond_the_table_are_told),
        TEST(module_that_ends_before_it_starts_is_left_out),
        TEST(long_strings_are_cut),
        TEST(string_may_end_with_memory),
        TEST(structure_out_of_reach),
        TEST(unknown_magic),
        TEST(text_screen),
        TEST(damaged_multiboot1),
        TEST(multiboot2_as_grub_gives_it),
        TEST(newer_root_pointer_wins_in_either_order),
        TEST(larger_map_entries_are_stepped_over),
        TEST(uefi_map_stands_in_for_the_other),
        TEST(wrong_tags_are_skipped_and_told),
        TEST(tags_that_do_not_advance_end_the_list),
        TEST(total_size_beyond_memory),
        TEST(damaged_multiboot2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
