// SPDX-License-Identifier: Apache-2.0
// Physical interrupts, from the controller's side and the guests': who gets one, when it is masked,
// when the next may come, and that nothing is left behind.
#include "irq_fixture.h"

/* ---- binding --------------------------------------------------------------------------------- */

static void test_only_what_is_mapped_can_be_bound(void **state)
{
    struct domain *d = new_domain(1, 1, false);

    assert_int_equal(bind_pirq_of(d, EDGE, 0), -EPERM);
    assert_int_equal(bind_pirq_of(d, pirq_limit(), 0), -EINVAL);
    assert_int_equal(map_gsi(d, EDGE), EDGE);
    assert_int_equal(bind_pirq_of(d, EDGE, 2), -EINVAL);
    assert_true(bind_pirq_of(d, EDGE, 0) > 0);
    assert_int_equal(bind_pirq_of(d, EDGE, 0), -EEXIST);
    end_domain(d);
}

static void test_a_pin_is_open_while_it_is_bound(void **state)
{
    struct domain *d = new_domain(1, 1, false);
    long port;

    assert_int_equal(map_gsi(d, LEVEL), LEVEL);
    assert_false(fake.open[LEVEL]);
    port = bind_pirq_of(d, LEVEL, 0);
    assert_true(fake.open[LEVEL]);
    assert_true(fake.trigger[LEVEL].level && fake.trigger[LEVEL].active_low);
    assert_false(fake.urgent[LEVEL]);
    assert_int_equal(close_port((evtchn_port_t)port), 0);
    assert_false(fake.open[LEVEL]);
    assert_true(bind_pirq_of(d, LEVEL, 0) > 0);
    assert_true(fake.open[LEVEL]);
    end_domain(d);
}

static void test_a_failed_connection_leaves_nothing_bound(void **state)
{
    struct domain *d = new_domain(1, 1, false);

    assert_int_equal(map_gsi(d, 6), 6);
    fake.error = -ENOSPC;
    assert_int_equal(bind_pirq_of(d, 6, 0), -ENOSPC);
    fake.error = 0;
    assert_true(bind_pirq_of(d, 6, 0) > 0);
    end_domain(d);
}

/* ---- edges and messages ---------------------------------------------------------------------- */

static void test_an_edge_is_an_event_and_never_masked(void **state)
{
    struct domain *d = new_domain(1, 1, false);
    long port;
    unsigned int changes;

    assert_int_equal(map_gsi(d, EDGE), EDGE);
    port = bind_pirq_of(d, EDGE, 0);
    changes = fake.mask_changes[EDGE];
    for (int i = 0; i < 3; i++) {
        irq_deliver(EDGE);
        irq_deliver(EDGE); /* merges */
        assert_true(take_event(d, port));
        assert_false(take_event(d, port));
    }
    assert_int_equal(fake.mask_changes[EDGE], changes);
    assert_int_equal(status_flags(d, EDGE), 0);
    assert_int_equal(pirq_eoi(d, EDGE), 0);
    assert_int_equal(fake.mask_changes[EDGE], changes);
    end_domain(d);
}

static void test_a_message_is_masked_until_bound_and_never_after(void **state)
{
    struct domain *d = new_domain(1, 1, false);
    long pirq = map_message(d, 8, 5, 1), port;
    int irq = pirq_to_irq(d, (uint32_t)pirq);

    assert_true(irq >= GSIS && fake.connected[irq]);
    assert_int_equal(fake.source.entry, 5);
    assert_false(fake.open[irq]);
    port = bind_pirq_of(d, (uint32_t)pirq, 0);
    assert_true(fake.open[irq]);
    irq_deliver((uint32_t)irq);
    assert_true(fake.open[irq]);
    assert_true(take_event(d, port));
    assert_int_equal(status_flags(d, (uint32_t)pirq), 0);
    assert_int_equal(close_port((evtchn_port_t)port), 0);
    assert_false(fake.open[irq]);
    irq_deliver((uint32_t)irq); /* one that was on its way */
    assert_false(take_event(d, port));
    end_domain(d);
    assert_false(fake.connected[irq]);
}

/* ---- levels ---------------------------------------------------------------------------------- */

static void test_a_level_is_masked_until_the_guest_says_eoi(void **state)
{
    struct domain *d = new_domain(1, 1, false);
    long port;

    assert_int_equal(map_gsi(d, LEVEL), LEVEL);
    port = bind_pirq_of(d, LEVEL, 0);
    assert_int_equal(status_flags(d, LEVEL), XENIRQSTAT_needs_eoi);
    for (int i = 0; i < 3; i++) {
        irq_deliver(LEVEL);
        assert_false(fake.open[LEVEL]);
        assert_true(take_event(d, port));
        assert_int_equal(pirq_eoi(d, LEVEL), 0);
        assert_true(fake.open[LEVEL]);
        assert_int_equal(pirq_eoi(d, LEVEL), 0);
        assert_true(fake.open[LEVEL]);
    }
    end_domain(d);
}

static void test_a_shared_level_waits_for_every_guest(void **state)
{
    struct domain *a = new_domain(1, 1, false), *b = new_domain(2, 1, false);
    long port_a, port_b;

    assert_int_equal(map_gsi(a, LEVEL), LEVEL);
    assert_int_equal(map_gsi(b, LEVEL), LEVEL);
    port_a = bind_pirq_of(a, LEVEL, BIND_PIRQ__WILL_SHARE);
    port_b = bind_pirq_of(b, LEVEL, BIND_PIRQ__WILL_SHARE);
    assert_int_equal(status_flags(a, LEVEL), XENIRQSTAT_needs_eoi | XENIRQSTAT_shared);
    irq_deliver(LEVEL);
    assert_true(take_event(a, port_a));
    assert_true(take_event(b, port_b));
    assert_int_equal(pirq_eoi(a, LEVEL), 0);
    assert_int_equal(pirq_eoi(a, LEVEL), 0);
    assert_false(fake.open[LEVEL]);
    assert_int_equal(pirq_eoi(b, LEVEL), 0);
    assert_true(fake.open[LEVEL]);
    end_domain(a);
    end_domain(b);
}

static void test_sharing_takes_both_sides_will(void **state)
{
    struct domain *a = new_domain(1, 1, false), *b = new_domain(2, 1, false);
    long port;

    assert_int_equal(map_gsi(a, LEVEL), LEVEL);
    assert_int_equal(map_gsi(b, LEVEL), LEVEL);
    port = bind_pirq_of(a, LEVEL, 0);
    assert_int_equal(bind_pirq_of(b, LEVEL, BIND_PIRQ__WILL_SHARE), -EBUSY);
    run_as(a->vcpus[0]);
    assert_int_equal(close_port((evtchn_port_t)port), 0);
    assert_true(bind_pirq_of(a, LEVEL, BIND_PIRQ__WILL_SHARE) > 0);
    assert_int_equal(bind_pirq_of(b, LEVEL, 0), -EBUSY);
    end_domain(a);
    end_domain(b);
}

static void test_who_leaves_owes_nothing(void **state)
{
    struct domain *a = new_domain(1, 1, false), *b = new_domain(2, 1, false);
    long port_a, port_b;

    assert_int_equal(map_gsi(a, LEVEL), LEVEL);
    assert_int_equal(map_gsi(b, LEVEL), LEVEL);
    port_a = bind_pirq_of(a, LEVEL, BIND_PIRQ__WILL_SHARE);
    port_b = bind_pirq_of(b, LEVEL, BIND_PIRQ__WILL_SHARE);
    irq_deliver(LEVEL);
    assert_int_equal(pirq_eoi(b, LEVEL), 0);
    assert_false(fake.open[LEVEL]);
    run_as(a->vcpus[0]);
    assert_int_equal(close_port((evtchn_port_t)port_a), 0);
    assert_true(fake.open[LEVEL]);
    assert_true(take_event(b, port_b));

    /* A new one does not owe what came before it. */
    irq_deliver(LEVEL);
    port_a = bind_pirq_of(a, LEVEL, BIND_PIRQ__WILL_SHARE);
    assert_false(fake.open[LEVEL]);
    assert_int_equal(pirq_eoi(a, LEVEL), 0);
    assert_false(fake.open[LEVEL]);
    assert_int_equal(pirq_eoi(b, LEVEL), 0);
    assert_true(fake.open[LEVEL]);

    irq_deliver(LEVEL);
    end_domain(a);
    assert_int_equal(pirq_eoi(b, LEVEL), 0);
    assert_true(fake.open[LEVEL]);
    end_domain(b);
    assert_false(fake.open[LEVEL]);
}

static void test_an_interrupt_of_nobody_is_masked(void **state)
{
    irq_deliver(LEVEL);
    assert_false(fake.open[LEVEL]);
}

/* ---- the page of bits ------------------------------------------------------------------------ */

static void test_the_page_says_which_need_an_eoi(void **state)
{
    struct domain *d = new_domain(1, 1, false), *other = new_domain(2, 1, false);
    mfn_t frame = new_frame(d), foreign = new_frame(other);
    const uint64_t *bits = frame_to_virt(frame);
    long port;

    assert_int_equal(map_gsi(d, LEVEL), LEVEL);
    assert_int_equal(map_gsi(d, 21), 21);
    assert_int_equal(map_gsi(d, EDGE), EDGE);
    port = bind_pirq_of(d, LEVEL, 0);
    assert_true(bind_pirq_of(d, EDGE, 0) > 0);
    assert_int_equal(pirq_set_eoi_page(d, foreign, false), -EINVAL);
    assert_int_equal(pirq_set_eoi_page(d, mfn(frame_count), false), -EINVAL);
    assert_int_equal(pirq_set_eoi_page(d, frame, false), 0);
    assert_int_equal(pirq_set_eoi_page(d, frame, false), -EBUSY);
    assert_int_equal(bits[0], 1ULL << LEVEL);
    assert_true(bind_pirq_of(d, 21, 0) > 0);
    assert_int_equal(bits[0], 1ULL << LEVEL | 1ULL << 21);
    assert_int_equal(close_port((evtchn_port_t)port), 0);
    assert_int_equal(bits[0], 1ULL << 21);
    end_domain(d);
    end_domain(other);
}

static void test_version_1_of_the_page_makes_eoi_unmask_the_port(void **state)
{
    struct domain *d = new_domain(1, 1, false);
    long port;

    assert_int_equal(map_gsi(d, LEVEL), LEVEL);
    port = bind_pirq_of(d, LEVEL, 0);
    bit_set((uint64_t *)d->shared->evtchn_mask, (size_t)port);
    assert_int_equal(pirq_eoi(d, LEVEL), 0);
    assert_true(bit_test((uint64_t *)d->shared->evtchn_mask, (size_t)port));
    assert_int_equal(pirq_set_eoi_page(d, new_frame(d), true), 0);
    assert_int_equal(pirq_eoi(d, LEVEL), 0);
    assert_false(bit_test((uint64_t *)d->shared->evtchn_mask, (size_t)port));
    end_domain(d);
}

/* ---- mapping --------------------------------------------------------------------------------- */

static void test_mapping_a_pin(void **state)
{
    struct domain *d = new_domain(1, 1, false);
    int pirq = 50;

    assert_int_equal(map_gsi(d, MISSING), -EINVAL);
    assert_int_equal(map_gsi(d, GSIS), -EINVAL);
    assert_int_equal(map_gsi(d, UINT32_MAX), -EINVAL);
    assert_int_equal(pirq_map_gsi(d, 3, &pirq), 0);
    assert_int_equal(pirq, 50);
    assert_int_equal(pirq_to_irq(d, 50), 3);
    assert_int_equal(pirq_map_gsi(d, 3, &pirq), 0); /* it is already */
    assert_int_equal(map_gsi(d, 3), -EEXIST);       /* but as 50 */
    assert_int_equal(pirq_map_gsi(d, 4, &pirq), -EEXIST);
    pirq = (int)pirq_limit();
    assert_int_equal(pirq_map_gsi(d, 4, &pirq), -EINVAL);
    pirq = PIRQ_ANY;
    assert_int_equal(pirq_map_gsi(d, 3, &pirq), 0);
    assert_int_equal(pirq, 50);
    pirq = PIRQ_ANY;
    assert_int_equal(pirq_map_gsi(d, 4, &pirq), 0);
    assert_int_equal(pirq, 4);
    end_domain(d);
}

static void test_a_pin_has_room_for_so_many_domains(void **state)
{
    struct domain *d[9];

    for (domid_t i = 0; i < 9; i++) {
        d[i] = new_domain(i + 1, 1, false);
        assert_int_equal(map_gsi(d[i], LEVEL), i < 8 ? LEVEL : -ENOSPC);
        assert_int_equal(pirq_to_irq(d[i], LEVEL), i < 8 ? LEVEL : -EINVAL);
    }
    for (unsigned int i = 0; i < 9; i++) {
        end_domain(d[i]);
    }
}

static void test_unmapping_unbinds_and_a_late_close_does_no_harm(void **state)
{
    struct domain *d = new_domain(1, 1, false);
    long old_port, new_port;

    assert_int_equal(pirq_unmap(d, LEVEL), -EINVAL);
    assert_int_equal(map_gsi(d, LEVEL), LEVEL);
    old_port = bind_pirq_of(d, LEVEL, 0);
    irq_deliver(LEVEL);
    assert_true(take_event(d, old_port));
    assert_int_equal(pirq_unmap(d, LEVEL), 0);
    assert_false(fake.open[LEVEL]);
    assert_int_equal(pirq_eoi(d, LEVEL), -EINVAL);
    irq_deliver(LEVEL);
    assert_false(take_event(d, old_port));

    assert_int_equal(map_gsi(d, LEVEL), LEVEL);
    new_port = bind_pirq_of(d, LEVEL, 0);
    assert_int_equal(close_port((evtchn_port_t)old_port), 0);
    assert_true(fake.open[LEVEL]);
    irq_deliver(LEVEL);
    assert_true(take_event(d, new_port));
    end_domain(d);
}

static void test_messages_that_were_mapped_together_go_together(void **state)
{
    struct domain *d = new_domain(1, 1, false);
    long first = map_message(d, 16, 0, 4);
    int irq = pirq_to_irq(d, (uint32_t)first);

    assert_true(first >= 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pirq_to_irq(d, (uint32_t)first + i), irq + i);
        assert_true(fake.connected[irq + i]);
    }
    assert_true(bind_pirq_of(d, (uint32_t)first + 2, 0) > 0);
    assert_true(fake.open[irq + 2]);
    assert_int_equal(pirq_unmap(d, (uint32_t)first + 1), -EINVAL);
    assert_int_equal(pirq_unmap(d, (uint32_t)first), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pirq_to_irq(d, (uint32_t)first + i), -EINVAL);
        assert_false(fake.connected[irq + i]);
    }
    end_domain(d);
}

static void test_failed_message_maps_leave_nothing(void **state)
{
    const struct irq_source source = {.is_msix = true};
    struct domain *d = new_domain(1, 1, false);
    int pirq = EDGE;
    long mapped = 0;

    assert_int_equal(map_gsi(d, EDGE), EDGE);
    assert_int_equal(pirq_map_messages(d, &source, 1, &pirq), -EEXIST);
    pirq = (int)pirq_limit() - 1;
    assert_int_equal(pirq_map_messages(d, &source, 2, &pirq), -EINVAL);
    pirq = PIRQ_ANY;
    assert_int_equal(pirq_map_messages(d, &source, 0, &pirq), -EINVAL);
    assert_int_equal(pirq_map_messages(d, &source, 100000, &pirq), -EINVAL);
    for (unsigned int i = GSIS; i < FAKE_IRQS; i++) {
        assert_false(fake.connected[i]);
    }
    fake.error = -ENODEV;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(map_message(d, 8, 0, 1), -ENODEV);
    }
    fake.error = 0;
    while (map_message(d, 8, 0, 1) >= 0) {
        mapped++;
    }
    assert_int_equal(mapped, pirq_limit() - GSIS);
    assert_int_equal(map_message(d, 8, 0, 1), -ENOSPC);
    end_domain(d);
}

static void test_numbers_put_aside(void **state)
{
    struct domain *d = new_domain(1, 1, false);
    uint32_t pin, message;
    int pirq;

    assert_int_equal(pirq_reserve(d, true, &pin), 0);
    assert_int_equal(pirq_reserve(d, false, &message), 0);
    assert_int_equal(pin, 16);
    assert_int_equal(message, pirq_limit() - 1);
    assert_int_equal(pirq_to_irq(d, pin), -EINVAL);
    assert_true(map_message(d, 8, 0, 1) == (long)message - 1);
    pirq = (int)pin;
    assert_int_equal(pirq_map_gsi(d, 9, &pirq), 0);
    assert_int_equal(pirq_to_irq(d, pin), 9);
    while (pirq_reserve(d, true, &pin) == 0) {
    }
    assert_int_equal(pirq_reserve(d, false, &message), -ENOSPC);
    assert_int_equal(map_gsi(d, 10), 10); /* put aside, so not given to others, but to be had */
    end_domain(d);
}

/* ---- Pavise's own, triggers, CPUs, devices --------------------------------------------------- */

static unsigned int handled;

static void handle(void)
{
    handled++;
}

static void test_a_pin_of_pavise_s_own(void **state)
{
    struct domain *d = new_domain(1, 1, false);

    assert_int_equal(irq_claim(MISSING, handle), -EINVAL);
    assert_int_equal(irq_claim(GSIS, handle), -EINVAL);
    assert_int_equal(map_gsi(d, 8), 8);
    assert_true(bind_pirq_of(d, 8, 0) > 0);
    assert_int_equal(irq_claim(8, handle), -EBUSY);
    assert_int_equal(irq_claim(4, handle), 0);
    assert_true(fake.open[4] && fake.urgent[4]);
    irq_deliver(4);
    irq_deliver(4);
    assert_int_equal(handled, 2);
    assert_int_equal(irq_claim(4, handle), -EBUSY);
    assert_int_equal(map_gsi(d, 4), 4);
    assert_int_equal(bind_pirq_of(d, 4, BIND_PIRQ__WILL_SHARE), -EBUSY);
    end_domain(d);
    assert_true(fake.open[4]);
}

static void test_how_a_pin_signals_is_said_once_before_use(void **state)
{
    const struct irq_trigger level_high = {.level = true, .active_low = false};
    struct domain *d = new_domain(1, 1, false);

    assert_int_equal(irq_set_trigger(MISSING, level_high), -EINVAL);
    assert_int_equal(irq_set_trigger(11, level_high), 0);
    assert_int_equal(irq_set_trigger(11, level_high), -EEXIST);
    assert_int_equal(map_gsi(d, 11), 11);
    assert_true(bind_pirq_of(d, 11, 0) > 0);
    assert_true(fake.trigger[11].level && !fake.trigger[11].active_low);
    assert_int_equal(status_flags(d, 11), XENIRQSTAT_needs_eoi);
    assert_int_equal(map_gsi(d, 12), 12);
    assert_true(bind_pirq_of(d, 12, 0) > 0);
    assert_int_equal(irq_set_trigger(12, level_high), -EEXIST);
    assert_int_equal(irq_set_trigger(12, (struct irq_trigger){0}), 0); /* as it is */
    assert_int_equal(irq_set_trigger(12, (struct irq_trigger){0}), -EEXIST);
    end_domain(d);
}

static void test_interrupts_follow_their_vcpu(void **state)
{
    struct domain *d = new_domain(1, 2, false);
    long edge, level, message;
    long pirq = map_message(d, 8, 1, 1);

    d->vcpus[1]->cpu = cpus[1];
    assert_int_equal(map_gsi(d, EDGE), EDGE);
    assert_int_equal(map_gsi(d, LEVEL), LEVEL);
    edge = bind_pirq_of(d, EDGE, 0);
    level = bind_pirq_of(d, LEVEL, 0);
    message = bind_pirq_of(d, (uint32_t)pirq, 0);
    assert_int_equal(move_to_vcpu((evtchn_port_t)edge, 1), 0);
    assert_int_equal(move_to_vcpu((evtchn_port_t)level, 1), 0);
    assert_int_equal(move_to_vcpu((evtchn_port_t)message, 1), 0);
    assert_int_equal(fake.cpu[EDGE], 1);
    assert_int_equal(fake.cpu[LEVEL], 1);
    assert_int_equal(fake.cpu[pirq_to_irq(d, (uint32_t)pirq)], 1);
    end_domain(d);
}

static void test_an_interrupt_that_found_its_vcpu_gone_goes_there_next_time(void **state)
{
    struct domain *d = new_domain(1, 1, false);

    assert_int_equal(map_gsi(d, EDGE), EDGE);
    assert_true(bind_pirq_of(d, EDGE, 0) > 0);
    assert_int_equal(fake.cpu[EDGE], 0);
    d->vcpus[0]->cpu = cpus[1];
    irq_deliver(EDGE);
    assert_int_equal(fake.cpu[EDGE], 1);
    d->vcpus[0]->cpu = cpus[0];
    end_domain(d);
}

static void test_interrupts_leave_a_cpu_that_goes_offline(void **state)
{
    struct domain *d = new_domain(1, 1, false);

    assert_int_equal(map_gsi(d, LEVEL), LEVEL);
    assert_true(bind_pirq_of(d, LEVEL, 0) > 0);
    d->vcpus[0]->cpu = cpus[1];
    irq_deliver(LEVEL);
    assert_int_equal(pirq_eoi(d, LEVEL), 0);
    assert_int_equal(fake.cpu[LEVEL], 1);
    cpu_set_online(1, false);
    irq_leave_cpu(1);
    assert_int_equal(fake.cpu[LEVEL], 0);
    irq_deliver(LEVEL); /* before the vCPU has left */
    assert_int_equal(fake.cpu[LEVEL], 0);
    assert_int_equal(pirq_eoi(d, LEVEL), 0);
    cpu_set_online(1, true);
    d->vcpus[0]->cpu = cpus[0];
    end_domain(d);
}

static void test_messages_of_a_device_are_restored(void **state)
{
    const struct irq_source device = {.bus = 3, .devfn = 8}, other = {.bus = 4, .devfn = 8};
    struct domain *d = new_domain(1, 1, false);
    long pirq;

    assert_false(irq_device_in_use(&device));
    pirq = map_message(d, 8, 0, 1);
    assert_true(map_message(d, 16, 0, 1) >= 0);
    assert_true(irq_device_in_use(&device));
    assert_false(irq_device_in_use(&other));
    assert_int_equal(irq_restore_messages(&other), 0);
    assert_int_equal(irq_restore_messages(&device), 1);
    assert_true(fake.restored_masked);
    assert_true(bind_pirq_of(d, (uint32_t)pirq, 0) > 0);
    assert_int_equal(irq_restore_messages(&device), 1);
    assert_false(fake.restored_masked);
    assert_int_equal(fake.restored, 2);
    end_domain(d);
    assert_false(irq_device_in_use(&device));
}

/* ---- the end --------------------------------------------------------------------------------- */

static void test_a_dying_domain_gets_no_more(void **state)
{
    struct domain *d = new_domain(1, 1, false);
    mfn_t frame = new_frame(d);
    uint32_t number;
    int pirq = PIRQ_ANY;
    const struct irq_source source = {.is_msix = true};

    assert_int_equal(map_gsi(d, LEVEL), LEVEL);
    assert_true(bind_pirq_of(d, LEVEL, 0) > 0);
    irq_deliver(LEVEL);
    d->life = DOMAIN_DYING;
    assert_int_equal(map_gsi(d, EDGE), -EINVAL);
    assert_int_equal(pirq_map_messages(d, &source, 1, &pirq), -EINVAL);
    assert_int_equal(pirq_reserve(d, false, &number), -EINVAL);
    assert_int_equal(pirq_set_eoi_page(d, frame, false), -EINVAL);
    d->life = DOMAIN_ALIVE;
    end_domain(d);
    assert_false(fake.open[LEVEL]);
}

static void test_the_end_can_be_interrupted_at_every_point(void **state)
{
    struct domain *d = new_domain(1, 1, false);
    unsigned int rounds = 0;
    long result;

    assert_int_equal(pirq_set_eoi_page(d, new_frame(d), false), 0);
    for (uint32_t gsi = 16; gsi < GSIS; gsi++) {
        assert_int_equal(map_gsi(d, gsi), gsi);
        assert_true(bind_pirq_of(d, gsi, 0) > 0);
    }
    assert_true(map_message(d, 8, 0, 8) >= 0);
    do {
        this_cpu()->pending = 1U << WORK_SCHEDULE;
        result = domain_kill(d);
        rounds++;
    } while (result == HYPERCALL_RESTART);
    this_cpu()->pending = 0;
    assert_int_equal(result, 0);
    assert_true(rounds > 8);
    domain_put(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IRQ_TEST(test_only_what_is_mapped_can_be_bound),
        IRQ_TEST(test_a_pin_is_open_while_it_is_bound),
        IRQ_TEST(test_a_failed_connection_leaves_nothing_bound),
        IRQ_TEST(test_an_edge_is_an_event_and_never_masked),
        IRQ_TEST(test_a_message_is_masked_until_bound_and_never_after),
        IRQ_TEST(test_a_level_is_masked_until_the_guest_says_eoi),
        IRQ_TEST(test_a_shared_level_waits_for_every_guest),
        IRQ_TEST(test_sharing_takes_both_sides_will),
        IRQ_TEST(test_who_leaves_owes_nothing),
        IRQ_TEST(test_an_interrupt_of_nobody_is_masked),
        IRQ_TEST(test_the_page_says_which_need_an_eoi),
        IRQ_TEST(test_version_1_of_the_page_makes_eoi_unmask_the_port),
        IRQ_TEST(test_mapping_a_pin),
        IRQ_TEST(test_a_pin_has_room_for_so_many_domains),
        IRQ_TEST(test_unmapping_unbinds_and_a_late_close_does_no_harm),
        IRQ_TEST(test_messages_that_were_mapped_together_go_together),
        IRQ_TEST(test_failed_message_maps_leave_nothing),
        IRQ_TEST(test_numbers_put_aside),
        IRQ_TEST(test_a_pin_of_pavise_s_own),
        IRQ_TEST(test_how_a_pin_signals_is_said_once_before_use),
        IRQ_TEST(test_interrupts_follow_their_vcpu),
        IRQ_TEST(test_an_interrupt_that_found_its_vcpu_gone_goes_there_next_time),
        IRQ_TEST(test_interrupts_leave_a_cpu_that_goes_offline),
        IRQ_TEST(test_messages_of_a_device_are_restored),
        IRQ_TEST(test_a_dying_domain_gets_no_more),
        IRQ_TEST(test_the_end_can_be_interrupted_at_every_point),
    };
    return cmocka_run_group_tests(tests, irq_group_setup, irq_group_teardown);
}
