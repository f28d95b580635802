// SPDX-License-Identifier: Apache-2.0
// Descriptor tables: which pages may be one, which descriptors may be in them, the GDT and the LDT.
#include "mmu/validate.h"
#include "mmu_fixture.h"

#define PRESENT   (1ULL << 47)
#define DPL(n)    ((uint64_t)(n) << 45)
#define CODE_DATA (1ULL << 44)
#define TYPE(n)   ((uint64_t)(n) << 40)

#define CODE64       (PRESENT | DPL(3) | CODE_DATA | TYPE(0xb) | 1ULL << 53)
#define LDT_VA       (3 * PAGE_SIZE) /* where the guest maps its LDT: data page 3 */
#define DATA_SEGMENT (PRESENT | DPL(3) | CODE_DATA | TYPE(3))

/* ---- descriptors --------------------------------------------------------------------------------
 */

static bool fixed(uint64_t value, uint64_t *becomes)
{
    *becomes = value;
    return descriptor_fix(becomes);
}

static void test_segments_of_ring_3_are_taken_as_they_are(void **state)
{
    uint64_t value;

    for (unsigned int type = 0; type < 16; type++) {
        uint64_t segment = PRESENT | DPL(3) | CODE_DATA | TYPE(type) | 0xffff;
        assert_true(fixed(segment, &value));
        assert_int_equal(value, segment);
    }
}

static void test_segments_of_lower_rings_become_ring_3(void **state)
{
    uint64_t value;

    for (unsigned int ring = 0; ring < 3; ring++) {
        for (unsigned int type = 0; type < 16; type++) {
            bool conforming = (type & 0xc) == 0xc;
            uint64_t segment = PRESENT | DPL(ring) | CODE_DATA | TYPE(type);
            assert_int_equal(fixed(segment, &value), !conforming);
            if (!conforming) {
                assert_int_equal(value, segment | DPL(3));
            }
        }
    }
}

static void test_what_is_not_present_may_be_anything(void **state)
{
    uint64_t value;

    for (unsigned int type = 0; type < 32; type++) {
        assert_true(fixed((uint64_t)type << 40 | 0x1234, &value));
        assert_int_equal(value, (uint64_t)type << 40 | 0x1234);
    }
}

static void test_gates_and_system_segments_are_refused(void **state)
{
    uint64_t value;

    for (unsigned int type = 0; type < 16; type++) {
        for (unsigned int ring = 0; ring < 4; ring++) {
            assert_false(fixed(PRESENT | DPL(ring) | TYPE(type), &value));
        }
    }
}

/* ---- pages and the GDT
 * --------------------------------------------------------------------------- */

static mfn_t page_of(uint64_t descriptor)
{
    mfn_t m = new_frame(guest);

    table_at(m)[511] = descriptor;
    return m;
}

static long set_gdt(const mfn_t *pages, unsigned int count)
{
    uint64_t list[GDT_GUEST_PAGES];
    long result;

    for (unsigned int i = 0; i < count; i++) {
        list[i] = pages[i].n;
    }
    result = gdt_set(vcpu, list, count * 512);
    audit();
    return result;
}

static void test_a_gdt_of_harmless_pages(void **state)
{
    mfn_t pages[GDT_GUEST_PAGES];

    for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++) {
        pages[i] = page_of(CODE64 & ~DPL(3));
    }
    assert_int_equal(set_gdt(pages, GDT_GUEST_PAGES), 0);
    assert_int_equal(vcpu->gdt_entries, GDT_GUEST_ENTRIES);
    assert_int_equal(type_of(pages[0]), FRAME_DESCRIPTORS);
    assert_int_equal(table_at(pages[0])[511], CODE64);
    /* Nobody writes them now, and none becomes a table. */
    assert_int_equal(set_entry(space.table[1], 20, entry_for(pages[0], KERNEL_RW)), -EINVAL);
    assert_int_equal(pin(pages[0], 1), -EINVAL);
    assert_int_equal(set_entry(space.table[1], 20, entry_for(pages[0], KERNEL_RO)), 0);
    assert_int_equal(set_gdt(pages, 0), 0);
    assert_int_equal(types_of(pages[0]), 0);
}

static void test_a_gdt_with_one_bad_page_is_refused_and_the_old_one_stays(void **state)
{
    mfn_t pages[3] = {page_of(CODE64), page_of(DATA_SEGMENT), page_of(PRESENT | TYPE(9))};
    mfn_t old = page_of(0);

    assert_int_equal(set_gdt(&old, 1), 0);
    assert_int_equal(set_gdt(pages, 3), -EINVAL);
    pages[2] = space.data[0]; /* mapped writable */
    assert_int_equal(set_gdt(pages, 3), -EINVAL);
    pages[2] = space.table[1];
    assert_int_equal(set_gdt(pages, 3), -EINVAL);
    pages[2] = mfn(MACHINE_FRAMES);
    assert_int_equal(set_gdt(pages, 3), -EINVAL);
    pages[2] = mfn(guest->shared_mfn);
    assert_int_equal(set_gdt(pages, 3), -EINVAL);
    assert_int_equal(vcpu->gdt_frames[0].n, old.n);
    assert_int_equal(types_of(pages[0]), 0);
    assert_int_equal(gdt_set(vcpu, NULL, GDT_GUEST_ENTRIES + 1), -EINVAL);
}

static void test_a_page_may_be_in_a_gdt_twice(void **state)
{
    mfn_t page = page_of(CODE64), pages[2] = {page, page};

    assert_int_equal(set_gdt(pages, 2), 0);
    assert_int_equal(types_of(page), 2);
    assert_int_equal(set_gdt(pages, 1), 0);
    assert_int_equal(types_of(page), 1);
}

static void test_a_heap_page_is_no_descriptor_page(void **state)
{
    unsigned char *object = heap_alloc(64);
    struct frame before = *frame_of(virt_to_frame(object));
    mfn_t page = virt_to_frame(object);

    assert_int_equal(set_gdt(&page, 1), -EINVAL);
    assert_memory_equal(frame_of(page), &before, sizeof(before));
    heap_free(object);
}

/* ---- the LDT
 * -------------------------------------------------------------------------------------- */

static long set_ldt(uint64_t base, uint32_t entries)
{
    struct mmuext_op op = {
        .cmd = MMUEXT_SET_LDT, .arg1.linear_addr = base, .arg2.nr_ents = entries};
    return mmuext_for(&op, 1, DOMID_SELF);
}

static void make_ldt(void)
{
    table_at(space.data[3])[0] = CODE64;
    assert_int_equal(set_entry(space.table[1], 3, entry_for(space.data[3], KERNEL_RO)), 0);
}

static void test_an_ldt_is_shown_to_the_processor_when_it_is_used(void **state)
{
    unsigned long loads = host_processor.ldt_loads;

    make_ldt();
    assert_int_equal(set_ldt(LDT_VA, 16), 0);
    assert_int_equal(host_processor.ldt_loads, loads + 1);
    assert_int_equal(vcpu->ldt_mapped, 0);
    assert_true(ldt_show_page(vcpu, 8));
    assert_int_equal(host_processor.ldt_loads, loads + 2);
    assert_int_equal(vcpu->ldt_mapped, 1);
    assert_int_equal(type_of(space.data[3]), FRAME_DESCRIPTORS);
    assert_int_equal(set_ldt(0, 0), 0);
    assert_int_equal(types_of(space.data[3]), 0);
    assert_int_equal(vcpu->ldt_mapped, 0);
}

/* Behind its last entry there is no LDT, even where a page of descriptors comes next. */
static void test_an_ldt_ends_with_its_last_entry(void **state)
{
    for (unsigned int page = 3; page <= 4; page++) {
        assert_int_equal(set_entry(space.table[1], page, entry_for(space.data[page], KERNEL_RO)),
                         0);
    }
    assert_int_equal(set_ldt(LDT_VA, 512), 0);
    assert_false(ldt_show_page(vcpu, PAGE_SIZE));
    assert_int_equal(types_of(space.data[4]), 0);
    assert_true(ldt_show_page(vcpu, PAGE_SIZE - 8));
    assert_int_equal(vcpu->ldt_mapped, 1);
}

static void test_a_device_is_no_ldt(void **state)
{
    assert_int_equal(ranges_add(guest->io_memory, 0xfe000, 0xfe000), 0);
    assert_int_equal(set_entry(space.table[1], 3, entry_for(mfn(0xfe000), KERNEL_RO)), 0);
    assert_int_equal(set_ldt(LDT_VA, 16), 0);
    assert_false(ldt_show_page(vcpu, 8));
    assert_int_equal(vcpu->ldt_mapped, 0);
}

static void test_pages_that_are_not_there_yet_are_shown_when_used(void **state)
{
    assert_int_equal(set_ldt(LDT_VA, 512 + 1), 0); /* page 3 is writable, page 4 too */
    assert_int_equal(vcpu->ldt_mapped, 0);
    assert_false(ldt_show_page(vcpu, 0));
    make_ldt();
    assert_true(ldt_show_page(vcpu, 8));
    audit();
    assert_false(ldt_show_page(vcpu, 8)); /* it is there: the fault has another cause */
    assert_false(ldt_show_page(vcpu, PAGE_SIZE));
    assert_false(ldt_show_page(vcpu, 513 * 8));
}

static void test_an_ldt_where_none_can_be(void **state)
{
    assert_int_equal(set_ldt(LDT_VA + 8, 1), -EINVAL);
    assert_int_equal(set_ldt(LDT_VA, 8193), -EINVAL);
    assert_int_equal(set_ldt(0xffff830000000000, 8192), 0); /* there, and never anything in it */
    assert_false(ldt_show_page(vcpu, 0));
    assert_int_equal(set_ldt(1ULL << 47, 1), 0);
    assert_false(ldt_show_page(vcpu, 0));
    assert_int_equal(vcpu->ldt_mapped, 0);
}

static void test_a_bad_descriptor_keeps_its_page_from_being_shown(void **state)
{
    make_ldt();
    table_at(space.data[3])[511] = PRESENT | DPL(3) | TYPE(12); /* a call gate */
    assert_int_equal(set_ldt(LDT_VA, 512), 0);
    assert_false(ldt_show_page(vcpu, 0));
    assert_int_equal(types_of(space.data[3]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_segments_of_ring_3_are_taken_as_they_are),
        guest_test(test_segments_of_lower_rings_become_ring_3),
        guest_test(test_what_is_not_present_may_be_anything),
        guest_test(test_gates_and_system_segments_are_refused),
        guest_test(test_a_gdt_of_harmless_pages),
        guest_test(test_a_gdt_with_one_bad_page_is_refused_and_the_old_one_stays),
        guest_test(test_a_page_may_be_in_a_gdt_twice),
        guest_test(test_a_heap_page_is_no_descriptor_page),
        guest_test(test_an_ldt_ends_with_its_last_entry),
        guest_test(test_a_device_is_no_ldt),
        guest_test(test_an_ldt_is_shown_to_the_processor_when_it_is_used),
        guest_test(test_pages_that_are_not_there_yet_are_shown_when_used),
        guest_test(test_an_ldt_where_none_can_be),
        guest_test(test_a_bad_descriptor_keeps_its_page_from_being_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
