// SPDX-License-Identifier: Apache-2.0
// Grants with threads as CPUs: uses of one entry from several CPUs, an owner that withdraws and
// changes versions meanwhile. Meant for a build with -fsanitize=thread, too.
#include <pthread.h>
#include <sched.h>

#include "grant_fixture.h"

#define CPUS   3
#define REFS   4
#define ROUNDS 4000

static mfn_t shared[REFS], own[CPUS];
static bool done;

static int setup(void **state)
{
    grant_setup(state);
    end_domain(grantee);
    end_domain(granter);
    end_domain(d0);
    host_machine_destroy();
    host_machine_create(8192, CPUS + 1);
    frames_at_start = frames_free_count();
    guest_page = host_guest_memory(64 * PAGE_SIZE);
    d0 = new_domain(0, 1, true);
    granter = new_domain(1, 1, false);
    grantee = new_domain(2, CPUS, false);
    for (unsigned int i = 0; i < REFS; i++) {
        shared[i] = new_frame(granter);
        grant_v1(granter, 20 + i, 2, shared[i], 0);
    }
    for (unsigned int i = 0; i < CPUS; i++) {
        own[i] = new_frame(grantee);
    }
    done = false;
    run_as(granter->vcpus[0]);
    return 0;
}

static int teardown(void **state)
{
    for (unsigned int i = 0; i <= CPUS; i++) {
        cpus[i]->current = NULL;
    }
    return grant_teardown(state);
}

/* Each CPU's arguments lie apart. */
static long call_as(unsigned int cpu, uint64_t cmd, void *op, size_t bytes)
{
    unsigned char *place = guest_page + (cpu + 1) * PAGE_SIZE;
    long result;

    memcpy(place, op, bytes);
    result = hypercall_grant_table_op(cmd, host_guest_address(place), 1);
    memcpy(op, place, bytes);
    return result;
}

static bool acceptable(int16_t status)
{
    return status == GNTST_okay || status == GNTST_general_error || status == GNTST_eagain ||
           status == GNTST_bad_gntref;
}

static void copy_once(unsigned int cpu, unsigned int round)
{
    bool writes = round % 2;
    struct gnttab_copy_ptr by_ref = {.u.ref = 20 + round % REFS, .domid = 1};
    struct gnttab_copy_ptr by_frame = {
        .u.gmfn = own[cpu].n, .domid = DOMID_SELF, .offset = (uint16_t)(cpu * 64)};
    struct gnttab_copy op = {.source = writes ? by_frame : by_ref,
                             .dest = writes ? by_ref : by_frame,
                             .len = 0, /* races of bytes are the guests' own affair */
                             .flags = writes ? GNTCOPY_dest_gref : GNTCOPY_source_gref};

    assert_int_equal(call_as(cpu, GNTTABOP_copy, &op, sizeof(op)), 0);
    assert_true(acceptable(op.status));
}

static void map_once(unsigned int cpu, unsigned int round)
{
    struct gnttab_map_grant_ref map = {.host_addr = slot_address(cpu),
                                       .flags = GNTMAP_host_map | (round % 3 ? GNTMAP_readonly : 0),
                                       .ref = 20 + round % REFS,
                                       .dom = 1};
    struct gnttab_unmap_grant_ref unmap = {.host_addr = slot_address(cpu)};

    assert_int_equal(call_as(cpu, GNTTABOP_map_grant_ref, &map, sizeof(map)), 0);
    assert_true(acceptable(map.status));
    if (map.status != GNTST_okay) {
        return;
    }
    unmap.handle = map.handle;
    assert_int_equal(call_as(cpu, GNTTABOP_unmap_grant_ref, &unmap, sizeof(unmap)), 0);
    assert_int_equal(unmap.status, GNTST_okay);
}

static void *use(void *argument)
{
    unsigned int cpu = (unsigned int)(uintptr_t)argument;

    host_become_cpu(cpu + 1);
    run_as(grantee->vcpus[cpu]);
    for (unsigned int round = 0; round < ROUNDS; round++) {
        if (round % 2 == 0) {
            map_once(cpu, round / 2);
        } else {
            copy_once(cpu, round / 2);
        }
    }
    return NULL;
}

static void run(void (*meddle)(unsigned int round))
{
    pthread_t threads[CPUS];

    for (uintptr_t i = 0; i < CPUS; i++) {
        pthread_create(&threads[i], NULL, use, (void *)i);
    }
    for (unsigned int round = 0; meddle && round < ROUNDS; round++) {
        meddle(round);
    }
    for (unsigned int i = 0; i < CPUS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned int i = 0; i < REFS; i++) {
        assert_int_equal(references(shared[i]), 1);
        assert_int_equal(writable_uses(shared[i]), 0);
    }
}

static void test_entries_are_shared_by_cpus(void **state)
{
    run(NULL);
    for (unsigned int i = 0; i < REFS; i++) {
        assert_int_equal(v1_entry(granter, 20 + i)->flags, GTF_permit_access);
    }
}

/*
 * The granter withdraws an entry when it sees no marks, as the interface prescribes. From then on
 * the frame is its own: nobody holds a reference any more.
 */
static void withdraw_and_grant(unsigned int round)
{
    unsigned int i = round % REFS;
    uint32_t *word = (uint32_t *)v1_entry(granter, 20 + i);
    uint32_t granted = 2U << 16 | GTF_permit_access, old = granted;

    if (__atomic_compare_exchange_n(word, &old, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        assert_int_equal(references(shared[i]), 1);
        __atomic_store_n(word, granted, __ATOMIC_SEQ_CST);
    }
}

static void test_withdrawn_means_unused(void **state)
{
    run(withdraw_and_grant);
}

/* Versions change only when nothing is in use; what had been granted is void then. */
static void change_version(unsigned int round)
{
    struct gnttab_set_version op = {.version = 1 + round % 2};
    long result = call_as(CPUS, GNTTABOP_set_version, &op, sizeof(op));

    assert_true(result == 0 || result == -EBUSY);
    for (grant_ref_t ref = 20; result == 0 && ref < 20 + REFS; ref++) {
        if (op.version == 1) {
            grant_entry_v1_t *entry = entry_v1(granter->grants, ref);
            WRITE_ONCE(entry->frame, (uint32_t)shared[ref - 20].n);
        } else {
            grant_entry_v2_t *entry = entry_v2(granter->grants, ref);
            WRITE_ONCE(entry->full_page.frame, shared[ref - 20].n);
        }
        __atomic_store_n(header_word(granter->grants, ref), 2U << 16 | GTF_permit_access,
                         __ATOMIC_SEQ_CST);
    }
}

static void test_versions_change_between_uses(void **state)
{
    run(change_version);
}

#define CONCURRENT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONCURRENT_TEST(test_entries_are_shared_by_cpus),
        CONCURRENT_TEST(test_withdrawn_means_unused),
        CONCURRENT_TEST(test_versions_change_between_uses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
