// SPDX-License-Identifier: Apache-2.0
// A built domain, checked by walking its page tables as the processor would: every element is where
// start_info and the layout say, with the right content and the right permissions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <glob.h>

#include "abi/errno.h"
#include "abi/start_info_32.h"
#include "build/construct.h"
#include "pv/hypercall_page.h"
#include "build/kernel_file.h"
#include "kernel_maker.h"

#define MIB (1UL << 20)

enum { PRESENT = 1, WRITE = 2, USER = 4 };

static struct kernel_maker maker;
static struct kernel_image kernel;
static struct layout layout;
static struct reason reason;
static struct construction construction;
static struct start_of_day start;
static uint8_t ramdisk[10000];
static uint8_t *ram;
static uint64_t ram_frames;

// Pseudo-physical and machine frames run against each other, so that mixing them up shows.
static mfn_t reversed(void *context, pfn_t frame)
{
    assert_true(frame.n < ram_frames);
    return mfn(ram_frames - 1 - frame.n);
}

static void *page_of(uint64_t frame)
{
    return guest_page(&construction.memory, pfn(frame));
}

static void make_ram(uint64_t frames)
{
    ram_frames = frames;
    ram = aligned_alloc(PAGE_SIZE, frames * PAGE_SIZE);
    memset(ram, 0xee, frames * PAGE_SIZE); // the builder has to clear what it uses
    host_ram = ram;
}

static void build(const void *image, size_t image_bytes, uint64_t ramdisk_bytes, uint64_t nr_pages,
                  bool is_domain0)
{
    assert_int_equal(
        kernel_image_open(&kernel, image, image_bytes, PV_FEATURES_OFFERED, is_domain0, &reason),
        0);
    struct layout_request request = {
        .notes = &kernel.notes,
        .is_32bit = kernel.is_32bit,
        .is_domain0 = is_domain0,
        .kernel_start = kernel.virt_start,
        .kernel_end = kernel.virt_end,
        .ramdisk_bytes = ramdisk_bytes,
        .nr_pages = nr_pages,
    };
    assert_int_equal(layout_compute(&request, &layout, &reason), 0);
    make_ram(nr_pages);
    construction.kernel = &kernel;
    construction.layout = &layout;
    construction.ramdisk = ramdisk;
    construction.values.ramdisk_bytes = ramdisk_bytes;
    construction.memory = (struct guest_memory){.machine_frame = reversed};
    start = construct_domain(&construction);
}

static int tear_down(void **state)
{
    free(ram);
    ram = host_ram = NULL;
    memset(&construction, 0, sizeof(construction));
    return 0;
}

// As the processor does it. Returns the pseudo-physical frame, its permissions in `*flags`.
static uint64_t walk(uint64_t address, uint64_t *flags)
{
    uint64_t table = start.top_table.n;
    *flags = PRESENT | WRITE | USER;

    for (int level = layout.is_32bit ? 3 : 4; level >= 1; level--) {
        uint64_t entry =
            ((uint64_t *)(ram + table * PAGE_SIZE))[(address >> (12 + 9 * (level - 1))) % 512];
        *flags &= entry;
        if ((entry & PRESENT) == 0) {
            return UINT64_MAX;
        }
        table = (entry & 0xffffffffff000) >> 12;
    }
    return ram_frames - 1 - table;
}

static void check_region_maps(void)
{
    uint64_t flags;

    for (uint64_t at = layout.region.start; at < layout.region.end; at += PAGE_SIZE) {
        bool is_table = at >= layout.page_tables.start && at < layout.page_tables.end;
        assert_int_equal(walk(at, &flags), (at - layout.region.start) / PAGE_SIZE);
        assert_int_equal(flags, is_table ? PRESENT | USER : PRESENT | USER | WRITE);
    }
    walk(layout.region.end, &flags);
    assert_false(flags & PRESENT);
}

// The frame list through the guest's own mapping of it.
static void check_p2m(void)
{
    uint64_t flags, entry_bytes = layout.is_32bit ? 4 : 8;

    for (uint64_t frame = 0; frame < layout.nr_pages; frame++) {
        uint64_t at = layout.p2m.start + frame * entry_bytes, value = 0;
        uint64_t list_frame = walk(at, &flags);
        assert_int_equal(flags, PRESENT | USER | WRITE);
        memcpy(&value, (uint8_t *)page_of(list_frame) + at % PAGE_SIZE, entry_bytes);
        assert_int_equal(value, ram_frames - 1 - frame);
    }
}

static void check_kernel_is_loaded(uint64_t frame)
{
    static const uint8_t zeros[0x800];

    assert_memory_equal(page_of(frame), maker.image + MAKER_CODE_AT, PAGE_SIZE);
    assert_memory_equal(page_of(frame + 1), maker.image + MAKER_CODE_AT + PAGE_SIZE, 0x800);
    assert_memory_equal((uint8_t *)page_of(frame + 1) + 0x800, zeros, sizeof(zeros));
}

static void check_ramdisk(uint64_t frame, uint64_t bytes)
{
    for (uint64_t i = 0; i < ROUND_UP(bytes, PAGE_SIZE); i++) {
        uint8_t *page = page_of(frame + i / PAGE_SIZE);
        assert_int_equal(page[i % PAGE_SIZE], i < bytes ? ramdisk[i] : 0);
    }
}

static int fill_ramdisk(void **state)
{
    for (size_t i = 0; i < sizeof(ramdisk); i++) {
        ramdisk[i] = (uint8_t)(i * 13 + i / 256);
    }
    return 0;
}

static void make_linux_like(void)
{
    maker_start(&maker, 0x100000, 0);
    maker_number(&maker, XEN_ELFNOTE_VIRT_BASE, 0xffffffff80000000);
    maker_number(&maker, XEN_ELFNOTE_ENTRY, 0xffffffff80100010);
    maker_number(&maker, XEN_ELFNOTE_INIT_P2M, 0x8000000000);
    maker_number(&maker, XEN_ELFNOTE_MOD_START_PFN, 1);
}

static void a_kernel_with_all_notes_is_built(void **state)
{
    struct dom0_vga_console_info vga = {.video_type = XEN_VGATYPE_TEXT_MODE_3,
                                        .u.text_mode_3 = {.rows = 25}};
    uint64_t flags;

    make_linux_like();
    construction.values = (struct start_info_values){
        .shared_info = maddr(0x123000),
        .flags = SIF_PRIVILEGED | SIF_INITDOMAIN,
        .command_line = "console=hvc0 quiet",
        .vga = &vga,
    };
    build(maker.image, sizeof(maker.image), sizeof(ramdisk), 16 * MIB >> PAGE_SHIFT, true);
    check_region_maps();
    check_p2m();
    check_kernel_is_loaded(0x100);
    check_ramdisk(layout.ramdisk_pfn.n, sizeof(ramdisk));

    const struct start_info *info = page_of(walk(start.start_info, &flags));
    assert_string_equal(info->magic, "xen-3.0-x86_64");
    assert_int_equal(info->nr_pages, 4096);
    assert_int_equal(info->shared_info, 0x123000);
    assert_int_equal(info->flags, SIF_PRIVILEGED | SIF_INITDOMAIN | SIF_MOD_START_PFN);
    assert_int_equal(info->mod_start, layout.ramdisk_pfn.n);
    assert_int_equal(info->mod_len, sizeof(ramdisk));
    assert_int_equal(info->pt_base, layout.page_tables.start);
    assert_int_equal(info->nr_pt_frames, span_frames(layout.page_tables));
    assert_int_equal(info->mfn_list, 0x8000000000);
    assert_int_equal(info->first_p2m_pfn, layout.p2m_tables_pfn.n);
    assert_int_equal(info->nr_p2m_frames, 3 + 8);
    assert_string_equal((const char *)info->cmd_line, "console=hvc0 quiet");
    assert_int_equal(info->console.dom0.info_size, sizeof(vga));
    assert_memory_equal((const uint8_t *)info + info->console.dom0.info_off, &vga, sizeof(vga));

    assert_int_equal(start.instruction_pointer, 0xffffffff80100010);
    assert_int_equal(start.stack_pointer, layout.stack.end);
    assert_int_equal(walk(info->pt_base, &flags), ram_frames - 1 - start.top_table.n);
}

static void a_low_kernel_without_notes_is_built(void **state)
{
    uint64_t flags;

    maker_start(&maker, 0x100000, 0x100020);
    maker_string(&maker, XEN_ELFNOTE_GUEST_OS, "tiny");
    construction.values = (struct start_info_values){.flags = SIF_INITDOMAIN, .command_line = ""};
    build(maker.image, sizeof(maker.image), 5000, 8 * MIB >> PAGE_SHIFT, true);
    check_region_maps();
    check_p2m();
    check_kernel_is_loaded(0x100);
    check_ramdisk(layout.ramdisk_pfn.n, 5000);

    const struct start_info *info = page_of(walk(start.start_info, &flags));
    assert_int_equal(info->flags, SIF_INITDOMAIN);
    assert_int_equal(info->mod_start, 0x102000);
    assert_int_equal(info->mfn_list, 0x104000);
    assert_int_equal(info->first_p2m_pfn, 0);
    assert_int_equal(info->console.dom0.info_size, 0);
    assert_int_equal(start.instruction_pointer, 0x100020);
}

static void another_domain_gets_its_ring_pages(void **state)
{
    uint64_t flags;

    make_linux_like();
    construction.values = (struct start_info_values){
        .command_line = "", .store_event_port = 1, .console_event_port = 2};
    build(maker.image, sizeof(maker.image), 0, 8 * MIB >> PAGE_SHIFT, false);
    check_region_maps();
    const struct start_info *info = page_of(walk(start.start_info, &flags));
    assert_int_equal(info->store_mfn, ram_frames - 1 - walk(layout.xenstore.start, &flags));
    assert_int_equal(info->console.domU.mfn, ram_frames - 1 - walk(layout.console.start, &flags));
    assert_int_equal(info->store_evtchn, 1);
    assert_int_equal(info->console.domU.evtchn, 2);
    assert_int_equal(info->mod_start, 0);
}

static void a_narrow_kernel_is_built(void **state)
{
    uint64_t flags;

    maker_start_32bit(&maker, 0x100000, 0);
    maker_number(&maker, XEN_ELFNOTE_VIRT_BASE, 0x40000000);
    maker_number(&maker, XEN_ELFNOTE_ENTRY, 0x40100000);
    maker_string(&maker, XEN_ELFNOTE_PAE_MODE, "yes");
    construction.values =
        (struct start_info_values){.shared_info = maddr(0x5000), .command_line = "a"};
    build(maker.image, sizeof(maker.image), 300, 8 * MIB >> PAGE_SHIFT, true);
    check_region_maps();
    check_p2m();
    check_kernel_is_loaded(0x100);
    const struct start_info_x86_32 *info = page_of(walk(start.start_info, &flags));
    assert_string_equal(info->magic, "xen-3.0-x86_32p");
    assert_int_equal(info->nr_pages, 2048);
    assert_int_equal(info->shared_info, 0x5000);
    assert_int_equal(info->pt_base, layout.page_tables.start);
    assert_int_equal(info->mod_len, 300);
    assert_string_equal((const char *)info->cmd_line, "a");
    // The hypervisor's L2 is there.
    const uint64_t *l3 = (const uint64_t *)(ram + start.top_table.n * PAGE_SIZE);
    assert_true(l3[3] & PRESENT);
}

static void a_long_command_line_is_cut(void **state)
{
    char line[2000];
    uint64_t flags;

    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\0';
    make_linux_like();
    construction.values = (struct start_info_values){.command_line = line};
    build(maker.image, sizeof(maker.image), 0, 8 * MIB >> PAGE_SHIFT, true);
    const struct start_info *info = page_of(walk(start.start_info, &flags));
    assert_int_equal(strlen((const char *)info->cmd_line), COMMAND_LINE_MAX);
    assert_int_equal(info->first_p2m_pfn, layout.p2m_tables_pfn.n);
}

static void the_hypercall_page_is_written(void **state)
{
    static const uint8_t call[] = {0x51, 0x41, 0x53, 0xb8, 29,   0,    0,   0,
                                   0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3, 0xcc};
    static const uint8_t iret[] = {0x51, 0x41, 0x53, 0x50, 0xb8, 23, 0, 0, 0, 0x0f, 0x05, 0xcc};
    static const uint8_t call_32bit[] = {0xb8, 1, 0, 0, 0, 0xcd, 0x82, 0xc3, 0xcc};
    static const uint8_t iret_32bit[] = {0x50, 0xb8, 23, 0, 0, 0, 0xcd, 0x82, 0xcc};
    uint8_t page[PAGE_SIZE];

    make_linux_like();
    maker_number(&maker, XEN_ELFNOTE_HYPERCALL_PAGE, 0xffffffff80100000);
    construction.values = (struct start_info_values){.command_line = ""};
    build(maker.image, sizeof(maker.image), 0, 8 * MIB >> PAGE_SHIFT, true);
    const uint8_t *written = page_of(0x100);
    assert_memory_equal(written + 29 * 32, call, sizeof(call));
    assert_memory_equal(written + 23 * 32, iret, sizeof(iret));
    assert_int_equal(written[PAGE_SIZE - 1], 0xcc);
    assert_int_equal(written[127 * 32 + 4], 127);

    hypercall_page_write(page, true);
    assert_memory_equal(page + 32, call_32bit, sizeof(call_32bit));
    assert_memory_equal(page + 23 * 32, iret_32bit, sizeof(iret_32bit));
}

static void refused(const char *text)
{
    assert_int_equal(kernel_image_open(&kernel, maker.image, sizeof(maker.image),
                                       PV_FEATURES_OFFERED, true, &reason),
                     -ENOEXEC);
    assert_string_equal(reason.text, text);
}

static void kernels_that_contradict_themselves_are_refused(void **state)
{
    make_linux_like();
    maker_number(&maker, XEN_ELFNOTE_ENTRY, 0xffffffff80102000);
    refused("kernel is damaged: its entry lies outside of it");
    make_linux_like();
    maker_number(&maker, XEN_ELFNOTE_HYPERCALL_PAGE, 0xffffffff80101000 + PAGE_SIZE);
    refused("kernel is damaged: its hypercall page lies outside of it");
    make_linux_like();
    maker_number(&maker, XEN_ELFNOTE_HYPERCALL_PAGE, 0xffffffff80100010);
    refused("kernel is damaged: its hypercall page lies outside of it");
    make_linux_like();
    maker_number(&maker, XEN_ELFNOTE_PADDR_OFFSET, 0x100001);
    refused("kernel is damaged: a segment lies before the start of memory");
    make_linux_like();
    maker_segment(&maker, 0)->p_paddr = 0x80000000;
    refused("kernel is damaged: it goes beyond the end of the address space");
    make_linux_like();
    maker_segment(&maker, 0)->p_type = 0;
    refused("kernel is damaged: it has nothing to load");
    make_linux_like();
    maker_segment(&maker, 0)->p_offset = 1UL << 40;
    refused("kernel is damaged: a program header points outside the file");
    make_linux_like();
    ((struct elf64_header *)maker.image)->e_machine = 183;
    refused("kernel is for another processor (ELF machine 183)");
    make_linux_like();
    ((struct elf64_header *)maker.image)->e_type = 1;
    refused("not a kernel: an ELF file of type 1");
}

static void the_physical_address_offset_is_taken_off(void **state)
{
    make_linux_like();
    maker_segment(&maker, 0)->p_paddr = 0xffffffff80100000;
    maker_number(&maker, XEN_ELFNOTE_PADDR_OFFSET, 0xffffffff80000000);
    construction.values = (struct start_info_values){.command_line = ""};
    build(maker.image, sizeof(maker.image), 0, 8 * MIB >> PAGE_SHIFT, true);
    assert_int_equal(kernel.virt_start, 0xffffffff80100000);
    check_kernel_is_loaded(0x100);
}

// A distribution's kernel: the one that PAVISE_TEST_KERNEL names, or one that ./pavise has
// unpacked.
static FILE *real_kernel(void)
{
    const char *named = getenv("PAVISE_TEST_KERNEL");
    glob_t found;

    if (named != NULL) {
        return fopen(named, "rb");
    }
    FILE *stream = NULL;
    if (glob("build/packages/linux-*/boot/vmlinuz-*", 0, NULL, &found) == 0) {
        stream = fopen(found.gl_pathv[0], "rb");
    }
    globfree(&found);
    return stream;
}

static void a_real_kernel_is_built(void **state)
{
    FILE *stream = real_kernel();
    struct kernel_file file;
    uint64_t flags;

    if (stream == NULL) {
        skip();
    }
    fseek(stream, 0, SEEK_END);
    size_t bytes = (size_t)ftell(stream);
    void *image = malloc(bytes);
    rewind(stream);
    assert_int_equal(fread(image, 1, bytes, stream), bytes);
    fclose(stream);

    assert_int_equal(kernel_file_open(&file, image, bytes, &reason), 0);
    void *memory = malloc(file.memory_bytes);
    assert_int_equal(kernel_file_unpack(&file, memory, &reason), 0);
    free(image);
    construction.values = (struct start_info_values){.command_line = "console=hvc0"};
    build(file.elf, file.elf_bytes, sizeof(ramdisk), 256 * MIB >> PAGE_SHIFT, true);
    assert_string_equal(kernel.notes.guest_os, "linux");
    check_region_maps();
    check_p2m();
    assert_int_not_equal(walk(start.instruction_pointer, &flags), UINT64_MAX);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_kernel_with_all_notes_is_built, tear_down),
        cmocka_unit_test_teardown(a_low_kernel_without_notes_is_built, tear_down),
        cmocka_unit_test_teardown(another_domain_gets_its_ring_pages, tear_down),
        cmocka_unit_test_teardown(a_narrow_kernel_is_built, tear_down),
        cmocka_unit_test_teardown(a_long_command_line_is_cut, tear_down),
        cmocka_unit_test_teardown(the_hypercall_page_is_written, tear_down),
        cmocka_unit_test_teardown(kernels_that_contradict_themselves_are_refused, tear_down),
        cmocka_unit_test_teardown(the_physical_address_offset_is_taken_off, tear_down),
        cmocka_unit_test_teardown(a_real_kernel_is_built, tear_down),
    };
    return cmocka_run_group_tests(tests, fill_ramdisk, NULL);
}
