// SPDX-License-Identifier: Apache-2.0
// The rules of "Start-of-day memory layout", one by one, for kernels linked high and low, with and
// without the notes that take elements out of the region.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "build/layout.h"
#include "lib/string.h"

#define MIB (1UL << 20)
#define GIB (1UL << 30)

static struct kernel_notes notes;
static struct layout_request request;
static struct layout layout;
static struct reason reason;

// Linux: high, ramdisk and frame list apart.
static void linux_kernel(void)
{
    notes = (struct kernel_notes){.virt_base = 0xffffffff80000000,
                                  .init_p2m = 0x8000000000,
                                  .has_init_p2m = true,
                                  .mod_start_pfn = true};
    request = (struct layout_request){
        .notes = &notes,
        .is_domain0 = true,
        .kernel_start = 0xffffffff81000000,
        .kernel_end = 0xffffffff84a00000,
        .ramdisk_bytes = 5 * MIB + 1,
        .nr_pages = 512 * MIB >> PAGE_SHIFT,
    };
}

// A small one at 1 MiB that knows nothing of notes beyond the first.
static void low_kernel(void)
{
    notes = (struct kernel_notes){0};
    request = (struct layout_request){
        .notes = &notes,
        .is_domain0 = true,
        .kernel_start = 1 * MIB,
        .kernel_end = 1 * MIB + 12345,
        .ramdisk_bytes = 100,
        .nr_pages = 64 * MIB >> PAGE_SHIFT,
    };
}

static int compute(void)
{
    memset(&reason, 0, sizeof(reason));
    return layout_compute(&request, &layout, &reason);
}

// Whatever the kernel: packed in order, page-aligned, a region that starts at VIRT_BASE, ends on 4
// MiB and has 512 KiB to spare, mapped by exactly the tables that it has.
static void check_rules(void)
{
    const struct span elements[] = {layout.kernel,      layout.ramdisk,  layout.p2m,
                                    layout.start_info,  layout.xenstore, layout.console,
                                    layout.page_tables, layout.stack};
    uint64_t at = elements[0].end;

    assert_int_equal(layout.region.start, notes.virt_base);
    assert_int_equal(at, ROUND_UP(request.kernel_end, PAGE_SIZE));
    for (size_t i = 1; i < ARRAY_SIZE(elements); i++) {
        if (elements[i].start == layout.p2m.start && layout.p2m_is_apart) {
            continue;
        }
        assert_int_equal(elements[i].start, at);
        assert_int_equal(elements[i].end % PAGE_SIZE, 0);
        at = elements[i].end;
    }
    assert_int_equal(layout.region.end % (4 * MIB), 0);
    assert_true(layout.region.end - at >= 512 * 1024);
    assert_true(layout.region.end - at < 512 * 1024 + 4 * MIB);
    assert_int_equal(span_frames(layout.page_tables),
                     tables_for_region(layout.region, layout.is_32bit));
    assert_true(layout.used_pages <= request.nr_pages);
}

static void linux_is_laid_out(void **state)
{
    linux_kernel();
    assert_int_equal(compute(), 0);
    check_rules();
    assert_true(layout.ramdisk_is_unmapped && layout.p2m_is_apart);
    assert_int_equal(layout.p2m.start, 0x8000000000);
    assert_int_equal(layout.start_info.start, request.kernel_end);
    // 76 MiB: 38 L1, L2, L3, L4.
    assert_int_equal(layout.region.end, 0xffffffff84c00000);
    assert_int_equal(span_frames(layout.page_tables), 38 + 3);
    // Behind the region: ramdisk, tables of the list (L1, L2, L3), the list.
    assert_int_equal(layout.ramdisk_pfn.n, 0x4c00);
    assert_int_equal(layout.ramdisk_frames, 5 * 256 + 1);
    assert_int_equal(layout.p2m_tables_pfn.n, 0x4c00 + 5 * 256 + 1);
    assert_int_equal(layout.p2m_tables_frames, 3);
    assert_int_equal(layout.p2m_pfn.n, layout.p2m_tables_pfn.n + 3);
    assert_int_equal(layout.p2m_frames, 256);
    assert_int_equal(layout.used_pages, layout.p2m_pfn.n + 256);
}

static void a_low_kernel_is_laid_out(void **state)
{
    low_kernel();
    assert_int_equal(compute(), 0);
    check_rules();
    assert_int_equal(layout.kernel.start, 1 * MIB);
    assert_int_equal(layout.ramdisk.start, 1 * MIB + 4 * PAGE_SIZE);
    assert_int_equal(layout.ramdisk_pfn.n, 0x104);
    assert_int_equal(layout.p2m_pfn.n, 0x105);
    assert_int_equal(span_frames(layout.p2m), 32);
    assert_int_equal(layout.region.end, 4 * MIB);
    assert_int_equal(span_frames(layout.page_tables), 5);
    assert_int_equal(layout.used_pages, 1024);
}

static void the_ramdisk_may_be_omitted(void **state)
{
    linux_kernel();
    request.ramdisk_bytes = 0;
    assert_int_equal(compute(), 0);
    check_rules();
    assert_false(layout.ramdisk_is_unmapped);
    assert_int_equal(layout.ramdisk_frames, 0);
    low_kernel();
    request.ramdisk_bytes = 0;
    assert_int_equal(compute(), 0);
    check_rules();
}

static void other_domains_have_ring_pages(void **state)
{
    low_kernel();
    request.is_domain0 = false;
    assert_int_equal(compute(), 0);
    check_rules();
    assert_int_equal(span_frames(layout.xenstore), 1);
    assert_int_equal(span_frames(layout.console), 1);
}

// Every size near the boundaries where padding adds 4 MiB, or a table more moves the end.
static void the_rules_hold_at_every_size(void **state)
{
    for (uint64_t bytes = 1 * MIB; bytes < 14 * MIB; bytes += 3 * PAGE_SIZE) {
        low_kernel();
        request.kernel_end = 1 * MIB + bytes;
        assert_int_equal(compute(), 0);
        check_rules();
        linux_kernel();
        request.kernel_end = 0xffffffff81000000 + bytes;
        assert_int_equal(compute(), 0);
        check_rules();
    }
}

static void a_large_frame_list_takes_its_tables(void **state)
{
    linux_kernel();
    request.nr_pages = 1024 * GIB >> PAGE_SHIFT;
    assert_int_equal(compute(), 0);
    check_rules();
    // 2 GiB of list: 1024 L1, 2 L2, 1 L3.
    assert_int_equal(layout.p2m_tables_frames, 1027);

    // In the region: as many tables more there.
    notes.has_init_p2m = false;
    request.nr_pages = 64 * GIB >> PAGE_SHIFT;
    assert_int_equal(compute(), 0);
    check_rules();
}

static void tables_are_shared_where_the_list_is_near(void **state)
{
    low_kernel();
    notes.has_init_p2m = true;
    notes.init_p2m = 5 * MIB; // the L1 of 4 to 6 MiB is new, all others are there
    assert_int_equal(compute(), 0);
    assert_int_equal(layout.p2m_tables_frames, 1);
    notes.init_p2m = 1 * GIB; // L1 and L2
    assert_int_equal(compute(), 0);
    assert_int_equal(layout.p2m_tables_frames, 2);
}

static void too_little_memory_is_refused_with_numbers(void **state)
{
    linux_kernel();
    assert_int_equal(compute(), 0);
    request.nr_pages = 64 * MIB >> PAGE_SHIFT;
    assert_int_equal(compute(), -ENOMEM);
    assert_string_equal(reason.text,
                        "too little memory: kernel and ramdisk take 82 MiB, the domain has 64 MiB");
    // The frame list grows with the domain: so does what is needed.
    while (compute() != 0) {
        request.nr_pages = layout.used_pages;
    }
    assert_int_equal(layout.used_pages, request.nr_pages);
    request.nr_pages--;
    assert_int_equal(compute(), -ENOMEM);
}

static void addresses_that_are_not_the_guests_are_refused(void **state)
{
    linux_kernel();
    notes.init_p2m = 0xffff800000000000 - 256 * PAGE_SIZE; // not canonical
    assert_int_equal(compute(), -ENOEXEC);
    notes.init_p2m = 0xffff880000000000;
    assert_int_equal(compute(), 0);
    notes.init_p2m = 0xffff880000000000 - PAGE_SIZE; // the hypervisor's
    assert_int_equal(compute(), -ENOEXEC);
    notes.init_p2m = 0xffffffff84000000; // in the region
    assert_int_equal(compute(), -ENOEXEC);
    notes.init_p2m = 0x8000000008; // not a page's
    assert_int_equal(compute(), -ENOEXEC);
    notes.init_p2m = UINT64_MAX - PAGE_SIZE + 1; // around the end
    assert_int_equal(compute(), -ENOEXEC);

    linux_kernel();
    request.kernel_start = notes.virt_base = 0xffffffffff000000; // no room for the rest
    request.kernel_end = 0xffffffffffffe000;
    assert_int_equal(compute(), -ENOEXEC);
    assert_string_equal(reason.text,
                        "kernel, ramdisk and frame list do not fit the guest's address space");
    request.kernel_start = notes.virt_base = 0xffff800000000000;
    request.kernel_end = notes.virt_base + 1 * MIB;
    assert_int_equal(compute(), -ENOEXEC);
    request.kernel_end = UINT64_MAX;
    assert_int_equal(compute(), -ENOMEM);
}

static void absurd_sizes_are_refused(void **state)
{
    linux_kernel();
    request.ramdisk_bytes = UINT64_MAX;
    assert_int_equal(compute(), -ENOMEM);
    linux_kernel();
    request.nr_pages = UINT64_MAX;
    assert_int_equal(compute(), -ENOMEM);
    request.nr_pages = 0;
    assert_int_equal(compute(), -ENOMEM);
    linux_kernel();
    notes.has_init_p2m = false; // the list would have to lie between the kernel and the end
    request.nr_pages = (1UL << 46) >> PAGE_SHIFT;
    assert_int_equal(compute(), -ENOEXEC);
    low_kernel();
    request.kernel_start = notes.virt_base - 1;
    assert_int_equal(compute(), -ENOMEM);
}

static void narrow_guests_are_laid_out(void **state)
{
    low_kernel();
    request.is_32bit = true;
    notes.virt_base = 0xc0000000;
    request.kernel_start = 0xc0100000;
    request.kernel_end = 0xc0300000;
    assert_int_equal(compute(), 0);
    check_rules();
    // Four bytes an entry; L3, the fourth L2, and L1s.
    assert_int_equal(span_frames(layout.p2m), 16);
    assert_int_equal(span_frames(layout.page_tables), 2 + span_frames(layout.region) / 512);

    // In the first GiB the hypervisor's L2 comes on top.
    notes.virt_base = 0;
    request.kernel_start = 0x100000;
    request.kernel_end = 0x300000;
    assert_int_equal(compute(), 0);
    assert_int_equal(span_frames(layout.page_tables), 3 + span_frames(layout.region) / 512);

    notes.virt_base = 0xf5000000; // the hypervisor is at 0xf5800000
    request.kernel_start = 0xf5000000;
    request.kernel_end = 0xf5600000;
    assert_int_equal(compute(), 0);
    assert_int_equal(layout.region.end, 0xf5800000);
    request.kernel_end = 0xf5780000;
    assert_int_equal(compute(), -ENOEXEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linux_is_laid_out),
        cmocka_unit_test(a_low_kernel_is_laid_out),
        cmocka_unit_test(the_ramdisk_may_be_omitted),
        cmocka_unit_test(other_domains_have_ring_pages),
        cmocka_unit_test(the_rules_hold_at_every_size),
        cmocka_unit_test(a_large_frame_list_takes_its_tables),
        cmocka_unit_test(tables_are_shared_where_the_list_is_near),
        cmocka_unit_test(too_little_memory_is_refused_with_numbers),
        cmocka_unit_test(addresses_that_are_not_the_guests_are_refused),
        cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(narrow_guests_are_laid_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
