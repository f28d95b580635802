// SPDX-License-Identifier: Apache-2.0
// Why hypervisors with this interface have been broken before, and a test for each cause: fast
// paths that check less, superpages, interrupted changes of type, tables that map themselves,
// translations that outlive a change of type, ranges checked at their base only, batches that go on
// after the vCPU's mode changed.
#include "hypercall/table.h"
#include "mmu/trapped_write.h"
#include "mmu_fixture.h"

/* ---- fast paths
 * ----------------------------------------------------------------------------------- */

/* Every way to write an entry, the ones with short cuts first. */
static long write_by_address(unsigned int slot, pte_t value)
{
    return va_mapping(slot * PAGE_SIZE, value, UVMF_NONE);
}

static long write_trapped(unsigned int slot, pte_t value)
{
    struct trapped_write w;
    long result;

    assert_true(trapped_write_begin(vcpu, 40 * PAGE_SIZE + slot * sizeof(pte_t), &w));
    result = trapped_write_commit(vcpu, &w, value);
    audit();
    return result;
}

static long write_keeping_ad(unsigned int slot, pte_t value)
{
    return update(maddr_of_entry(space.table[1], slot) | MMU_PT_UPDATE_PRESERVE_AD, value);
}

static long write_plainly(unsigned int slot, pte_t value)
{
    return set_entry(space.table[1], slot, value);
}

static void test_cause_fast_paths_that_check_less(void **state)
{
    static long (*const write[])(unsigned int slot, pte_t value) = {
        write_plainly, write_by_address, write_trapped, write_keeping_ad};
    mfn_t table = new_frame(guest);

    assert_int_equal(pin(table, 1), 0);
    assert_int_equal(set_entry(space.table[1], 40, entry_for(space.table[1], KERNEL_RO)), 0);
    for (unsigned int i = 0; i < ARRAY_SIZE(write); i++) {
        /* From nothing, from a page, from the same frame read-only: to a table, writable. */
        static const unsigned int slots[] = {100, 0, 41};
        assert_int_equal(write[i](41, entry_for(table, KERNEL_RO)), 0);
        for (unsigned int s = 0; s < ARRAY_SIZE(slots); s++) {
            assert_int_equal(write[i](slots[s], entry_for(table, KERNEL_RW)), -EINVAL);
        }
        /* Present through a change of no other bit. */
        assert_int_equal(write[i](41, entry_for(table, KERNEL_RW) & ~PTE_P), 0);
        assert_int_equal(write[i](41, entry_for(table, KERNEL_RW)), -EINVAL);
        /* Pavise's own frames, and frames that are none. */
        assert_int_equal(write[i](41, entry_for(mfn(1), KERNEL_RO)), -EINVAL);
        assert_int_equal(write[i](41, entry_for(mfn(MACHINE_FRAMES), KERNEL_RO)), -EPERM);
        /* The bit that marks kernel pages is Pavise's to give: user pages never lose it silently.
         */
        assert_int_equal(write[i](41, entry_for(space.data[0], USER_RW | PTE_GUEST_KERNEL)), 0);
        assert_true((table_at(space.table[1])[41] & PTE_G) == 0);
        assert_int_equal(write[i](41, 0), 0);
    }
}

/* ---- superpages
 * ------------------------------------------------------------------------------------ */

static void test_cause_superpage_flags(void **state)
{
    mfn_t l1 = new_frame(guest);

    for (unsigned int level = 2; level <= 4; level++) {
        assert_int_equal(
            set_entry(space.table[level], 9, entry_for(space.table[level - 1], TABLE | PTE_PSE)),
            -EINVAL);
        /* On an entry that is there, too. */
        assert_int_equal(
            set_entry(space.table[level], 0, entry_for(space.table[level - 1], TABLE | PTE_PSE)),
            -EINVAL);
    }
    /* In level 1 the bit is a caching type, and never a size. */
    assert_int_equal(ranges_add(guest->io_memory, 0xfe000, 0xfe000), 0);
    assert_int_equal(set_entry(space.table[1], 9, entry_for(space.data[0], KERNEL_RW | PTE_PAT)),
                     0);
    table_at(l1)[0] = entry_for(space.data[0], KERNEL_RW | PTE_PAT);
    assert_int_equal(pin(l1, 1), 0);
    assert_int_equal(mmuext(MMUEXT_MARK_SUPER, space.data[0].n), -EOPNOTSUPP);
}

/* ---- interrupted changes of type
 * ------------------------------------------------------------------- */

static void test_cause_interrupted_type_changes(void **state)
{
    struct space s;
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L4_TABLE};

    build_space(guest, &s);
    table_at(s.table[3])[1] = entry_for(new_frame(guest), TABLE); /* so that there is a pause */
    table_at(s.table[2])[1] = entry_for(new_frame(guest), TABLE);
    op.arg1.mfn = s.table[4].n;
    memcpy(guest_page, &op, sizeof(op));
    interrupt_everything(true);
    run_as(guest->vcpus[1]);
    set_arguments(address_of(guest_page), 1, 0, DOMID_SELF);
    assert_int_equal(one_turn(CALL_MMUEXT), HYPERCALL_RESTART);
    run_as(vcpu);
    interrupt_everything(false);
    for (unsigned int level = 1; level <= 4; level++) {
        /* Claimed or not yet: none that is partial is written, edited, or another type. */
        if (!has_flag(s.table[level], FRAME_PARTIAL)) {
            continue;
        }
        assert_int_equal(set_entry(space.table[1], 50, entry_for(s.table[level], KERNEL_RW)),
                         -EINVAL);
        assert_int_equal(set_entry(s.table[level], 300, entry_for(s.data[0], KERNEL_RW)), -EINVAL);
        assert_int_equal(set_entry(s.table[level], 300, 0), -EINVAL);
        assert_int_equal(pin(s.table[level], level == 1 ? 2 : level - 1), -EINVAL);
        assert_int_equal(mmuext(MMUEXT_UNPIN_TABLE, s.table[level].n), -EINVAL);
        /* As what it is going to be it is not to be had yet. */
        op.cmd = MMUEXT_PIN_L1_TABLE + level - 1;
        op.arg1.mfn = s.table[level].n;
        memcpy(guest_page, &op, sizeof(op));
        set_arguments(address_of(guest_page), 1, 0, DOMID_SELF);
        assert_int_equal(one_turn(CALL_MMUEXT), HYPERCALL_RESTART);
        assert_int_equal(domain_steal_frame(guest, frame_of(s.table[level])), -EBUSY);
    }
    /* And it is given up without a trace when its vCPU asks for something else. */
    run_as(guest->vcpus[1]);
    assert_int_equal(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0), 0);
    for (unsigned int level = 1; level <= 4; level++) {
        assert_int_equal(types_of(s.table[level]), 0);
    }
    run_as(vcpu);
}

/* ---- tables that map themselves
 * -------------------------------------------------------------------- */

static void test_cause_page_tables_that_map_themselves(void **state)
{
    mfn_t a = new_frame(guest), b = new_frame(guest);

    /* What is in reach through itself is read-only by its first step, and stays so. */
    for (unsigned int level = 2; level <= 4; level++) {
        mfn_t self = space.table[level];
        assert_int_equal(set_entry(self, 99, entry_for(self, TABLE)), -EINVAL);
        assert_int_equal(set_entry(self, 99, entry_for(self, LINEAR)), 0);
        assert_int_equal(set_entry(self, 99, entry_for(self, TABLE)), -EINVAL);
        assert_int_equal(set_entry(self, 99, 0), 0);
    }
    /* A cycle of two would hold itself for ever. */
    table_at(a)[99] = entry_for(b, LINEAR);
    assert_int_equal(pin(b, 4), 0);
    assert_int_equal(pin(a, 4), 0);
    assert_int_equal(set_entry(b, 99, entry_for(a, LINEAR)), -EINVAL);
    assert_int_equal(unpin(a), 0);
    assert_int_equal(set_entry(b, 99, entry_for(b, LINEAR)), 0);
    assert_int_equal(unpin(b), 0);
    assert_int_equal(types_of(a) + types_of(b), 0);
}

static void test_cause_hypervisor_tables_seen_through_a_linear_mapping(void **state)
{
    /* From the second slot on nothing below is for ring 3: the first step already says so. */
    for (unsigned int slot = HV_FIRST_SLOT + 1; slot <= HV_LAST_SLOT; slot++) {
        assert_int_equal(table_at(space.table[4])[slot] & PTE_US, 0);
    }
}

/* ---- translations that outlive a change of type
 * ---------------------------------------------------- */

/* A CPU that has seen a page as writable, and does not flush by itself. */
static uint64_t cpu1_stamp(void)
{
    return cpus[1]->flush_stamp;
}

static void test_cause_stale_translations_after_a_type_change(void **state)
{
    mfn_t page = space.data[5];
    uint64_t before = cpu1_stamp();

    /* Writable, then a table: CPU 1 forgets the page first. */
    assert_int_equal(set_entry(space.table[1], 5, 0), 0);
    assert_int_equal(cpu1_stamp(), before);
    assert_int_equal(set_entry(space.table[2], 5, entry_for(page, TABLE)), 0);
    assert_true(cpu1_stamp() > before);
    /* A table, then writable: CPU 1 forgets the paths through it first. */
    before = cpu1_stamp();
    assert_int_equal(set_entry(space.table[2], 5, 0), 0);
    assert_int_equal(cpu1_stamp(), before);
    assert_int_equal(set_entry(space.table[1], 5, entry_for(page, KERNEL_RW)), 0);
    assert_true(cpu1_stamp() > before);
    /* A table of one level, then of another. */
    assert_int_equal(set_entry(space.table[1], 5, 0), 0);
    assert_int_equal(set_entry(space.table[2], 5, entry_for(page, TABLE)), 0);
    assert_int_equal(set_entry(space.table[2], 5, 0), 0);
    before = cpu1_stamp();
    assert_int_equal(set_entry(space.table[3], 5, entry_for(page, TABLE)), 0);
    assert_true(cpu1_stamp() > before);
    assert_int_equal(set_entry(space.table[3], 5, 0), 0);
    /* And through a theft that comes to nothing. */
    before = cpu1_stamp();
    assert_int_equal(domain_steal_frame(guest, frame_of(page)), 0);
    domain_return_frames(guest, page, 0);
    assert_int_equal(set_entry(space.table[1], 5, entry_for(page, KERNEL_RW)), 0);
    assert_true(cpu1_stamp() > before);
}

static void test_cause_stale_translations_of_a_frame_that_changes_hands(void **state)
{
    struct domain *other = new_domain(2, 1, false);
    mfn_t page = new_frame(guest), again;
    uint64_t before;

    assert_int_equal(set_entry(space.table[1], 50, entry_for(page, KERNEL_RO)), 0);
    assert_int_equal(set_entry(space.table[1], 50, 0), 0);
    before = cpu1_stamp();
    assert_int_equal(domain_give_back(guest, page), 0);
    again = new_frame(other);
    assert_int_equal(again.n, page.n);
    assert_true(cpu1_stamp() > before);
    end_domain(other);
}

/* ---- ranges checked at their base only
 * ------------------------------------------------------------- */

static void test_cause_ranges_checked_at_their_base_only(void **state)
{
    struct xen_memory_reservation r = {.nr_extents = 1, .extent_order = 9, .domid = DOMID_SELF};
    xen_pfn_t *extent = (xen_pfn_t *)(guest_page + PAGE_SIZE);
    mfn_t first;

    r.extent_start.p = extent;
    /* An extent that begins in the domain's memory and ends in others', or nowhere. */
    assert_int_equal(domain_add_frames(guest, 2, 64, &first), 0);
    assert_int_equal(domain_give_back(guest, mfn_add(first, 3)), 0);
    *extent = first.n;
    r.extent_order = 2;
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 0);
    *extent = MFN_INVALID - 1;
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 0);
    /* A list that runs over the end of the address space. */
    r.nr_extents = 4;
    r.extent_start.p = (xen_pfn_t *)(UINT64_MAX - 15);
    assert_int_equal(memory_op(XENMEM_decrease_reservation, &r), 0);
    /* Device memory up to a frame, and not the next. */
    assert_int_equal(ranges_add(guest->io_memory, 0xfe000, 0xfe00f), 0);
    assert_int_equal(set_entry(space.table[1], 50, entry_for(mfn(0xfe00f), KERNEL_RW)), 0);
    assert_int_equal(set_entry(space.table[1], 50, entry_for(mfn(0xfe010), KERNEL_RW)), -EPERM);
    /* The last slots of a table, and the slots around the hypervisor's. */
    assert_int_equal(set_entry(space.table[4], 255, 0), 0);
    assert_int_equal(set_entry(space.table[4], 272, 0), 0);
    assert_int_equal(set_entry(space.table[4], 511, 0), 0);
    /* The last descriptor of a GDT that begins well. */
    first = new_frame(guest);
    table_at(first)[511] = 1ULL << 47;
    assert_int_equal(gdt_set(vcpu, &first.n, 512), -EINVAL);
}

/* ---- batches and modes
 * ------------------------------------------------------------------------------ */

static void test_cause_a_batch_that_goes_on_after_a_change_of_mode(void **state)
{
    struct multicall_entry *list = (struct multicall_entry *)guest_page;
    uint32_t mode = vcpu->mode;

    memset(list, 0, 2 * sizeof(*list));
    list[0].op = 23; /* iret */
    list[1].op = 14; /* update_va_mapping */
    list[1].args[0] = 0;
    assert_int_equal(hypercall_multicall(gva(address_of(list)), 2), 0);
    assert_int_equal(list[0].result, -EINVAL);
    assert_int_equal(list[1].result, 0);
    assert_int_equal(vcpu->mode, mode);
    audit();
}

/* A batch of mmuext_op that changes the base goes by the new one from the next operation on. */
static void test_cause_a_batch_that_changes_its_own_base(void **state)
{
    mfn_t l4 = new_frame(guest);
    struct mmuext_op batch[3] = {
        {.cmd = MMUEXT_NEW_BASEPTR, .arg1.mfn = l4.n},
        {.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = space.table[4].n},
        {.cmd = MMUEXT_SET_LDT, .arg1.linear_addr = 0, .arg2.nr_ents = 4},
    };

    assert_int_equal(mmuext_for(batch, 3, DOMID_SELF), 0);
    assert_int_equal(types_of(space.table[4]), 0);
    assert_int_equal(vcpu->ldt_mapped, 0); /* address 0 was the old tables' */
    assert_int_equal(va_mapping(0, 0, UVMF_NONE), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_cause_fast_paths_that_check_less),
        guest_test(test_cause_superpage_flags),
        guest_test(test_cause_interrupted_type_changes),
        guest_test(test_cause_page_tables_that_map_themselves),
        guest_test(test_cause_hypervisor_tables_seen_through_a_linear_mapping),
        guest_test(test_cause_stale_translations_after_a_type_change),
        guest_test(test_cause_stale_translations_of_a_frame_that_changes_hands),
        guest_test(test_cause_ranges_checked_at_their_base_only),
        guest_test(test_cause_a_batch_that_goes_on_after_a_change_of_mode),
        guest_test(test_cause_a_batch_that_changes_its_own_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
