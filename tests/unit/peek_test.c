// SPDX-License-Identifier: Apache-2.0
// A debugger's look into a domain, through the tables of one of its vCPUs: its own memory and
// nothing else.
#include "mmu/peek.h"

#include "mmu_fixture.h"

#define VA(slot) ((uint64_t)(slot)*PAGE_SIZE)

static uint64_t word;

static void test_memory_is_read_and_written_where_it_is_mapped(void **state)
{
    unsigned char *page = frame_to_virt(space.data[3]);

    memcpy(page + 16, "0123456", 8);
    assert_int_equal(peek_read(vcpu, VA(3) + 16, &word, sizeof(word)), 0);
    assert_memory_equal(&word, "0123456", 8);
    assert_int_equal(peek_write(vcpu, VA(3) + 24, &word, sizeof(word)), 0);
    assert_memory_equal(page + 24, "0123456", 8);
    audit();
}

/* Breakpoints are set in a program's text. */
static void test_what_the_guest_may_only_read_is_written_too(void **state)
{
    mfn_t text = new_frame(guest);

    assert_int_equal(set_entry(space.table[1], 20, entry_for(text, KERNEL_RO)), 0);
    word = 0xcc;
    assert_int_equal(peek_write(vcpu, VA(20), &word, 1), 0);
    assert_int_equal(*(unsigned char *)frame_to_virt(text), 0xcc);
    audit();
}

static void test_tables_are_read_and_not_written(void **state)
{
    pte_t before = table_at(space.table[2])[0];

    assert_int_equal(set_entry(space.table[1], 20, entry_for(space.table[2], KERNEL_RO)), 0);
    assert_int_equal(peek_read(vcpu, VA(20), &word, sizeof(word)), 0);
    assert_int_equal(word, before);
    assert_int_equal(peek_write(vcpu, VA(20), &word, sizeof(word)), -EFAULT);
    audit();
}

static void refused(uint64_t va)
{
    assert_int_equal(peek_read(vcpu, va, &word, sizeof(word)), -EFAULT);
    assert_int_equal(peek_write(vcpu, va, &word, sizeof(word)), -EFAULT);
    audit();
}

static void test_where_nothing_is_mapped(void **state)
{
    refused(VA(200));
    refused(1ULL << 39);
    refused(0xffff800000000000);
    refused(1ULL << 60);
}

static void test_devices_are_not_memory(void **state)
{
    assert_int_equal(ranges_add(guest->io_memory, 0xfe000, 0xfe000), 0);
    assert_int_equal(set_entry(space.table[1], 20, entry_for(mfn(0xfe000), KERNEL_RW)), 0);
    refused(VA(20));
}

static void test_what_it_maps_of_others_is_not_its_own(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    struct mmu_update request = {maddr_of_entry(space.table[1], 20),
                                 entry_for(new_frame(other), KERNEL_RW)};

    guest->privileged = true;
    assert_int_equal(mmu_update_for(&request, 1, 2), 0);
    refused(VA(20));
    assert_int_equal(set_entry(space.table[1], 20, 0), 0);
    guest->privileged = false;
    end_domain(other);
}

/* Where the walk ends in a table that is not of the lowest level. */
static void test_by_way_of_a_linear_mapping(void **state)
{
    assert_int_equal(set_entry(space.table[2], 3, entry_for(space.table[2], LINEAR)), 0);
    refused(3ULL << 21);
    assert_int_equal(set_entry(space.table[2], 3, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_memory_is_read_and_written_where_it_is_mapped),
        guest_test(test_what_the_guest_may_only_read_is_written_too),
        guest_test(test_tables_are_read_and_not_written),
        guest_test(test_where_nothing_is_mapped),
        guest_test(test_devices_are_not_memory),
        guest_test(test_what_it_maps_of_others_is_not_its_own),
        guest_test(test_by_way_of_a_linear_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
