// SPDX-License-Identifier: Apache-2.0
// The FIFO ABI: control blocks, event array, queues and priorities, as a guest consumes them.
#include "event_fixture.h"

static struct domain *d;
static struct vcpu *v0, *v1;
static struct evtchn_fifo_control_block *control[2];
static event_word_t *words[128];

#define PENDING (1U << EVTCHN_FIFO_PENDING)
#define MASKED  (1U << EVTCHN_FIFO_MASKED)
#define LINKED  (1U << EVTCHN_FIFO_LINKED)

static long init_control(uint64_t gfn, uint32_t offset, uint32_t vcpu)
{
    struct evtchn_init_control op = {.control_gfn = gfn, .offset = offset, .vcpu = vcpu};
    long result = CALL(EVTCHNOP_init_control, &op);

    if (result == 0) {
        assert_int_equal(op.link_bits, 17);
    }
    return result;
}

static long expand_array(uint64_t gfn)
{
    struct evtchn_expand_array op = {.array_gfn = gfn};
    return CALL(EVTCHNOP_expand_array, &op);
}

static long set_priority(evtchn_port_t port, uint32_t priority)
{
    struct evtchn_set_priority op = {.port = port, .priority = priority};
    return CALL(EVTCHNOP_set_priority, &op);
}

static void give_control(uint32_t vcpu)
{
    mfn_t frame = new_frame(d);

    control[vcpu] = (void *)((char *)frame_to_virt(frame) + 64);
    assert_int_equal(init_control(frame.n, 64, vcpu), 0);
}

static void give_words(unsigned int page)
{
    mfn_t frame = new_frame(d);

    words[page] = frame_to_virt(frame);
    assert_int_equal(expand_array(frame.n), 0);
}

static int setup(void **state)
{
    machine_setup(state);
    d = new_domain(1, 2, false);
    v0 = d->vcpus[0];
    v1 = d->vcpus[1];
    run_as(v0);
    return 0;
}

static int setup_fifo(void **state)
{
    setup(state);
    give_control(0);
    give_control(1);
    give_words(0);
    return 0;
}

static int teardown(void **state)
{
    end_domain(d);
    return machine_teardown(state);
}

static event_word_t *word(long port)
{
    return &words[port / 1024][port % 1024];
}

/* What a guest keeps: the next port of each queue, 0 after the last one. */
static uint32_t next_in_queue[2][16];

/* Take one event from the queue; 0 where it is empty. */
static uint32_t consume(uint32_t vcpu, uint32_t priority)
{
    uint32_t *next = &next_in_queue[vcpu][priority];
    uint32_t port = *next != 0 ? *next : control[vcpu]->head[priority];

    assert_true(*word(port) & LINKED);
    *next = *word(port) & EVTCHN_FIFO_LINK_MASK;
    *word(port) &= ~(LINKED | (uint32_t)EVTCHN_FIFO_LINK_MASK);
    *word(port) &= ~PENDING;
    return port;
}

static uint32_t take_ready(uint32_t vcpu)
{
    uint32_t ready = control[vcpu]->ready;

    control[vcpu]->ready = 0;
    d->vcpus[vcpu]->info->evtchn_upcall_pending = 0;
    return ready;
}

/* ---- set-up
 * -------------------------------------------------------------------------------------------- */

static void test_init_control_errors(void **state)
{
    mfn_t frame = new_frame(d);

    assert_int_equal(init_control(frame.n, 0, 2), -ENOENT);
    assert_int_equal(init_control(frame.n, 4, 0), -EINVAL);
    assert_int_equal(init_control(frame.n, PAGE_SIZE - 64, 0), -EINVAL);
    assert_int_equal(init_control(frame.n, ~0U - 7, 0), -EINVAL);
    assert_int_equal(init_control(0, 0, 0), -EINVAL); /* not the domain's */
    assert_int_equal(init_control(~0ULL, 0, 0), -EINVAL);
    assert_null(d->events->fifo);
    assert_int_equal(init_control(frame.n, PAGE_SIZE - 72, 0), 0);
    assert_int_equal(init_control(frame.n, 0, 0), -EINVAL); /* it has one */
    assert_int_equal(init_control(frame.n, 0, 1), 0);       /* pages can be shared */
}

static void test_expand_array_errors(void **state)
{
    assert_int_equal(expand_array(new_frame(d).n), -EOPNOTSUPP);
    give_control(0);
    assert_int_equal(expand_array(0), -EINVAL);
    assert_int_equal(expand_array(~0ULL), -EINVAL);
    for (unsigned int i = 0; i < 128; i++) {
        give_words(i);
    }
    assert_int_equal(expand_array(new_frame(d).n), -ENOSPC);
}

static void test_131071_is_the_last_port(void **state)
{
    long port = 0;

    for (unsigned int i = 1; i < 128; i++) {
        give_words(i);
    }
    for (int i = 1; i < 131072; i++) {
        port = ipi_port(0);
    }
    assert_int_equal(port, 131071);
    assert_int_equal(ipi_port(0), -ENOSPC);
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(*word(port), PENDING | LINKED);
    assert_int_equal(close_port(5000), 0);
    assert_int_equal(ipi_port(0), 5000);
}

static void test_set_priority_errors(void **state)
{
    long port = ipi_port(0);

    assert_int_equal(set_priority((evtchn_port_t)port, 16), -EINVAL);
    assert_int_equal(set_priority(200000, 0), -EINVAL);
    assert_int_equal(set_priority((evtchn_port_t)port + 1, 0), -EACCES);
    assert_int_equal(set_priority((evtchn_port_t)port, 15), 0);
}

static void test_pages_are_referenced_writable_until_the_end(void **state)
{
    mfn_t control_frame = virt_to_frame(control[0]), array_frame = virt_to_frame(words[0]);

    assert_int_equal(state_type(frame_state(frame_of(control_frame))), FRAME_WRITABLE);
    assert_int_equal(state_type_count(frame_state(frame_of(array_frame))), 1);
    assert_int_equal(reset(DOMID_SELF), 0);
    assert_int_equal(state_type_count(frame_state(frame_of(control_frame))), 0);
    assert_int_equal(state_type_count(frame_state(frame_of(array_frame))), 0);
}

/* ---- events
 * -------------------------------------------------------------------------------------------- */

static void test_send_links_at_the_head_and_raises_an_upcall(void **state)
{
    long port = ipi_port(0);

    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(*word(port), PENDING | LINKED);
    assert_int_equal(control[0]->head[7], port);
    assert_int_equal(control[0]->ready, 1U << 7);
    assert_int_equal(v0->info->evtchn_upcall_pending, 1);
    assert_int_equal(d->shared->evtchn_pending[0], 0);
}

static void test_events_queue_in_order(void **state)
{
    long a = ipi_port(0), b = ipi_port(0), c = ipi_port(0);

    memset(next_in_queue, 0, sizeof(next_in_queue));
    assert_int_equal(send((evtchn_port_t)b), 0);
    assert_int_equal(send((evtchn_port_t)c), 0);
    assert_int_equal(send((evtchn_port_t)a), 0);
    assert_int_equal(send((evtchn_port_t)c), 0); /* pending already */
    assert_int_equal(take_ready(0), 1U << 7);
    assert_int_equal(consume(0, 7), b);
    assert_int_equal(consume(0, 7), c);
    assert_int_equal(consume(0, 7), a);
    assert_int_equal(next_in_queue[0][7], 0);
    assert_int_equal(take_ready(0), 0);
}

static void test_an_emptied_queue_begins_at_its_head_again(void **state)
{
    long a = ipi_port(0), b = ipi_port(0);

    memset(next_in_queue, 0, sizeof(next_in_queue));
    for (int round = 0; round < 3; round++) {
        assert_int_equal(send((evtchn_port_t)a), 0);
        assert_int_equal(take_ready(0), 1U << 7);
        assert_int_equal(consume(0, 7), a);
        assert_int_equal(next_in_queue[0][7], 0);
        assert_int_equal(send((evtchn_port_t)b), 0);
        assert_int_equal(take_ready(0), 1U << 7);
        assert_int_equal(consume(0, 7), b);
    }
    /* The same port again: it is still the tail that Pavise remembers. */
    assert_int_equal(send((evtchn_port_t)b), 0);
    assert_int_equal(*word(b), PENDING | LINKED);
    assert_int_equal(control[0]->head[7], b);
}

static void test_each_priority_has_its_queue(void **state)
{
    long a = ipi_port(0), b = ipi_port(0);

    memset(next_in_queue, 0, sizeof(next_in_queue));
    assert_int_equal(set_priority((evtchn_port_t)a, 0), 0);
    assert_int_equal(set_priority((evtchn_port_t)b, 15), 0);
    assert_int_equal(send((evtchn_port_t)b), 0);
    assert_int_equal(send((evtchn_port_t)a), 0);
    assert_int_equal(take_ready(0), 1U << 15 | 1U << 0);
    assert_int_equal(consume(0, 0), a);
    assert_int_equal(consume(0, 15), b);
}

static void test_masked_event_stays_off_the_queue(void **state)
{
    long port = ipi_port(0);

    *word(port) |= MASKED;
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(*word(port), PENDING | MASKED);
    assert_int_equal(v0->info->evtchn_upcall_pending, 0);
    assert_int_equal(unmask((evtchn_port_t)port), 0);
    assert_int_equal(*word(port), PENDING | LINKED);
    assert_int_equal(control[0]->head[7], port);
    assert_int_equal(v0->info->evtchn_upcall_pending, 1);
}

static void test_unmask_of_an_idle_or_linked_event_links_nothing(void **state)
{
    long a = ipi_port(0), b = ipi_port(0);

    *word(a) |= MASKED;
    assert_int_equal(unmask((evtchn_port_t)a), 0);
    assert_int_equal(*word(a), 0);
    assert_int_equal(v0->info->evtchn_upcall_pending, 0);
    assert_int_equal(send((evtchn_port_t)b), 0);
    take_ready(0);
    *word(b) |= MASKED;
    assert_int_equal(unmask((evtchn_port_t)b), 0);
    assert_int_equal(*word(b), PENDING | LINKED);
    assert_int_equal(control[0]->ready, 0);
}

static void test_a_moved_event_leaves_its_old_queue(void **state)
{
    long a = alloc_unbound(DOMID_SELF, DOMID_SELF), b = connect_to(DOMID_SELF, (evtchn_port_t)a);
    long c = ipi_port(0);

    memset(next_in_queue, 0, sizeof(next_in_queue));
    take_ready(0);
    assert_int_equal(consume(0, 7), b); /* bound: pending */
    assert_int_equal(send((evtchn_port_t)b), 0);
    assert_int_equal(consume(0, 7), a);
    take_ready(0);
    /* a is the old queue's remembered tail. Linked on vCPU 1, it must not lead c astray. */
    assert_int_equal(move_to_vcpu((evtchn_port_t)a, 1), 0);
    assert_int_equal(send((evtchn_port_t)b), 0);
    assert_int_equal(control[1]->head[7], a);
    assert_int_equal(send((evtchn_port_t)c), 0);
    assert_int_equal(control[0]->head[7], c);
    assert_int_equal(*word(a), PENDING | LINKED);
    assert_int_equal(take_ready(0), 1U << 7);
    assert_int_equal(take_ready(1), 1U << 7);
}

static void test_a_moved_event_that_is_linked_stays_where_it_is(void **state)
{
    long a = ipi_port(0), b = ipi_port(0);

    memset(next_in_queue, 0, sizeof(next_in_queue));
    assert_int_equal(send((evtchn_port_t)a), 0);
    assert_int_equal(set_priority((evtchn_port_t)a, 3), 0);
    *word(a) &= ~PENDING;
    assert_int_equal(send((evtchn_port_t)a), 0);
    assert_int_equal(control[0]->ready, 1U << 7);
    assert_int_equal(send((evtchn_port_t)b), 0);
    assert_int_equal(*word(a) & EVTCHN_FIFO_LINK_MASK, b);
    assert_int_equal(consume(0, 7), a);
    assert_int_equal(consume(0, 7), b);
    assert_int_equal(send((evtchn_port_t)a), 0);
    assert_int_equal(control[0]->head[3], a);
}

static void test_a_closed_port_is_not_reused_while_it_is_queued(void **state)
{
    long a = ipi_port(0), b = ipi_port(0);

    memset(next_in_queue, 0, sizeof(next_in_queue));
    assert_int_equal(send((evtchn_port_t)a), 0);
    assert_int_equal(close_port((evtchn_port_t)a), 0);
    assert_int_equal(*word(a), LINKED);
    assert_int_equal(ipi_port(0), b + 1);
    assert_int_equal(consume(0, 7), a);
    assert_int_equal(ipi_port(0), a);
}

static void test_events_before_their_words_are_raised_when_those_come(void **state)
{
    long port = 0;

    while (port < 1100) {
        port = ipi_port(0);
    }
    assert_int_equal(send(1100), 0);
    assert_int_equal(send(1050), 0);
    assert_int_equal(v0->info->evtchn_upcall_pending, 0);
    assert_int_equal(close_port(1050), 0);
    give_words(1);
    assert_int_equal(*word(1100), PENDING | LINKED);
    assert_int_equal(*word(1050), 0);
    assert_int_equal(control[0]->head[7], 1100);
    assert_int_equal(v0->info->evtchn_upcall_pending, 1);
}

static void test_events_pending_in_the_2_level_words_come_along(void **state)
{
    long port = ipi_port(0), idle = ipi_port(0);

    assert_int_equal(send((evtchn_port_t)port), 0);
    v0->info->evtchn_upcall_pending = 0;
    give_control(0);
    give_words(0);
    assert_int_equal(*word(port), PENDING | LINKED);
    assert_int_equal(*word(idle), 0);
    assert_int_equal(v0->info->evtchn_upcall_pending, 1);
}

static void test_a_vcpu_without_control_block_keeps_its_events_pending(void **state)
{
    long port;

    give_control(0);
    give_words(0);
    port = ipi_port(1);
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(*word(port), PENDING);
    assert_int_equal(v1->info->evtchn_upcall_pending, 0);
}

static void test_poll(void **state)
{
    evtchn_port_t port = (evtchn_port_t)ipi_port(0);

    *word(port) |= MASKED;
    assert_int_equal(event_poll(v1, &port, 1), 0);
    assert_int_equal(v1->pause, VCPU_POLLING);
    assert_int_equal(send(port), 0);
    assert_int_equal(v1->pause, 0);
    assert_int_equal(event_poll(v1, &port, 1), 1);
}

static void test_reset_returns_to_the_2_level_abi(void **state)
{
    long port = ipi_port(0);

    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(reset(DOMID_SELF), 0);
    assert_int_equal(ipi_port(0), port);
    assert_int_equal(send((evtchn_port_t)port), 0);
    assert_int_equal(d->shared->evtchn_pending[0], 1ULL << port);
    give_control(0);
    give_words(0);
    assert_int_equal(*word(port), PENDING | LINKED);
}

static void test_reset_by_another_domain_keeps_the_abi(void **state)
{
    struct domain *d0 = new_domain(0, 1, true);

    run_as(d0->vcpus[0]);
    assert_int_equal(reset(1), 0);
    assert_non_null(d->events->fifo);
    run_as(v0);
    end_domain(d0);
}

/* ---- guests that break the rules
 * ---------------------------------------------------------------------------- */

static void test_a_guest_that_scribbles_harms_only_itself(void **state)
{
    long a = ipi_port(0), b = ipi_port(0), c = ipi_port(0);

    assert_int_equal(send((evtchn_port_t)a), 0);
    memset(words[0], 0xff, PAGE_SIZE);
    memset(control[0], 0xff, sizeof(*control[0]));
    assert_int_equal(send((evtchn_port_t)b), 0);
    assert_int_equal(unmask((evtchn_port_t)c), 0);
    memset(words[0], 0, PAGE_SIZE);
    assert_int_equal(send((evtchn_port_t)a), 0);
    assert_int_equal(send((evtchn_port_t)b), 0);
    assert_int_equal(*word(a) & EVTCHN_FIFO_LINK_MASK, b);
    *word(a) = *word(b) = LINKED;
    assert_int_equal(send((evtchn_port_t)c), 0);
    assert_int_equal(close_port((evtchn_port_t)a), 0);
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define FIFO_TEST(name) cmocka_unit_test_setup_teardown(name, setup_fifo, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_init_control_errors),
        TEST(test_expand_array_errors),
        FIFO_TEST(test_131071_is_the_last_port),
        FIFO_TEST(test_set_priority_errors),
        FIFO_TEST(test_pages_are_referenced_writable_until_the_end),
        FIFO_TEST(test_send_links_at_the_head_and_raises_an_upcall),
        FIFO_TEST(test_events_queue_in_order),
        FIFO_TEST(test_an_emptied_queue_begins_at_its_head_again),
        FIFO_TEST(test_each_priority_has_its_queue),
        FIFO_TEST(test_masked_event_stays_off_the_queue),
        FIFO_TEST(test_unmask_of_an_idle_or_linked_event_links_nothing),
        FIFO_TEST(test_a_moved_event_leaves_its_old_queue),
        FIFO_TEST(test_a_moved_event_that_is_linked_stays_where_it_is),
        FIFO_TEST(test_a_closed_port_is_not_reused_while_it_is_queued),
        FIFO_TEST(test_events_before_their_words_are_raised_when_those_come),
        TEST(test_events_pending_in_the_2_level_words_come_along),
        TEST(test_a_vcpu_without_control_block_keeps_its_events_pending),
        FIFO_TEST(test_poll),
        FIFO_TEST(test_reset_returns_to_the_2_level_abi),
        FIFO_TEST(test_reset_by_another_domain_keeps_the_abi),
        FIFO_TEST(test_a_guest_that_scribbles_harms_only_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
