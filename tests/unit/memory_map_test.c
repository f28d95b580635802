// SPDX-License-Identifier: Apache-2.0
// memory_op: maps of memory, the machine's and a domain's, and where the machine-to-physical table
// is.
#include "memory_op_fixture.h"

#include "mmu/memory_map.h"

/* ---- maps
 * ---------------------------------------------------------------------------------------- */

static const struct e820entry machine_map[] = {
    {0, 0x9fc00, 1}, {0x100000, 0xff00000, 1}, {0xfec00000, 0x1000, 2}};

static struct xen_memory_map room_for(unsigned int entries)
{
    struct xen_memory_map map = {.nr_entries = entries};

    map.buffer.p = list();
    return map;
}

static void test_the_machines_map_is_for_the_privileged_and_whole(void **state)
{
    struct xen_memory_map map = room_for(128);

    memory_map_set_machine(machine_map, 3);
    assert_int_equal(memory_op(XENMEM_machine_memory_map, &map), -EPERM);
    guest->privileged = true;
    assert_int_equal(memory_op(XENMEM_machine_memory_map, &map), 0);
    assert_int_equal(map.nr_entries, 3);
    assert_memory_equal(list(), machine_map, sizeof(machine_map));
    map = room_for(2);
    assert_int_equal(memory_op(XENMEM_machine_memory_map, &map), -EINVAL);
    map.buffer.p = NULL;
    assert_int_equal(memory_op(XENMEM_machine_memory_map, &map), 0);
    assert_int_equal(map.nr_entries, 3);
    guest->privileged = false;
}

static void test_a_domains_map_is_what_its_builder_set(void **state)
{
    struct xen_foreign_memory_map set = {.domid = 1, .map = room_for(40)};
    struct xen_memory_map map = room_for(128);
    struct e820entry entries[40];

    assert_int_equal(memory_op(XENMEM_memory_map, &map), -ENOSYS);
    for (unsigned int i = 0; i < 40; i++) {
        entries[i] = (struct e820entry){i * 0x1000, 0x1000, 1 + i % 2};
    }
    memcpy(list(), entries, sizeof(entries));
    assert_int_equal(memory_op(XENMEM_set_memory_map, &set), -EPERM);
    guest->privileged = true;
    assert_int_equal(memory_op(XENMEM_set_memory_map, &set), 0);
    set.domid = 77;
    assert_int_equal(memory_op(XENMEM_set_memory_map, &set), -ESRCH);
    set = (struct xen_foreign_memory_map){.domid = 1, .map = room_for(1025)};
    assert_int_equal(memory_op(XENMEM_set_memory_map, &set), -EINVAL);
    guest->privileged = false;
    memset(list(), 0, PAGE_SIZE);
    assert_int_equal(memory_op(XENMEM_memory_map, &map), 0);
    assert_int_equal(map.nr_entries, 40);
    assert_memory_equal(list(), entries, sizeof(entries));
    map.nr_entries = 17;
    assert_int_equal(memory_op(XENMEM_memory_map, &map), 0);
    assert_int_equal(map.nr_entries, 17);
}

/* ---- the machine-to-physical table and the rest
 * -------------------------------------------------- */

static mfn_t m2p_start;

static mfn_t m2p_at(uint64_t offset)
{
    return mfn_add(m2p_start, offset >> PAGE_SHIFT);
}

/* At start of day. */
static void test_before_the_table_is_published_its_frames_are_none(void **state)
{
    struct xen_machphys_mfn_list frames = {.max_extents = 8};

    frames.extent_start.p = list();
    assert_int_equal(memory_op(XENMEM_machphys_mfn_list, &frames), 0);
    assert_int_equal(frames.nr_extents, 1);
    assert_int_equal(list()[0], 0);
}

static void test_answers_that_can_not_be_written(void **state)
{
    struct xen_foreign_memory_map set = {.domid = 1, .map = room_for(1)};
    struct xen_memory_map map = room_for(128);
    struct xen_machphys_mfn_list frames = {.max_extents = 0};

    memory_map_set_machine(machine_map, 3);
    guest->privileged = true;
    list()[0] = list()[1] = list()[2] = 1;
    assert_int_equal(memory_op(XENMEM_set_memory_map, &set), 0);
    /* Where nothing is copied but the answer itself. */
    map.nr_entries = 0;
    memcpy(guest_page, &map, sizeof(map));
    host_guest_read_only(true);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_memory_map, address_of(guest_page), 0, 0),
                     -EFAULT);
    host_guest_read_only(false);
    map.buffer.p = NULL;
    memcpy(guest_page, &map, sizeof(map));
    host_guest_read_only(true);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_machine_memory_map, address_of(guest_page), 0, 0),
                     -EFAULT);
    host_guest_read_only(false);
    memcpy(guest_page, &frames, sizeof(frames));
    host_guest_read_only(true);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_machphys_mfn_list, address_of(guest_page), 0, 0),
                     -EFAULT);
    host_guest_read_only(false);
    guest->privileged = false;
}

static void test_where_the_machine_to_physical_table_is(void **state)
{
    struct xen_machphys_mapping mapping;
    struct xen_machphys_mfn_list frames = {.max_extents = 8};
    void *table = pages_alloc(3);

    memset(&mapping, 0, sizeof(mapping));
    assert_int_equal(memory_op(XENMEM_machphys_mapping, &mapping), 0);
    assert_int_equal(mapping.v_start, 0xffff800000000000);
    assert_int_equal(mapping.max_mfn, MACHINE_FRAMES - 1);
    assert_int_equal(issue(CALL_MEMORY_OP, XENMEM_maximum_ram_page, 0, 0, 0), MACHINE_FRAMES - 1);
    m2p_start = virt_to_frame(table);
    m2p_publish(m2p_at);
    frames.extent_start.p = list();
    assert_int_equal(memory_op(XENMEM_machphys_mfn_list, &frames), 0);
    assert_int_equal(frames.nr_extents, 1);
    assert_int_equal(list()[0], m2p_start.n);
    frames.max_extents = 0;
    assert_int_equal(memory_op(XENMEM_machphys_mfn_list, &frames), 0);
    assert_int_equal(frames.nr_extents, 0);
    assert_int_equal(memory_op(XENMEM_machphys_compat_mfn_list, &frames), -EOPNOTSUPP);
    pages_free(table, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_the_machines_map_is_for_the_privileged_and_whole),
        guest_test(test_a_domains_map_is_what_its_builder_set),
        guest_test(test_before_the_table_is_published_its_frames_are_none),
        guest_test(test_answers_that_can_not_be_written),
        guest_test(test_where_the_machine_to_physical_table_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
