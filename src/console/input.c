// SPDX-License-Identifier: Apache-2.0
// From the serial line to whom it is for.
#include "abi/errno.h"
#include "base/cpu.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/param.h"
#include "console/console.h"
#include "console/guest_lines.h"
#include "console/keys.h"
#include "event/event.h"

#define RING_BYTES 1024 /* a power of two */

/* First in, first out; when it is full the newest bytes are dropped. */
struct ring {
    char bytes[RING_BYTES];
    uint32_t in, out; /* count all bytes ever */
};

static bool ring_put(struct ring *ring, char c)
{
    if (ring->in - ring->out == RING_BYTES) {
        return false;
    }
    ring->bytes[ring->in++ % RING_BYTES] = c;
    return true;
}

static bool ring_take(struct ring *ring, char *c)
{
    if (ring->in == ring->out) {
        return false;
    }
    *c = ring->bytes[ring->out++ % RING_BYTES];
    return true;
}

static spinlock_t input_lock = SPINLOCK(RANK_CONSOLE);
static struct ring received;    /* guarded by input_lock: not looked at yet */
static struct ring for_domain0; /* guarded by input_lock */

/* Only WORK_CONSOLE's handler touches these after start of day, on one CPU at a time. */
static bool to_domain0;
static unsigned int switches_typed; /* in a row, kept back until it is clear what they mean */

static char switch_letter = 'a'; /* option conswitch= */
static bool stay_with_pavise;

static bool new_log_text; /* [a] */

/* ---- switching ----------------------------------------------------------------------------------
 */

#define SWITCHES_NEEDED 3

static char switch_code(void)
{
    return switch_letter - 'a' + 1;
}

static void say_whose_input_it_is(void)
{
    log_always("*** Serial input to %s (type 'CTRL-%c' three times to switch input)",
               to_domain0 ? "DOM0" : "Pavise", switch_letter);
}

/* Returns whether domain 0 got something. */
static bool hand_over(char c)
{
    bool accepted;

    if (!to_domain0) {
        console_press_key(c);
        return false;
    }
    spin_lock(&input_lock);
    accepted = ring_put(&for_domain0, c);
    spin_unlock(&input_lock);
    return accepted;
}

/* A switch code that turned out to be part of the input is handed on late, but in order. */
static bool look_at(char c)
{
    bool handed = false;

    if (switch_code() != 0 && c == switch_code()) {
        if (++switches_typed == SWITCHES_NEEDED) {
            switches_typed = 0;
            to_domain0 = !to_domain0;
            say_whose_input_it_is();
        }
        return false;
    }
    for (; switches_typed > 0; switches_typed--) {
        handed |= hand_over(switch_code());
    }
    return hand_over(c) || handed;
}

static bool next_received(char *c)
{
    bool any;

    spin_lock(&input_lock);
    any = ring_take(&received, c);
    spin_unlock(&input_lock);
    return any;
}

static bool anything_received(void)
{
    return READ_ONCE(received.in) != READ_ONCE(received.out);
}

/* Look at all bytes, in order. Returns whether domain 0 got something. */
static bool look_at_received(void)
{
    static bool busy; /* [a] */
    bool handed = false;
    char c;

    /* Whoever comes second leaves its bytes to the first, who looks again after it let go. */
    while (anything_received() && !__atomic_exchange_n(&busy, true, __ATOMIC_SEQ_CST)) {
        while (next_received(&c)) {
            handed |= look_at(c);
        }
        __atomic_store_n(&busy, false, __ATOMIC_SEQ_CST);
    }
    return handed;
}

/* WORK_CONSOLE. */
static void serve(void)
{
    if (__atomic_exchange_n(&new_log_text, false, __ATOMIC_SEQ_CST) && domain0) {
        event_send_global_virq(VIRQ_CON_RING);
    }
    if (look_at_received() && domain0) {
        event_send_global_virq(VIRQ_CONSOLE);
    }
}

/* ---- what others call ---------------------------------------------------------------------------
 */

void console_receive(const char *bytes, size_t count)
{
    spin_lock(&input_lock);
    for (size_t i = 0; i < count; i++) {
        (void)ring_put(&received, bytes[i]);
    }
    spin_unlock(&input_lock);
    cpu_raise_self(WORK_CONSOLE);
}

size_t console_take_input(char *to, size_t capacity)
{
    size_t count = 0;

    spin_lock(&input_lock);
    while (count < capacity && ring_take(&for_domain0, to + count)) {
        count++;
    }
    spin_unlock(&input_lock);
    return count;
}

void console_start_domain0(void)
{
    to_domain0 = !stay_with_pavise;
    say_whose_input_it_is();
}

/* The log has new text: domain 0's daemon may want it (VIRQ_CON_RING). Any lock may be held. */
static void note_text(struct log_sink *sink, const char *text, size_t bytes)
{
    if (!__atomic_exchange_n(&new_log_text, true, __ATOMIC_SEQ_CST)) {
        cpu_raise_self(WORK_CONSOLE);
    }
}

static struct log_sink ring_watch = {.write = note_text};

static int parse_conswitch(const struct param *param, const char *value)
{
    if (!value || value[0] < 'a' || value[0] > 'z' || (value[1] != 0 && value[1] != 'x')) {
        return -EINVAL;
    }
    switch_letter = value[0];
    stay_with_pavise = value[1] == 'x';
    return 0;
}
PARAM_CUSTOM("conswitch", parse_conswitch);

void console_init(void)
{
    cpu_register_work(WORK_CONSOLE, serve);
    console_add_own_keys();
    guest_lines_init();
    log_add_sink(&ring_watch);
}
