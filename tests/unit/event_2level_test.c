// SPDX-License-Identifier: Apache-2.0
// The 2-level ABI: pending, mask, selector and upcall words, wake-ups, polling, moved words.
#include "event_fixture.h"

static struct domain *d;
static struct vcpu *v0, *v1;

static int setup(void **state)
{
    machine_setup(state);
    d = new_domain(1, 2, false);
    v0 = d->vcpus[0];
    v1 = d->vcpus[1];
    run_as(v0);
    return 0;
}

static int teardown(void **state)
{
    end_domain(d);
    return machine_teardown(state);
}

static bool pending(long port)
{
    return (d->shared->evtchn_pending[port / 64] >> (port % 64)) & 1;
}

static void mask(long port)
{
    d->shared->evtchn_mask[port / 64] |= 1ULL << (port % 64);
}

static bool masked(long port)
{
    return (d->shared->evtchn_mask[port / 64] >> (port % 64)) & 1;
}

/* As a guest's upcall does it: forget the upcall, the selector and the bits. */
static void consume(struct vcpu *v)
{
    v->info->evtchn_upcall_pending = 0;
    v->info->evtchn_pending_sel = 0;
    memset(d->shared->evtchn_pending, 0, sizeof(d->shared->evtchn_pending));
}

static void test_send_sets_pending_selector_and_upcall(void **state)
{
    long port = ipi_port(0);

    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_true(pending(port));
    assert_int_equal(v0->info->evtchn_pending_sel, 1ULL << (port / 64));
    assert_int_equal(v0->info->evtchn_upcall_pending, 1);
    assert_true(event_vcpu_pending(v0));
}

static void test_selector_bit_covers_the_ports_word(void **state)
{
    long port = 0;

    while (port < 200) {
        port = ipi_port(0);
        assert_true(port > 0);
    }
    assert_int_equal(send(200), 0);
    assert_int_equal(v0->info->evtchn_pending_sel, 1ULL << 3);
    assert_int_equal(d->shared->evtchn_pending[3], 1ULL << 8);
}

static void test_second_send_of_a_pending_event_does_nothing(void **state)
{
    long port = ipi_port(0);

    assert_int_equal(send((evtchn_port_t)port), 0);
    v0->info->evtchn_upcall_pending = 0;
    v0->info->evtchn_pending_sel = 0;
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(v0->info->evtchn_pending_sel, 0);
    assert_int_equal(v0->info->evtchn_upcall_pending, 0);
}

static void test_edge_is_lost_while_masked(void **state)
{
    long port = ipi_port(0);

    mask(port);
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_true(pending(port));
    assert_int_equal(v0->info->evtchn_pending_sel, 0);
    assert_int_equal(v0->info->evtchn_upcall_pending, 0);
    /* The guest unmasks by itself and sends again: still no edge. */
    d->shared->evtchn_mask[0] = 0;
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(v0->info->evtchn_upcall_pending, 0);
}

static void test_unmask_call_delivers_what_is_pending(void **state)
{
    long port = ipi_port(0);

    mask(port);
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(unmask((evtchn_port_t)port), 0);
    assert_false(masked(port));
    assert_int_equal(v0->info->evtchn_upcall_pending, 1);
    assert_int_equal(v0->info->evtchn_pending_sel, 1);
}

static void test_unmask_call_of_an_idle_port_tells_nobody(void **state)
{
    long port = ipi_port(0);

    mask(port);
    assert_int_equal(unmask((evtchn_port_t)port), 0);
    assert_false(masked(port));
    assert_int_equal(v0->info->evtchn_upcall_pending, 0);
    /* Nor does unmasking what was not masked, though it is pending. */
    d->shared->evtchn_pending[0] = 1ULL << port;
    assert_int_equal(unmask((evtchn_port_t)port), 0);
    assert_int_equal(v0->info->evtchn_upcall_pending, 0);
}

static void test_event_goes_to_the_vcpu_its_port_is_bound_to(void **state)
{
    long port = ipi_port(1);

    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(v0->info->evtchn_upcall_pending, 0);
    assert_int_equal(v1->info->evtchn_upcall_pending, 1);
}

static void test_upcall_mask_holds_off_the_upcall_only(void **state)
{
    long port = ipi_port(0);

    v0->info->evtchn_upcall_mask = 1;
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(v0->info->evtchn_upcall_pending, 1);
    assert_false(event_vcpu_pending(v0));
}

static void test_event_wakes_a_blocked_vcpu(void **state)
{
    long port = ipi_port(1);

    vcpu_set_pause(v1, VCPU_BLOCKED);
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(v1->pause, 0);
}

static void test_event_wakes_the_current_vcpu_that_is_about_to_block(void **state)
{
    assert_true(virq_port(VIRQ_TIMER, 0) > 0);
    vcpu_set_pause(v0, VCPU_BLOCKED);
    event_send_virq(v0, VIRQ_TIMER);
    assert_int_equal(v0->pause, 0);
}

static void test_event_kicks_a_vcpu_that_runs_elsewhere(void **state)
{
    long port = ipi_port(1);

    v1->cpu = cpus[1];
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(host_calls.kicks[1], 0); /* it is on no CPU now */
    consume(v1);
    cpus[1]->current = v1;
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(host_calls.kicks[1], 1);
    /* Masked upcalls or not: the guest may be unmasking them at this moment. */
    consume(v1);
    v1->info->evtchn_upcall_mask = 1;
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(host_calls.kicks[1], 2);
    assert_int_equal(host_calls.kicks[0], 0);
}

static void test_masked_event_wakes_and_kicks_nobody(void **state)
{
    long port = ipi_port(1);

    mask(port);
    vcpu_set_pause(v1, VCPU_BLOCKED);
    v1->cpu = cpus[1];
    cpus[1]->current = v1;
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(v1->pause, VCPU_BLOCKED);
    assert_int_equal(host_calls.kicks[1], 0);
}

static void test_close_clears_pending_and_leaves_the_mask(void **state)
{
    long port = ipi_port(0);

    mask(port);
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(close_port((evtchn_port_t)port), 0);
    assert_false(pending(port));
    assert_true(masked(port));
}

static void test_4095_is_the_last_port(void **state)
{
    long port = 0;

    for (int i = 1; i < 4096; i++) {
        port = ipi_port(0);
        assert_int_equal(port, i);
    }
    assert_int_equal(ipi_port(0), -ENOSPC);
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_true(pending(4095));
    assert_int_equal(v0->info->evtchn_pending_sel, 1ULL << 63);
    assert_int_equal(close_port(77), 0);
    assert_int_equal(ipi_port(0), 77);
}

static void test_32_bit_layout(void **state)
{
    char *shared = (char *)d->shared;
    uint32_t *bits = (uint32_t *)(shared + 32 * 64);
    long port = 0;

    d->is_32bit = true;
    while (port < 40) {
        port = ipi_port(0);
    }
    assert_int_equal(send(40), 0);
    assert_int_equal(bits[1], 1U << 8);
    assert_int_equal(*(uint32_t *)(shared + 4), 1U << 1); /* vcpu_info[0].evtchn_pending_sel */
    assert_int_equal(*(uint32_t *)(shared + 8), 0);
    bits[32 + 1] = 1U << 7; /* evtchn_mask */
    *(uint32_t *)(shared + 4) = 0;
    assert_int_equal(send(39), 0);
    assert_int_equal(*(uint32_t *)(shared + 4), 0);
    assert_int_equal(unmask(39), 0);
    assert_int_equal(*(uint32_t *)(shared + 4), 1U << 1);
    while (port < 1023) {
        port = ipi_port(0);
    }
    assert_int_equal(ipi_port(0), -ENOSPC);
}

/* ---- polling
 * --------------------------------------------------------------------------------------- */

static void test_poll_sleeps_until_its_port_is_pending_though_masked(void **state)
{
    evtchn_port_t port = (evtchn_port_t)ipi_port(0), other = (evtchn_port_t)ipi_port(0);

    mask(port);
    mask(other);
    assert_int_equal(event_poll(v1, &port, 1), 0);
    assert_int_equal(v1->pause, VCPU_POLLING);
    assert_int_equal(send(other), 0);
    assert_int_equal(v1->pause, VCPU_POLLING);
    assert_int_equal(send(port), 0);
    assert_int_equal(v1->pause, 0);
    assert_int_equal(v1->info->evtchn_upcall_pending, 0);
    assert_int_equal(d->events->poller_count, 0);
}

static void test_poll_of_a_pending_port_does_not_sleep(void **state)
{
    evtchn_port_t port = (evtchn_port_t)ipi_port(1);

    mask(port);
    assert_int_equal(send(port), 0);
    assert_int_equal(event_poll(v0, &port, 1), 1);
    assert_int_equal(v0->pause, 0);
    assert_int_equal(d->events->poller_count, 0);
}

static void test_poll_of_several_ports(void **state)
{
    evtchn_port_t ports[3] = {(evtchn_port_t)ipi_port(0), (evtchn_port_t)ipi_port(0),
                              (evtchn_port_t)ipi_port(0)};

    for (int i = 0; i < 3; i++) {
        mask(ports[i]);
    }
    assert_int_equal(event_poll(v0, ports, 3), 0);
    assert_int_equal(v0->pause, VCPU_POLLING);
    assert_int_equal(send(ports[2]), 0);
    assert_int_equal(v0->pause, 0);
    assert_int_equal(event_poll(v0, ports, 3), 1);
}

static void test_poll_ends_with_an_upcall_and_begins_anew(void **state)
{
    evtchn_port_t port = (evtchn_port_t)ipi_port(0), other = (evtchn_port_t)ipi_port(0);

    mask(port);
    assert_int_equal(event_poll(v0, &port, 1), 0);
    assert_int_equal(send(other), 0);
    assert_int_equal(v0->pause, 0);
    assert_int_equal(event_poll(v0, &port, 1), 1); /* an upcall is due */
    consume(v0);
    assert_int_equal(event_poll(v0, &port, 1), 0);
    assert_int_equal(d->events->poller_count, 1);
    vcpu_clear_pause(v0, VCPU_POLLING); /* a time-out */
    assert_int_equal(event_poll(v0, &port, 1), 0);
    assert_int_equal(d->events->poller_count, 1);
}

static void test_poll_with_masked_upcalls_sleeps_though_one_is_pending(void **state)
{
    evtchn_port_t port = (evtchn_port_t)ipi_port(0), other = (evtchn_port_t)ipi_port(0);

    v0->info->evtchn_upcall_mask = 1;
    assert_int_equal(send(other), 0);
    assert_int_equal(event_poll(v0, &port, 1), 0);
    assert_int_equal(v0->pause, VCPU_POLLING);
}

static void test_poll_of_no_ports_waits_for_an_upcall(void **state)
{
    assert_true(virq_port(VIRQ_TIMER, 0) > 0);
    assert_int_equal(event_poll(v0, NULL, 0), 0);
    event_send_virq(v0, VIRQ_TIMER);
    assert_int_equal(v0->pause, 0);
}

static void test_poll_of_a_port_that_is_none(void **state)
{
    evtchn_port_t port = 5000, none = 0;

    assert_int_equal(event_poll(v0, &port, 1), -EINVAL);
    assert_int_equal(v0->pause, 0);
    assert_int_equal(d->events->poller_count, 0);
    assert_true(ipi_port(0) > 0);
    assert_int_equal(event_poll(v0, &none, 1), 0); /* never pending: until an upcall or a timer */
    assert_int_equal(d->events->poller_count, 1);
    assert_int_equal(send(1), 0);
    assert_int_equal(v0->pause, 0);
    assert_int_equal(event_poll(v0, NULL, 0), 1);
    assert_int_equal(d->events->poller_count, 0);
}

/* ---- VCPUOP_register_vcpu_info
 * ----------------------------------------------------------------------- */

static void test_register_vcpu_info_moves_the_words_and_marks_all_pending(void **state)
{
    mfn_t frame = new_frame(d);
    struct vcpu_info *info = (struct vcpu_info *)((char *)frame_to_virt(frame) + 128);
    long port = ipi_port(0);

    v0->info->evtchn_upcall_mask = 1;
    v0->info->time.version = 4;
    assert_int_equal(event_register_vcpu_info(v0, frame, 128), 0);
    assert_ptr_equal(v0->info, info);
    assert_int_equal(info->evtchn_upcall_mask, 1);
    assert_int_equal(info->time.version, 4);
    assert_int_equal(info->evtchn_upcall_pending, 1);
    assert_true(info->evtchn_pending_sel == ~0ULL);
    info->evtchn_upcall_pending = 0;
    info->evtchn_pending_sel = 0;
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(info->evtchn_upcall_pending, 1);
    assert_int_equal(info->evtchn_pending_sel, 1);
}

static void test_register_vcpu_info_errors(void **state)
{
    mfn_t frame = new_frame(d);

    assert_int_equal(event_register_vcpu_info(v0, frame, PAGE_SIZE - 63), -ENXIO);
    assert_int_equal(event_register_vcpu_info(v0, frame, 4), -ENXIO);
    assert_int_equal(event_register_vcpu_info(v0, mfn(~0ULL >> 12), 0), -EINVAL);
    assert_int_equal(event_register_vcpu_info(v0, mfn(0), 0), -EINVAL);
    assert_int_equal(event_register_vcpu_info(v1, frame, 0), -EINVAL); /* it may run */
    vcpu_set_pause(v1, VCPU_DOWN);
    assert_int_equal(event_register_vcpu_info(v1, frame, PAGE_SIZE - 64), 0);
    assert_int_equal(event_register_vcpu_info(v1, frame, 0), -EINVAL); /* once only */
}

static void test_registered_page_is_let_go_at_the_end(void **state)
{
    mfn_t frame = new_frame(d);

    assert_int_equal(event_register_vcpu_info(v0, frame, 0), 0);
    assert_int_equal(frame_state(frame_of(frame)) & FRAME_REF_MASK, 2);
    end_domain(d);
    assert_int_equal(frame_state(frame_of(frame)) & FRAME_REF_MASK, 0);
    d = new_domain(1, 1, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_send_sets_pending_selector_and_upcall),
        TEST(test_selector_bit_covers_the_ports_word),
        TEST(test_second_send_of_a_pending_event_does_nothing),
        TEST(test_edge_is_lost_while_masked),
        TEST(test_unmask_call_delivers_what_is_pending),
        TEST(test_unmask_call_of_an_idle_port_tells_nobody),
        TEST(test_event_goes_to_the_vcpu_its_port_is_bound_to),
        TEST(test_upcall_mask_holds_off_the_upcall_only),
        TEST(test_event_wakes_a_blocked_vcpu),
        TEST(test_event_wakes_the_current_vcpu_that_is_about_to_block),
        TEST(test_event_kicks_a_vcpu_that_runs_elsewhere),
        TEST(test_masked_event_wakes_and_kicks_nobody),
        TEST(test_close_clears_pending_and_leaves_the_mask),
        TEST(test_4095_is_the_last_port),
        TEST(test_32_bit_layout),
        TEST(test_poll_sleeps_until_its_port_is_pending_though_masked),
        TEST(test_poll_of_a_pending_port_does_not_sleep),
        TEST(test_poll_of_several_ports),
        TEST(test_poll_ends_with_an_upcall_and_begins_anew),
        TEST(test_poll_with_masked_upcalls_sleeps_though_one_is_pending),
        TEST(test_poll_of_no_ports_waits_for_an_upcall),
        TEST(test_poll_of_a_port_that_is_none),
        TEST(test_register_vcpu_info_moves_the_words_and_marks_all_pending),
        TEST(test_register_vcpu_info_errors),
        TEST(test_registered_page_is_let_go_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
