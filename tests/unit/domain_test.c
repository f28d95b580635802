// SPDX-License-Identifier: Apache-2.0
// The life of domains: creation that is whole or not at all, references, pausing, shutting down,
// and an end that gives everything back.
#include "domain/pause.h"
#include "domain/quota.h"
#include "mmu_fixture.h"

/* ---- a room that watches, and fails on demand
 * ---------------------------------------------------- */

static int fail_create, fail_vcpu, restarts;
static unsigned int created, destroyed, vcpus_created, vcpus_destroyed;

static int watch_create(struct domain *d)
{
    created += fail_create == 0;
    return fail_create;
}

static int watch_create_vcpu(struct vcpu *v)
{
    vcpus_created += fail_vcpu == 0;
    return fail_vcpu;
}

static int watch_relinquish(struct domain *d)
{
    return restarts-- > 0 ? (int)HYPERCALL_RESTART : 0;
}

static void watch_destroy_vcpu(struct vcpu *v)
{
    vcpus_destroyed++;
}

/* Whoever looks for the domain while it is taken apart. */
static unsigned int found_meanwhile;

static void watch_destroy(struct domain *d)
{
    struct domain *by_id = domain_get(d->id), *in_list = domain_get_next(d->id - 1);

    found_meanwhile += (by_id != NULL) + (in_list != NULL);
    domain_put(by_id);
    domain_put(in_list);
    destroyed++;
}

static struct domain_part watch = {
    .name = "watch",
    .create = watch_create,
    .create_vcpu = watch_create_vcpu,
    .relinquish = watch_relinquish,
    .destroy_vcpu = watch_destroy_vcpu,
    .destroy = watch_destroy,
};

static unsigned int state_changes, woken, slept;

static void count_state_change(void)
{
    state_changes++;
}

static void count_woken(struct vcpu *v)
{
    woken++;
}

static void count_slept(struct vcpu *v)
{
    slept++;
}

/* How often a vCPU is found on a CPU yet, and how often before the one that asks is paused. */
static int looks_on_cpu, looks_until_paused;

static bool find_on_cpu(struct vcpu *v)
{
    if (looks_until_paused != 0 && --looks_until_paused == 0) {
        vcpu_pause_nosync(current_vcpu());
    }
    return looks_on_cpu-- > 0;
}

static int watch_setup(void **state)
{
    static bool registered;
    int error = machine_setup(state);

    if (!registered) {
        domain_register_part(&watch);
        registered = true;
    }
    fail_create = fail_vcpu = restarts = 0;
    found_meanwhile = 0;
    created = destroyed = vcpus_created = vcpus_destroyed = 0;
    state_changes = woken = slept = 0;
    domain_state_changed = count_state_change;
    vcpu_woken = count_woken;
    vcpu_slept = count_slept;
    vcpu_on_cpu = find_on_cpu;
    looks_on_cpu = looks_until_paused = 0;
    return error;
}

static int watch_teardown(void **state)
{
    domain_state_changed = NULL;
    vcpu_woken = NULL;
    vcpu_slept = NULL;
    vcpu_on_cpu = NULL;
    this_cpu()->current = NULL;
    return machine_teardown(state);
}

/* ---- creation
 * ------------------------------------------------------------------------------------ */

static void test_a_domain_has_its_shared_page_and_no_memory(void **state)
{
    struct domain *d = new_domain(5, 2, false);

    assert_int_equal(d->id, 5);
    assert_int_equal(d->total_pages, 0);
    assert_int_equal(d->own_pages.count, 1);
    assert_int_equal(frame_of(mfn(d->shared_mfn))->owner, 5);
    assert_int_equal(type_of(mfn(d->shared_mfn)), FRAME_WRITABLE);
    assert_ptr_equal(d->vcpus[1]->info, &d->shared->vcpu_info[1]);
    audit();
    end_domain(d);
    assert_int_equal(created, destroyed);
    assert_int_equal(vcpus_created, vcpus_destroyed);
}

static void test_what_a_domain_can_not_be(void **state)
{
    struct domain *d = new_domain(5, 1, false);
    int error = 0;

    assert_null(domain_create(5, 1, false, &error));
    assert_int_equal(error, -EEXIST);
    assert_null(domain_create(6, 0, false, &error));
    assert_int_equal(error, -EINVAL);
    assert_null(domain_create(6, MAX_VCPUS + 1, false, &error));
    assert_int_equal(error, -EINVAL);
    assert_null(domain_create(DOMID_SELF, 1, false, &error));
    assert_int_equal(error, -EINVAL);
    end_domain(d);
}

static void test_nobody_finds_a_domain_before_it_is_revealed(void **state)
{
    int error = 0;
    struct domain *d = domain_create_hidden(5, 1, false, &error), *found;

    assert_non_null(d);
    assert_null(domain_get(5));
    assert_null(domain_get_next(4));
    assert_null(domain_create(5, 1, false, &error));
    assert_int_equal(error, -EEXIST);
    found = domain_get_owner(5);
    assert_ptr_equal(found, d);
    domain_put(found);
    domain_reveal(d);
    found = domain_get(5);
    assert_ptr_equal(found, d);
    domain_put(found);
    end_domain(d);
}

static void test_a_creation_that_fails_leaves_nothing(void **state)
{
    int error = 0;

    fail_create = -ENOSPC;
    assert_null(domain_create(5, 1, false, &error));
    assert_int_equal(error, -ENOSPC);
    assert_null(domain_get(5));
    assert_int_equal(frames_free_count(), frames_at_start);
}

static void test_creation_fails_well_at_every_allocation(void **state)
{
    uint64_t spare = 0, all;
    int error = 0;

    /* Leave just `spare` frames, more each time, until it succeeds. */
    for (;; spare++) {
        uint64_t taken = 0;
        struct domain *d;
        mfn_t first = mfn(MFN_INVALID);
        all = frames_free_count();
        while (frames_free_count() > spare) {
            mfn_t m = frames_alloc(0, 64);
            frame_of(m)->next = (uint32_t)first.n;
            first = m;
            taken++;
        }
        d = domain_create(5, 1, false, &error);
        if (!d) {
            assert_int_equal(error, -ENOMEM);
        }
        while (taken-- > 0) {
            mfn_t next = mfn(frame_of(first)->next);
            frames_free(first, 0);
            first = next;
        }
        if (d) {
            end_domain(d);
            break;
        }
        assert_int_equal(frames_free_count(), all);
    }
    assert_true(spare > 2);
}

static void test_a_vcpu_that_fails_leaves_nothing(void **state)
{
    struct domain *d = new_domain(5, 2, false);
    uint64_t free_before = frames_free_count();

    vcpu_destroy(d->vcpus[1]);
    fail_vcpu = -ENOMEM;
    spin_lock(&d->lock);
    assert_null(vcpu_create(d, 1));
    spin_unlock(&d->lock);
    assert_null(d->vcpus[1]);
    fail_vcpu = 0;
    assert_true(frames_free_count() >= free_before);
    end_domain(d);
}

static void test_numbers_are_given_out_in_turn(void **state)
{
    struct domain *a = new_domain(DOMID_INVALID, 1, false);
    struct domain *b = new_domain(DOMID_INVALID, 1, false);
    domid_t first = a->id;

    assert_int_equal(b->id, first + 1);
    end_domain(a);
    a = new_domain(DOMID_INVALID, 1, false);
    assert_int_equal(a->id, first + 2); /* a number comes back as late as possible */
    end_domain(a);
    end_domain(b);
}

/* ---- references
 * ---------------------------------------------------------------------------------- */

static void test_domains_are_found_by_number(void **state)
{
    struct domain *a = new_domain(3, 1, false), *b = new_domain(7, 1, false), *d;

    d = domain_get(3);
    assert_ptr_equal(d, a);
    domain_put(d);
    assert_null(domain_get(4));
    assert_null(domain_get(DOMID_SELF));
    d = domain_get_next(-1);
    assert_ptr_equal(d, a);
    domain_put(d);
    d = domain_get_next(3);
    assert_ptr_equal(d, b);
    domain_put(d);
    assert_null(domain_get_next(7));
    run_as(b->vcpus[0]);
    d = domain_get_self_or(DOMID_SELF);
    assert_ptr_equal(d, b);
    domain_put(d);
    end_domain(a);
    end_domain(b);
}

static void test_a_reference_keeps_the_record_of_the_dead(void **state)
{
    struct domain *d = new_domain(5, 1, false), *again, *held = domain_get(5);

    (void)kill_domain(d);
    assert_int_equal(d->life, DOMAIN_DEAD);
    domain_put(held);
    again = domain_get(5);
    assert_ptr_equal(again, d);
    domain_put(again);
    assert_int_equal(destroyed, 0);
    domain_put(d);
    assert_int_equal(destroyed, 1);
    assert_null(domain_get(5));
}

/* ---- pausing and shutting down
 * ------------------------------------------------------------------- */

static void test_pauses_nest(void **state)
{
    struct domain *d = new_domain(5, 1, false);
    struct vcpu *v = d->vcpus[0];

    assert_int_equal(domain_pause(d), 0);
    vcpu_pause_nosync(v);
    assert_int_equal(v->pause, VCPU_PAUSED | VCPU_DOMAIN_PAUSED);
    assert_true(slept > 0);
    domain_unpause(d);
    assert_int_equal(v->pause, VCPU_PAUSED);
    assert_int_equal(woken, 0);
    vcpu_unpause(v);
    assert_int_equal(v->pause, 0);
    assert_int_equal(woken, 1);
    end_domain(d);
}

static void test_a_vcpu_of_a_paused_domain_starts_paused(void **state)
{
    struct domain *d = new_domain(5, 2, false);

    vcpu_destroy(d->vcpus[1]);
    domain_pause_nosync(d);
    domain_pause_nosync(d);
    spin_lock(&d->lock);
    assert_non_null(vcpu_create(d, 1));
    spin_unlock(&d->lock);
    domain_unpause(d);
    assert_int_equal(d->vcpus[1]->pause, VCPU_DOWN | VCPU_DOMAIN_PAUSED);
    domain_unpause(d);
    assert_int_equal(d->vcpus[1]->pause, VCPU_DOWN);
    end_domain(d);
}

static void test_a_pause_waits_until_the_vcpus_are_off(void **state)
{
    struct domain *d = new_domain(5, 2, false);

    looks_on_cpu = 3;
    assert_int_equal(domain_pause(d), 0);
    assert_true(looks_on_cpu < 0);
    domain_unpause(d);
    looks_on_cpu = 3;
    assert_int_equal(vcpu_pause(d->vcpus[1]), 0);
    assert_true(looks_on_cpu < 0);
    vcpu_unpause(d->vcpus[1]);
    end_domain(d);
}

/* Two that wait for each other to leave their CPUs would wait for ever. */
static void test_who_is_paused_does_not_wait(void **state)
{
    struct domain *self = new_domain(4, 1, false), *d = new_domain(5, 1, false);

    this_cpu()->current = self->vcpus[0];
    looks_on_cpu = 1000;
    looks_until_paused = 3;
    assert_int_equal(domain_pause(d), HYPERCALL_RESTART);
    assert_int_equal(d->vcpus[0]->pause & VCPU_DOMAIN_PAUSED, 0);
    assert_int_equal(vcpu_pause(d->vcpus[0]), HYPERCALL_RESTART);
    assert_int_equal(d->vcpus[0]->pause & VCPU_PAUSED, 0);
    assert_int_equal(domain_kill(d), HYPERCALL_RESTART);
    vcpu_unpause(self->vcpus[0]);
    looks_on_cpu = 0;
    this_cpu()->current = NULL;
    end_domain(d);
    end_domain(self);
}

static void test_nobody_waits_for_himself(void **state)
{
    struct domain *d = new_domain(5, 1, false);

    this_cpu()->current = d->vcpus[0];
    looks_on_cpu = 1000;
    assert_int_equal(domain_pause(d), 0);
    assert_int_equal(vcpu_pause(d->vcpus[0]), 0);
    assert_int_equal(looks_on_cpu, 1000);
    assert_int_equal(domain_pause_by_controller(d), -EINVAL);
    looks_on_cpu = 0;
    this_cpu()->current = NULL;
    end_domain(d);
}

static void test_control_software_undoes_only_its_own_pauses(void **state)
{
    struct domain *self = new_domain(4, 1, false), *d = new_domain(5, 1, false);

    this_cpu()->current = self->vcpus[0];
    domain_pause_nosync(d);
    assert_int_equal(domain_unpause_by_controller(d), -EINVAL);
    assert_int_equal(domain_pause_by_controller(d), 0);
    assert_true(domain_is_paused_by_controller(d));
    domain_unpause(d);
    assert_int_equal(d->vcpus[0]->pause & VCPU_DOMAIN_PAUSED, VCPU_DOMAIN_PAUSED);
    assert_int_equal(domain_unpause_by_controller(d), 0);
    assert_int_equal(d->vcpus[0]->pause & VCPU_DOMAIN_PAUSED, 0);
    assert_false(domain_is_paused_by_controller(d));
    this_cpu()->current = NULL;
    end_domain(d);
    end_domain(self);
}

static void test_a_domain_that_resumes_can_shut_down_again(void **state)
{
    struct domain *d = new_domain(5, 1, false);

    domain_latch_shutdown_code(d, SHUTDOWN_suspend);
    domain_shutdown(d, SHUTDOWN_crash);
    assert_int_equal(d->shutdown_code, SHUTDOWN_suspend);
    domain_resume(d);
    domain_resume(d);
    assert_int_equal(d->vcpus[0]->pause & VCPU_DOMAIN_PAUSED, 0);
    assert_int_equal(d->shutdown_code, NOT_SHUT_DOWN);
    domain_shutdown(d, SHUTDOWN_reboot);
    assert_int_equal(d->shutdown_code, SHUTDOWN_reboot);
    assert_int_equal(state_changes, 2);
    end_domain(d);
}

static void test_only_the_last_reason_to_wait_wakes(void **state)
{
    struct domain *d = new_domain(5, 1, false);
    struct vcpu *v = d->vcpus[0];

    vcpu_set_pause(v, VCPU_BLOCKED);
    vcpu_set_pause(v, VCPU_POLLING);
    assert_int_equal(slept, 1);
    vcpu_clear_pause(v, VCPU_BLOCKED);
    assert_int_equal(woken, 0);
    vcpu_clear_pause(v, VCPU_POLLING);
    vcpu_clear_pause(v, VCPU_POLLING);
    assert_int_equal(woken, 1);
    end_domain(d);
}

static void test_the_first_shutdown_counts(void **state)
{
    struct domain *d = new_domain(5, 1, false);

    domain_shutdown(d, SHUTDOWN_reboot);
    domain_shutdown(d, SHUTDOWN_crash);
    assert_int_equal(d->shutdown_code, SHUTDOWN_reboot);
    assert_int_equal(state_changes, 1);
    assert_true((d->vcpus[0]->pause & VCPU_DOMAIN_PAUSED) != 0);
    end_domain(d);
}

/* ---- the end
 * ------------------------------------------------------------------------------------- */

static void test_the_end_takes_as_many_turns_as_it_needs(void **state)
{
    struct domain *d = new_domain(5, 1, false);

    for (unsigned int i = 0; i < 20; i++) {
        (void)new_frame(d).n;
    }
    restarts = 3;
    interrupt_everything(true);
    /* Each frame given up and freed, its vCPU, and nothing any more. */
    assert_int_equal(kill_domain(d), 3 + 2 * 20 + 1 + 1);
    interrupt_everything(false);
    domain_put(d);
}

static void test_killing_the_dead_is_harmless(void **state)
{
    struct domain *d = new_domain(5, 1, false);

    (void)kill_domain(d);
    assert_int_equal(domain_kill(d), 0);
    assert_int_equal(state_changes, 1);
    domain_put(d);
}

static void test_domain_0_is_not_killed(void **state)
{
    struct domain *d = new_domain(0, 1, true);

    domain0 = d;
    assert_int_equal(domain_kill(d), -EINVAL);
    domain0 = NULL;
    end_domain(d);
}

static void test_the_dying_get_no_memory_and_make_no_claims(void **state)
{
    struct domain *d = new_domain(5, 1, false);
    void *page = page_alloc();
    mfn_t m;

    (void)kill_domain(d);
    assert_int_equal(domain_add_frames(d, 0, 64, &m), -EINVAL);
    assert_int_equal(domain_share_page(d, page, true), -EINVAL);
    m = frames_alloc(0, 64);
    domain_return_frames(d, m, 0);
    page_free(page);
    domain_put(d);
}

static void test_frames_that_others_hold_linger_and_keep_the_record(void **state)
{
    struct domain *d = new_domain(5, 1, false);
    mfn_t held[10];

    for (unsigned int i = 0; i < 10; i++) {
        held[i] = new_frame(d);
        assert_true(frame_get(frame_of(held[i]), 5));
    }
    end_domain(d);
    d = domain_get(5);
    assert_non_null(d);
    assert_int_equal(d->lingering_pages.count, 10);
    domain_put(d);
    for (unsigned int i = 0; i < 10; i++) {
        assert_int_equal(destroyed, 0);
        frame_put(frame_of(held[i]));
    }
    assert_int_equal(destroyed, 1);
}

static void test_shared_pages_stay_while_they_are_mapped(void **state)
{
    struct domain *d = new_domain(5, 1, false);
    void *page = quota_page(d), *read_only = quota_page(d);
    mfn_t m = virt_to_frame(page), r = virt_to_frame(read_only);
    uint64_t before = d->total_pages;

    assert_int_equal(domain_share_page(d, page, true), 0);
    assert_int_equal(domain_share_page(d, read_only, false), 0);
    assert_int_equal(d->total_pages, before);
    audit();
    assert_true(frame_get_writable(frame_of(m), 5));
    assert_false(frame_get_writable(frame_of(r), 5));
    assert_true(frame_get(frame_of(r), 5));
    domain_unshare_page(d, page);
    domain_unshare_page(d, read_only);
    assert_int_equal(frame_of(m)->owner, 5);
    assert_int_equal(d->total_pages, before + 2);
    frame_put_writable(frame_of(m));
    frame_put(frame_of(r));
    assert_int_equal(d->total_pages, before);
    assert_int_equal(frame_of(m)->owner, DOMID_INVALID);
    end_domain(d);
}

#define watch_test(function) cmocka_unit_test_setup_teardown(function, watch_setup, watch_teardown)

/* Its number is still in the list, as it goes last, but a reference would come from nothing. */
static void test_what_is_taken_apart_is_not_found_again(void **state)
{
    int error;
    struct domain *d = domain_create(5, 1, false, &error);

    assert_non_null(d);
    assert_int_equal(domain_kill(d), 0);
    domain_put(d);
    assert_int_equal(found_meanwhile, 0);
    assert_int_equal(destroyed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        watch_test(test_a_domain_has_its_shared_page_and_no_memory),
        watch_test(test_what_a_domain_can_not_be),
        watch_test(test_nobody_finds_a_domain_before_it_is_revealed),
        watch_test(test_a_creation_that_fails_leaves_nothing),
        watch_test(test_creation_fails_well_at_every_allocation),
        watch_test(test_a_vcpu_that_fails_leaves_nothing),
        watch_test(test_numbers_are_given_out_in_turn),
        watch_test(test_domains_are_found_by_number),
        watch_test(test_a_reference_keeps_the_record_of_the_dead),
        watch_test(test_pauses_nest),
        watch_test(test_a_vcpu_of_a_paused_domain_starts_paused),
        watch_test(test_a_pause_waits_until_the_vcpus_are_off),
        watch_test(test_who_is_paused_does_not_wait),
        watch_test(test_nobody_waits_for_himself),
        watch_test(test_control_software_undoes_only_its_own_pauses),
        watch_test(test_a_domain_that_resumes_can_shut_down_again),
        watch_test(test_only_the_last_reason_to_wait_wakes),
        watch_test(test_the_first_shutdown_counts),
        watch_test(test_the_end_takes_as_many_turns_as_it_needs),
        watch_test(test_killing_the_dead_is_harmless),
        watch_test(test_domain_0_is_not_killed),
        watch_test(test_the_dying_get_no_memory_and_make_no_claims),
        watch_test(test_frames_that_others_hold_linger_and_keep_the_record),
        watch_test(test_shared_pages_stay_while_they_are_mapped),
        watch_test(test_what_is_taken_apart_is_not_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
