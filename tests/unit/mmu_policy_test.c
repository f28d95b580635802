// SPDX-License-Identifier: Apache-2.0
// The decision about an entry, for every kind of frame, with every kind of right, against a second
// statement of the rules.
#include "mmu/policy.h"
#include "mmu_fixture.h"

#define DEVICE_ALLOWED 0xfe000ULL
#define DEVICE_REFUSED 0xfe001ULL

enum kind {
    OWN_PLAIN,       /* mapped by nobody */
    OWN_WRITABLE,    /* mapped writable already */
    OWN_L1,          /* a validated table */
    OWN_L2,          /* */
    OWN_L3,          /* */
    OWN_L4,          /* */
    OWN_DESCRIPTORS, /* in a GDT */
    OTHERS,          /* another domain's memory */
    OTHERS_L1,       /* */
    HEAP,            /* Pavise's own */
    M2P,             /* Pavise's own, for those who may see it */
    HOLE_ALLOWED,    /* no memory, in the domain's I/O ranges */
    HOLE_REFUSED,    /* no memory */
    FIRMWARE,        /* memory that the firmware keeps */
    FREE,            /* nobody's */
    KINDS
};

enum who { SELF, FOREIGN, IO, XEN, WHOS };

static struct domain *other;
static mfn_t frame[KINDS];
static void *heap_object;

static mfn_t find_m2p(uint64_t offset)
{
    return offset == 0 ? frame[M2P] : mfn(MFN_INVALID);
}

static int policy_setup(void **state)
{
    int error = guest_setup(state);
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE};

    other = new_domain(2, 1, false);
    frame[OWN_PLAIN] = new_frame(guest);
    frame[OWN_WRITABLE] = space.data[0];
    for (unsigned int level = 1; level <= 4; level++) {
        frame[OWN_L1 + level - 1] = new_frame(guest);
        assert_int_equal(pin(frame[OWN_L1 + level - 1], level), 0);
    }
    frame[OWN_DESCRIPTORS] = new_frame(guest);
    assert_int_equal(gdt_set(vcpu, &frame[OWN_DESCRIPTORS].n, 1), 0);
    frame[OTHERS] = new_frame(other);
    frame[OTHERS_L1] = new_frame(other);
    run_as(other->vcpus[0]);
    op.arg1.mfn = frame[OTHERS_L1].n;
    assert_int_equal(mmuext_for(&op, 1, DOMID_SELF), 0);
    run_as(vcpu);
    heap_object = heap_alloc(64);
    frame[HEAP] = virt_to_frame(heap_object);
    frame[M2P] = virt_to_frame(page_alloc());
    m2p_publish(find_m2p);
    frame[HOLE_ALLOWED] = mfn(DEVICE_ALLOWED);
    frame[HOLE_REFUSED] = mfn(DEVICE_REFUSED);
    frame[FIRMWARE] = virt_to_frame(page_alloc());
    frame_of(frame[FIRMWARE])->owner = DOMID_IO;
    frame[FREE] = frames_alloc(0, 64);
    frames_free(frame[FREE], 0);
    assert_int_equal(ranges_add(guest->io_memory, DEVICE_ALLOWED, DEVICE_ALLOWED), 0);
    assert_int_equal(ranges_add(other->io_memory, DEVICE_ALLOWED, DEVICE_ALLOWED), 0);
    return error;
}

static int policy_teardown(void **state)
{
    frame_of(frame[FIRMWARE])->owner = DOMID_XEN;
    page_free(frame_to_virt(frame[FIRMWARE]));
    page_free(frame_to_virt(frame[M2P]));
    heap_free(heap_object);
    end_domain(other);
    return guest_teardown(state);
}

static struct entry_rights rights_of(enum who who)
{
    struct entry_rights r = {.tables = guest, .caller = guest};

    r.frames = who == SELF ? guest : who == FOREIGN ? other : NULL;
    r.io_only = who == IO;
    r.hypervisor_frames = who == XEN;
    return r;
}

/* ---- the rules, said again
 * ------------------------------------------------------------------------ */

static bool is_device_kind(enum kind kind)
{
    return kind == HOLE_ALLOWED || kind == HOLE_REFUSED || kind == FIRMWARE;
}

static bool page_allowed(enum who who, enum kind kind, bool writable)
{
    if (is_device_kind(kind)) {
        return kind == HOLE_ALLOWED;
    }
    switch (who) {
    case SELF:
        return kind <= OWN_WRITABLE || (kind <= OWN_DESCRIPTORS && !writable);
    case FOREIGN:
        return kind == OTHERS || (kind == OTHERS_L1 && !writable);
    case XEN:
        return kind == M2P && !writable;
    default:
        return false;
    }
}

/* Whose frames may be named does not matter above: tables are the tables' owner's. */
static bool table_allowed(unsigned int level, enum kind kind, bool writable)
{
    if (kind == OWN_PLAIN) {
        return true; /* an empty page: it becomes one */
    }
    if (kind >= OWN_L1 && kind <= OWN_L4) {
        unsigned int its_level = (unsigned int)kind - OWN_L1 + 1;
        return its_level == level - 1 || (its_level == level && !writable);
    }
    return false;
}

static bool allowed(enum who who, unsigned int level, enum kind kind, pte_t flags)
{
    bool writable = (flags & PTE_RW) != 0;

    if ((flags & PTE_P) == 0) {
        return true;
    }
    if (level == 1) {
        return page_allowed(who, kind, writable);
    }
    return (flags & (PTE_PSE | PTE_G)) == 0 && table_allowed(level, kind, writable);
}

/* ---- the test
 * ------------------------------------------------------------------------------------- */

static const pte_t interesting[] = {PTE_P, PTE_RW, PTE_US,    PTE_PSE,
                                    PTE_G, PTE_NX, 1ULL << 9, 1ULL << 62};

static void one_case(enum who who, unsigned int level, enum kind kind, pte_t flags)
{
    const struct entry_rights rights = rights_of(who);
    /* Level 5 has no table: a fresh table of the level that is meant holds the entry. */
    struct frame *table = frame_of(frame[OWN_L1 + level - 1]);
    pte_t entry = entry_for(frame[kind], flags), asked = entry;
    bool own_table = kind == (enum kind)(OWN_L1 + level - 1) && level > 1;
    long result = entry_claim(&rights, level, table, &entry);

    if (own_table) {
        /* The table itself: read-only alone, and without a count. */
        bool fine = (flags & PTE_P) == 0 || ((flags & (PTE_RW | PTE_PSE | PTE_G)) == 0);
        assert_int_equal(result == 0, fine);
    } else {
        assert_int_equal(result == 0, allowed(who, level, kind, flags));
    }
    if (result == 0) {
        /* What is stored maps the same frame with the same rights, for ring 3. */
        assert_int_equal((entry ^ asked) & (PTE_FRAME | PTE_RW | PTE_P | PTE_NX), 0);
        assert_true((flags & PTE_P) == 0 || (entry & PTE_US) != 0);
        entry_release(level, table, entry);
    } else {
        assert_true(result == -EINVAL || result == -EPERM);
    }
}

static void test_every_kind_of_entry_is_decided_by_the_rules(void **state)
{
    unsigned int cases = 0;

    for (unsigned int who = SELF; who < WHOS; who++) {
        for (unsigned int level = 1; level <= 4; level++) {
            for (unsigned int kind = 0; kind < KINDS; kind++) {
                for (unsigned int bits = 0; bits < 1U << ARRAY_SIZE(interesting); bits++) {
                    pte_t flags = 0;
                    for (unsigned int i = 0; i < ARRAY_SIZE(interesting); i++) {
                        flags |= (bits >> i) & 1 ? interesting[i] : 0;
                    }
                    one_case((enum who)who, level, (enum kind)kind, flags);
                    cases++;
                }
                audit();
            }
        }
    }
    assert_int_equal(cases, WHOS * 4 * KINDS * 256);
}

/* ---- registers that Pavise keeps to itself ----------------------------------------------------
 */

static bool first_device_is_read_only(mfn_t m)
{
    return m.n == DEVICE_ALLOWED;
}

static void test_kept_registers_are_mapped_read_only_in_every_way(void **state)
{
    const pte_t wanted = entry_for(mfn(DEVICE_ALLOWED), KERNEL_RW | PTE_PCD);
    mfn_t table = new_frame(guest);

    assert_int_equal(set_entry(space.table[1], 50, wanted), 0);
    assert_true((table_at(space.table[1])[50] & PTE_RW) != 0);
    device_frame_is_read_only = first_device_is_read_only;
    assert_int_equal(set_entry(space.table[1], 51, wanted), 0);
    assert_int_equal(table_at(space.table[1])[51] & (PTE_P | PTE_RW), PTE_P);
    assert_int_equal(va_mapping(51UL << PAGE_SHIFT, wanted, UVMF_NONE), 0);
    assert_int_equal(table_at(space.table[1])[51] & (PTE_P | PTE_RW), PTE_P);
    table_at(table)[0] = wanted;
    assert_int_equal(pin(table, 1), 0);
    assert_int_equal(table_at(table)[0] & (PTE_P | PTE_RW), PTE_P);
    device_frame_is_read_only = NULL;
    assert_int_equal(set_entry(space.table[1], 50, 0), 0);
    assert_int_equal(set_entry(space.table[1], 51, 0), 0);
}

/* How memory is cached is for those who share it with devices. */
static void test_caching_of_memory_is_for_who_has_devices(void **state)
{
    const pte_t uncached = entry_for(frame[OWN_PLAIN], KERNEL_RW | PTE_PCD);
    const bool has_ranges = guest->io_memory->count != 0;

    assert_true(has_ranges);
    assert_int_equal(ranges_remove(guest->io_memory, DEVICE_ALLOWED, DEVICE_ALLOWED), 0);
    assert_int_equal(set_entry(space.table[1], 51, uncached), 0);
    assert_int_equal(table_at(space.table[1])[51] & PTE_PCD, 0);
    guest->hardware = true;
    assert_int_equal(set_entry(space.table[1], 51, uncached), 0);
    assert_int_equal(table_at(space.table[1])[51] & PTE_PCD, PTE_PCD);
    assert_int_equal(set_entry(space.table[1], 51, 0), 0);
}

static void test_other_devices_are_written_as_ever(void **state)
{
    const pte_t other_device = entry_for(mfn(DEVICE_REFUSED), KERNEL_RW | PTE_PCD);

    assert_int_equal(ranges_add(guest->io_memory, DEVICE_REFUSED, DEVICE_REFUSED), 0);
    device_frame_is_read_only = first_device_is_read_only;
    assert_int_equal(set_entry(space.table[1], 51, other_device), 0);
    assert_true((table_at(space.table[1])[51] & PTE_RW) != 0);
    device_frame_is_read_only = NULL;
    assert_int_equal(set_entry(space.table[1], 51, 0), 0);
}

static void test_a_page_that_all_look_at_has_a_last_reference_too(void **state)
{
    struct entry_rights rights = rights_of(XEN);
    struct frame *f = frame_of(frame[M2P]);
    pte_t entry = entry_for(frame[M2P], KERNEL_RO);
    uint64_t before = f->state;

    f->state = (before & ~FRAME_REF_MASK) | FRAME_COUNT_LIMIT;
    assert_int_equal(entry_claim(&rights, 1, frame_of(space.table[1]), &entry), -EINVAL);
    f->state = before;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_kind_of_entry_is_decided_by_the_rules,
                                        policy_setup, policy_teardown),
        cmocka_unit_test_setup_teardown(test_kept_registers_are_mapped_read_only_in_every_way,
                                        policy_setup, policy_teardown),
        cmocka_unit_test_setup_teardown(test_caching_of_memory_is_for_who_has_devices, policy_setup,
                                        policy_teardown),
        cmocka_unit_test_setup_teardown(test_other_devices_are_written_as_ever, policy_setup,
                                        policy_teardown),
        cmocka_unit_test_setup_teardown(test_a_page_that_all_look_at_has_a_last_reference_too,
                                        policy_setup, policy_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
