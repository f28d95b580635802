// SPDX-License-Identifier: Apache-2.0
// The last steps before a guest runs: what its kernel is owed is delivered, once, and work that
// came meanwhile goes first.
#include "arch/race.h"
#include "pv/exit.h"

#include "pv_fixture.h"

#define EVENT_HANDLER    (HANDLER + 0x100)
#define FAILSAFE_HANDLER (HANDLER + 0x200)
#define NMI_HANDLER      (HANDLER + 0x300)

static uint64_t exits_at(void)
{
    assert_ptr_equal(exit_to_guest(), v);
    return v->regs.rip;
}

static void nothing_owed_is_nothing_done(void **state)
{
    v->event.address = EVENT_HANDLER;
    assert_int_equal(exits_at(), (uint64_t)code);
}

static void an_upcall_is_delivered_where_it_may_be(void **state)
{
    v->info->evtchn_upcall_pending = 1;
    assert_int_equal(exits_at(), (uint64_t)code); /* the kernel named no handler yet */
    v->event.address = EVENT_HANDLER;
    v->info->evtchn_upcall_mask = 1;
    assert_int_equal(exits_at(), (uint64_t)code);
    v->info->evtchn_upcall_mask = 0;
    assert_int_equal(exits_at(), EVENT_HANDLER);
    assert_int_equal(v->info->evtchn_upcall_mask, 1);
}

static void a_selector_that_was_lost_is_told_once(void **state)
{
    v->lost_segment = true;
    assert_int_equal(exits_at(), (uint64_t)code); /* to nobody: there is no handler */
    assert_false(v->lost_segment);
    v->failsafe.address = FAILSAFE_HANDLER;
    v->lost_segment = true;
    assert_int_equal(exits_at(), FAILSAFE_HANDLER);
    v->regs.rip = (uint64_t)code;
    assert_int_equal(exits_at(), (uint64_t)code);
}

static void an_nmi_masks_the_next(void **state)
{
    v->nmi_pending = true;
    assert_int_equal(exits_at(), (uint64_t)code);
    v->nmi.address = NMI_HANDLER;
    assert_int_equal(exits_at(), NMI_HANDLER);
    assert_false(v->nmi_pending);
    v->regs.rip = (uint64_t)code;
    v->nmi_pending = true;
    assert_int_equal(exits_at(), (uint64_t)code);
    assert_true(v->nmi_pending);
}

static void work_goes_first(void **state)
{
    cpu_raise_self(WORK_TIMER);
    assert_int_equal(exits_at(), (uint64_t)code);
    assert_int_equal(this_cpu()->pending, 0);
}

/* An interrupt ends the idle CPU's sleep: the vCPU may run, and is the CPU's. */
static void wake(bool waits)
{
    this_cpu()->current = v;
}

static void an_idle_cpu_waits_for_somebody_to_run(void **state)
{
    static struct domain idlers = {.id = DOMID_IDLE};
    struct vcpu idle = {.domain = &idlers};

    this_cpu()->current = &idle;
    host_race_window = wake;
    assert_int_equal(exits_at(), (uint64_t)code);
    host_race_window = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_owed_is_nothing_done),
        TEST(an_upcall_is_delivered_where_it_may_be),
        TEST(a_selector_that_was_lost_is_told_once),
        TEST(an_nmi_masks_the_next),
        TEST(work_goes_first),
        TEST(an_idle_cpu_waits_for_somebody_to_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
