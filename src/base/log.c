// SPDX-License-Identifier: Apache-2.0
// The hypervisor's log. See log.h; the ring's rules stand at its struct.

#include "base/log.h"

#include <stdarg.h>

#include "abi/errno.h"
#include "lib/format.h"
#include "lib/string.h"

/* A power of two, so positions that only ever grow become offsets with a mask. */
#define RING_BYTES 65536UL

/* Writers in the middle of a copy at any one moment: each CPU, and what may interrupt it there. */
#define WRITERS_MAX 128

/*
 * A writer announces itself in `writers` with the value that `reserved` had then, takes its bytes
 * by moving `reserved`, copies, and leaves. So all text below the oldest announcement is complete,
 * and no writer ever waits for another: not for a CPU that is slow, not for the code it
 * interrupted.
 */
static struct {
    char text[RING_BYTES];
    uint64_t reserved;             /* [a] */
    uint64_t writers[WRITERS_MAX]; /* [a] position + 1; 0 is free */
    uint64_t shown;                /* by the owner of `showing` */
    uint64_t cleared;              /* [a] log_read() starts here */
    bool showing;                  /* [a] some CPU is at work on the sinks */
    bool panicking;                /* [a] */
    struct log_sink *sinks;
} ring;

static struct {
    enum log_level shown, limited;
} levels[LOG_ORIGINS] = {
    [LOG_HYPERVISOR] = {LOG_INFO, LOG_INFO},
    [LOG_GUEST] = {LOG_NONE, LOG_WARNING},
};

static uint64_t (*clock_ns)(void);

static uint64_t log_now_ns(void)
{
    return clock_ns != NULL ? clock_ns() : 0;
}

/* ---- the ring and its sinks -------------------------------------------------------------- */

/* Hands [from, to) to one sink, in at most as many pieces as the ring wraps. */
static void show_on(struct log_sink *sink, uint64_t from, uint64_t to)
{
    while (from < to) {
        uint64_t offset = from & (RING_BYTES - 1);
        uint64_t bytes = MIN(to - from, RING_BYTES - offset);
        sink->write(sink, ring.text + offset, bytes);
        from += bytes;
    }
}

static uint64_t oldest_kept(uint64_t end)
{
    return end > RING_BYTES ? end - RING_BYTES : 0;
}

/* `end` may lie behind what has been shown: a writer announces itself a little late at times. */
static void show_until(uint64_t end)
{
    uint64_t from = MAX(ring.shown, oldest_kept(end));
    if (end <= from) {
        return;
    }
    for (struct log_sink *sink = ring.sinks; sink != NULL; sink = sink->next) {
        show_on(sink, from, end);
    }
    ring.shown = end;
}

/* `reserved` is read first: who took bytes below it had announced itself before. */
static uint64_t complete_end(void)
{
    uint64_t end = __atomic_load_n(&ring.reserved, __ATOMIC_SEQ_CST);

    for (size_t i = 0; i < WRITERS_MAX; i++) {
        uint64_t announced = __atomic_load_n(&ring.writers[i], __ATOMIC_SEQ_CST);
        end = announced != 0 ? MIN(end, announced - 1) : end;
    }
    return end;
}

static void show_new_text(void)
{
    uint64_t end;

    if (READ_ONCE(ring.panicking)) {
        show_until(READ_ONCE(ring.reserved));
        return;
    }
    do {
        if (__atomic_exchange_n(&ring.showing, true, __ATOMIC_SEQ_CST)) {
            return; /* that one looks again after it has let go */
        }
        end = complete_end();
        show_until(end);
        __atomic_store_n(&ring.showing, false, __ATOMIC_SEQ_CST);
    } while (complete_end() != end);
}

static uint64_t *announce_writer(void)
{
    for (size_t i = 0;; i = (i + 1) % WRITERS_MAX) {
        uint64_t unused = 0;
        uint64_t position = __atomic_load_n(&ring.reserved, __ATOMIC_SEQ_CST);
        if (__atomic_compare_exchange_n(&ring.writers[i], &unused, position + 1, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            return &ring.writers[i];
        }
    }
}

void log_raw(const char *text, size_t bytes)
{
    bytes = MIN(bytes, RING_BYTES);
    uint64_t *writer = announce_writer();
    uint64_t position = __atomic_fetch_add(&ring.reserved, bytes, __ATOMIC_SEQ_CST);
    for (size_t i = 0; i < bytes; i++) {
        WRITE_ONCE(ring.text[(position + i) & (RING_BYTES - 1)], text[i]);
    }
    __atomic_store_n(writer, 0, __ATOMIC_SEQ_CST);
    show_new_text();
}

void log_add_sink(struct log_sink *sink)
{
    show_on(sink, oldest_kept(ring.shown), ring.shown);
    log_add_sink_from_now(sink);
}

void log_add_sink_from_now(struct log_sink *sink)
{
    sink->next = ring.sinks;
    ring.sinks = sink;
}

void log_remove_sink(struct log_sink *sink)
{
    for (struct log_sink **link = &ring.sinks; *link != NULL; link = &(*link)->next) {
        if (*link == sink) {
            *link = sink->next;
            return;
        }
    }
}

size_t log_read(uint64_t *from, char *to, size_t capacity)
{
    uint64_t end = complete_end();
    uint64_t start = MAX(*from, MAX(READ_ONCE(ring.cleared), oldest_kept(end)));
    size_t bytes = 0;

    while (start < end && bytes < capacity) {
        to[bytes++] = READ_ONCE(ring.text[start++ & (RING_BYTES - 1)]);
    }
    *from = start;
    return bytes;
}

void log_clear(void)
{
    WRITE_ONCE(ring.cleared, complete_end());
}

void log_enter_panic(void)
{
    WRITE_ONCE(ring.panicking, true);
    show_new_text();
}

void log_set_clock(uint64_t (*now_ns)(void))
{
    clock_ns = now_ns;
}

/* ---- levels and rates -------------------------------------------------------------------- */

#define LIMIT_INTERVAL_NS 500000000ULL /* one message each half second, */
#define LIMIT_BURST       10           /* after a burst of so many */

static struct {
    uint64_t due_ns; /* [a] when the messages let through so far would be used up at that rate */
    uint32_t hidden; /* [a] messages not shown since the last one that was */
} limits[LOG_ORIGINS];

/* One word says it all, so a compare-and-swap decides, and no CPU waits for another. */
static bool within_rate(enum log_origin origin)
{
    uint64_t now = log_now_ns();
    uint64_t due = READ_ONCE(limits[origin].due_ns);

    do {
        if (due > now + (LIMIT_BURST - 1) * LIMIT_INTERVAL_NS) {
            __atomic_fetch_add(&limits[origin].hidden, 1, __ATOMIC_RELAXED);
            return false;
        }
    } while (!__atomic_compare_exchange_n(&limits[origin].due_ns, &due,
                                          MAX(due, now) + LIMIT_INTERVAL_NS, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}

static bool wanted(enum log_origin origin, enum log_level level)
{
    if (level <= levels[origin].shown) {
        return true;
    }
    if (level > levels[origin].limited || !within_rate(origin)) {
        return false;
    }
    uint32_t hidden = __atomic_exchange_n(&limits[origin].hidden, 0, __ATOMIC_RELAXED);
    if (hidden != 0) {
        log_always("%u messages were not shown", hidden);
    }
    return true;
}

void log_set_levels(enum log_origin origin, enum log_level shown, enum log_level limited)
{
    levels[origin].shown = shown;
    levels[origin].limited = MAX(shown, limited);
}

/* Advances `*text` over a level's name. Returns the level, or -EINVAL. */
static int parse_level(const char **text)
{
    static const struct {
        const char *name;
        enum log_level level;
    } names[] = {
        {"none", LOG_NONE}, {"error", LOG_ERROR}, {"warning", LOG_WARNING},
        {"info", LOG_INFO}, {"debug", LOG_DEBUG}, {"all", LOG_DEBUG},
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t length = strlen(names[i].name);
        if (strncmp(*text, names[i].name, length) == 0) {
            *text += length;
            return (int)names[i].level;
        }
    }
    return -EINVAL;
}

int log_parse_levels(enum log_origin origin, const char *text)
{
    int shown = parse_level(&text);
    int limited = shown;

    if (shown >= 0 && *text == '/') {
        text++;
        limited = parse_level(&text);
    }
    if (shown < 0 || limited < 0 || *text != 0) {
        return -EINVAL;
    }
    log_set_levels(origin, (enum log_level)shown, (enum log_level)limited);
    return 0;
}

/* ---- messages ---------------------------------------------------------------------------- */

/* A guest wrote half a line: a message does not go on in it. */
static bool ends_in_line(void)
{
    uint64_t end = __atomic_load_n(&ring.reserved, __ATOMIC_SEQ_CST);

    return end != 0 && READ_ONCE(ring.text[(end - 1) & (RING_BYTES - 1)]) != '\n';
}

static void log_line(const char *format, va_list arguments)
{
    char line[LOG_LINE_MAX];
    uint64_t us = log_now_ns() / 1000;
    size_t room = sizeof(line) - 1; /* the newline's place */
    size_t length = format_text(line, room, "%s(PAVISE) [%5lu.%06lu] ", ends_in_line() ? "\n" : "",
                                (unsigned long)(us / 1000000), (unsigned long)(us % 1000000));

    length += format_text_v(line + length, room - length, format, arguments);
    length = MIN(length, room - 1);
    line[length++] = '\n';
    log_raw(line, length);
}

void log_message(enum log_origin origin, enum log_level level, const char *format, ...)
{
    if (!wanted(origin, level)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    log_line(format, arguments);
    va_end(arguments);
}

void log_always(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_line(format, arguments);
    va_end(arguments);
}
