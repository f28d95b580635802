// SPDX-License-Identifier: Apache-2.0
// Event channels with threads as CPUs: no event is lost, nobody sleeps through one, and channels
// come and go while others send. Meant for a build with -fsanitize=thread, too.
#include <pthread.h>
#include <sched.h>

#include "event/fifo.h"
#include "event_fixture.h"

#define PORTS   48
#define SENDERS 2
#define ROUNDS  20000

static struct domain *sender, *receiver;
static evtchn_port_t from[PORTS], to[PORTS];
static uint32_t sent[PORTS], seen[PORTS]; /* [a] what an event is about: a number that rises */
static bool done;
static struct evtchn_fifo_control_block *control;
static event_word_t *words;

static int setup(void **state)
{
    machine_setup(state);
    host_machine_destroy();
    host_machine_create(4096, 4);
    guest_page = host_guest_memory(PAGE_SIZE);
    frames_at_start = frames_free_count();
    sender = new_domain(1, 2, false);
    receiver = new_domain(2, 2, false);
    memset(sent, 0, sizeof(sent));
    memset(seen, 0, sizeof(seen));
    done = false;
    words = NULL;
    for (unsigned int i = 0; i < PORTS; i++) {
        assert_int_equal(event_alloc_unbound(sender, 2, &from[i]), 0);
        assert_int_equal(bind_interdomain(receiver, sender, from[i], &to[i]), 0);
    }
    return 0;
}

static int teardown(void **state)
{
    for (unsigned int i = 0; i < 4; i++) {
        cpus[i]->current = NULL;
    }
    end_domain(receiver);
    end_domain(sender);
    return machine_teardown(state);
}

static uint32_t load(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

/* ---- the sending guest ------------------------------------------------------------------------
 */

static void *send_all(void *argument)
{
    unsigned int who = (unsigned int)(uintptr_t)argument;

    host_become_cpu(1 + who);
    run_as(sender->vcpus[who]);
    for (unsigned int round = 0; round < ROUNDS; round++) {
        unsigned int i = (round * 7 + who * 13) % PORTS;

        __atomic_add_fetch(&sent[i], 1, __ATOMIC_SEQ_CST);
        assert_int_equal(channel_send(sender, from[i]), 0);
        if (round % 64 == 0) {
            sched_yield();
        }
    }
    return NULL;
}

/* ---- the receiving guest ----------------------------------------------------------------------
 */

static void handle(uint32_t port)
{
    for (unsigned int i = 0; i < PORTS; i++) {
        if (to[i] == port) {
            __atomic_store_n(&seen[i], load(&sent[i]), __ATOMIC_SEQ_CST);
        }
    }
}

static void consume_2_level(struct vcpu *v)
{
    uint64_t selected = __atomic_exchange_n(&v->info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

    while (selected != 0) {
        unsigned int word = (unsigned int)__builtin_ctzll(selected);
        uint64_t *bits = &receiver->shared->evtchn_pending[word];
        uint64_t pending = __atomic_load_n(bits, __ATOMIC_SEQ_CST);

        selected &= selected - 1;
        while (pending != 0) {
            unsigned int bit = (unsigned int)__builtin_ctzll(pending);
            pending &= pending - 1;
            __atomic_fetch_and(bits, ~(1ULL << bit), __ATOMIC_SEQ_CST);
            handle(word * 64 + bit);
        }
    }
}

static void consume_queue(unsigned int priority)
{
    static uint32_t next[16];
    uint32_t port = next[priority] != 0 ? next[priority] : load(&control->head[priority]);
    uint32_t old;

    for (;;) {
        const uint32_t gone = 1U << EVTCHN_FIFO_LINKED | EVTCHN_FIFO_LINK_MASK;

        old = __atomic_fetch_and(&words[port], ~gone, __ATOMIC_SEQ_CST);
        if ((old & (1U << EVTCHN_FIFO_MASKED)) == 0 && (old >> EVTCHN_FIFO_PENDING) != 0) {
            __atomic_fetch_and(&words[port], ~(1U << EVTCHN_FIFO_PENDING), __ATOMIC_SEQ_CST);
            handle(port);
        }
        port = old & EVTCHN_FIFO_LINK_MASK;
        if (port == 0) {
            break;
        }
    }
    next[priority] = 0;
}

static void consume_fifo(void)
{
    uint32_t ready;

    while ((ready = __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST)) != 0) {
        while (ready != 0) {
            consume_queue((unsigned int)__builtin_ctz(ready));
            ready &= ready - 1;
        }
    }
}

static void upcall(struct vcpu *v)
{
    __atomic_store_n(&v->info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
    if (words) {
        consume_fifo();
    } else {
        consume_2_level(v);
    }
}

/* SCHEDOP_block, and the CPU that idles meanwhile. */
static void block(struct vcpu *v)
{
    vcpu_set_pause(v, VCPU_BLOCKED);
    if (event_vcpu_pending(v)) {
        vcpu_clear_pause(v, VCPU_BLOCKED);
    }
    while (load(&v->pause) != 0 && !__atomic_load_n(&done, __ATOMIC_SEQ_CST)) {
        sched_yield();
    }
    vcpu_clear_pause(v, VCPU_BLOCKED);
}

static void *receive(void *argument)
{
    struct vcpu *v = receiver->vcpus[0];

    host_become_cpu(3);
    run_as(v);
    while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST)) {
        if (event_vcpu_pending(v)) {
            upcall(v);
        } else {
            block(v);
        }
    }
    if (event_vcpu_pending(v)) {
        upcall(v);
    }
    return NULL;
}

static bool all_seen(void)
{
    for (unsigned int i = 0; i < PORTS; i++) {
        if (load(&seen[i]) != load(&sent[i])) {
            return false;
        }
    }
    return true;
}

/* Senders and a receiver; `meddle` does what it likes on CPU 0 until they are through. */
static void run(void (*meddle)(unsigned int round))
{
    pthread_t threads[SENDERS], receiving;
    unsigned int round = 0;

    pthread_create(&receiving, NULL, receive, NULL);
    for (uintptr_t i = 0; i < SENDERS; i++) {
        pthread_create(&threads[i], NULL, send_all, (void *)i);
    }
    for (; meddle && round < 2000; round++) {
        meddle(round);
    }
    for (unsigned int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
    }
    /* Without any further event, the last of each port comes through. */
    for (unsigned int i = 0; i < 100000 && !all_seen(); i++) {
        sched_yield();
    }
    assert_true(all_seen());
    __atomic_store_n(&done, true, __ATOMIC_SEQ_CST);
    pthread_join(receiving, NULL);
}

static void use_fifo(void)
{
    mfn_t control_frame = new_frame(receiver), array = new_frame(receiver);

    control = frame_to_virt(control_frame);
    assert_int_equal(fifo_init_control(receiver->vcpus[0], control_frame, 0), 0);
    words = frame_to_virt(array);
    assert_int_equal(fifo_expand_array(receiver, array), 0);
}

static void test_2_level_loses_nothing(void **state)
{
    run(NULL);
}

static void test_fifo_loses_nothing(void **state)
{
    use_fifo();
    run(NULL);
}

static void mask_and_unmask(unsigned int round)
{
    uint32_t port = to[round % PORTS];

    if (words) {
        __atomic_fetch_or(&words[port], 1U << EVTCHN_FIFO_MASKED, __ATOMIC_SEQ_CST);
    } else {
        __atomic_fetch_or(&receiver->shared->evtchn_mask[port / 64], 1ULL << (port % 64),
                          __ATOMIC_SEQ_CST);
    }
    sched_yield();
    assert_int_equal(event_unmask_port(receiver, port), 0);
}

static void test_2_level_loses_nothing_while_ports_are_masked_now_and_then(void **state)
{
    run(mask_and_unmask);
}

static void test_fifo_loses_nothing_while_ports_are_masked_now_and_then(void **state)
{
    use_fifo();
    run(mask_and_unmask);
}

static void change_priority(unsigned int round)
{
    assert_int_equal(fifo_set_priority(receiver, to[round % PORTS], round % 16), 0);
    sched_yield();
}

static void test_fifo_loses_nothing_while_priorities_change(void **state)
{
    use_fifo();
    run(change_priority);
}

/* ---- channels that come and go ----------------------------------------------------------------
 */

static void *send_regardless(void *argument)
{
    unsigned int who = (unsigned int)(uintptr_t)argument;

    host_become_cpu(1 + who);
    run_as(sender->vcpus[who]);
    for (unsigned int round = 0; round < ROUNDS; round++) {
        int result = channel_send(sender, from[(round + who) % PORTS]);
        assert_true(result == 0 || result == -EINVAL);
    }
    return NULL;
}

/* Either end of a channel closes; both may at once. */
static void *close_receivers(void *argument)
{
    host_become_cpu(3);
    for (unsigned int round = 0; round < ROUNDS; round++) {
        unsigned int i = round % PORTS;
        uint32_t port;

        (void)event_close_port(receiver, to[i]);
        if (bind_interdomain(receiver, sender, from[i], &port) == 0) {
            assert_true(port > 0);
        }
    }
    return NULL;
}

static void close_senders(unsigned int round)
{
    unsigned int i = (round * 5) % PORTS;
    uint32_t port;

    (void)event_close_port(sender, from[i]);
    if (event_alloc_unbound(sender, 2, &port) == 0) {
        assert_true(port > 0);
    }
}

static void storm(void)
{
    pthread_t threads[SENDERS], closing;

    pthread_create(&closing, NULL, close_receivers, NULL);
    for (uintptr_t i = 0; i < SENDERS; i++) {
        pthread_create(&threads[i], NULL, send_regardless, (void *)i);
    }
    for (unsigned int round = 0; round < ROUNDS; round++) {
        close_senders(round);
    }
    for (unsigned int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_join(closing, NULL);
}

/* Every channel's other end leads back to it. */
static void check_pairs(struct domain *d)
{
    for (uint32_t port = 0; port < d->events->port_end; port++) {
        struct evtchn *channel = channel_of(d->events, port);

        assert_int_equal(channel->lock, 0);
        if (channel->state == EVTCHNSTAT_interdomain) {
            assert_int_equal(channel->peer->state, EVTCHNSTAT_interdomain);
            assert_ptr_equal(channel->peer->peer, channel);
        }
    }
}

static void test_channels_come_and_go_while_others_send(void **state)
{
    storm();
    check_pairs(sender);
    check_pairs(receiver);
}

static void test_fifo_channels_come_and_go_while_others_send(void **state)
{
    use_fifo();
    storm();
    check_pairs(sender);
    check_pairs(receiver);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_2_level_loses_nothing),
        TEST(test_fifo_loses_nothing),
        TEST(test_2_level_loses_nothing_while_ports_are_masked_now_and_then),
        TEST(test_fifo_loses_nothing_while_ports_are_masked_now_and_then),
        TEST(test_fifo_loses_nothing_while_priorities_change),
        TEST(test_channels_come_and_go_while_others_send),
        TEST(test_fifo_channels_come_and_go_while_others_send),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
