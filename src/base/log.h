// SPDX-License-Identifier: Apache-2.0
// The hypervisor's log: levels, a ring that keeps the newest text, and sinks that show it.
//
// Usable from the first line of C, in any context and with any lock held: nothing here waits. A
// message goes into the ring; then whoever finds the sinks idle shows all complete text, and a CPU
// that finds them busy leaves its text to the one at work.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

enum log_level { LOG_NONE, LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Who caused a message: what a guest can cause at will is limited in rate and has its own levels.
 */
enum log_origin { LOG_HYPERVISOR, LOG_GUEST, LOG_ORIGINS };

/*
 * One line, `(PAVISE) [seconds.microseconds] text`, the newline is added. Lines longer than
 * LOG_LINE_MAX are cut.
 */
void log_message(enum log_origin origin, enum log_level level, const char *format, ...)
    printf_like(3, 4);

#define LOG_LINE_MAX 512

#define log_error(...)   log_message(LOG_HYPERVISOR, LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_HYPERVISOR, LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_message(LOG_HYPERVISOR, LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_message(LOG_HYPERVISOR, LOG_DEBUG, __VA_ARGS__)

#define guest_error(...)   log_message(LOG_GUEST, LOG_ERROR, __VA_ARGS__)
#define guest_warning(...) log_message(LOG_GUEST, LOG_WARNING, __VA_ARGS__)
#define guest_info(...)    log_message(LOG_GUEST, LOG_INFO, __VA_ARGS__)
#define guest_debug(...)   log_message(LOG_GUEST, LOG_DEBUG, __VA_ARGS__)

/* A line with the prefix, whatever the levels say: for a panic, and for what a user asked to see.
 */
void log_always(const char *format, ...) printf_like(1, 2);

/* Bytes as they are, no prefix and no newline: a guest's console output that belongs into the log.
 */
void log_raw(const char *text, size_t bytes);

/*
 * Messages up to `shown` appear always, above it up to `limited` at a bounded rate. The options
 * `loglvl=` and `guest_loglvl=` set them.
 */
void log_set_levels(enum log_origin origin, enum log_level shown, enum log_level limited);

/* `level` or `shown/limited`, each of none error warning info debug all. Returns 0 or -EINVAL. */
must_check int log_parse_levels(enum log_origin origin, const char *text);

/* A way to show text. `write` is called by one CPU at a time, but by any. */
struct log_sink {
    void (*write)(struct log_sink *sink, const char *text, size_t bytes);
    struct log_sink *next; /* the log's own */
};

/*
 * A sink that is added sees all that the ring still holds. At start of day, or on the CPU that
 * drains: no other CPU may write at the same time.
 */
void log_add_sink(struct log_sink *sink);
/* The same for one that goes on where another has stopped: it sees what is written from now on. */
void log_add_sink_from_now(struct log_sink *sink);
void log_remove_sink(struct log_sink *sink);

/* Nanoseconds since start, for prefixes and rate limits; without one, time stands at 0. */
void log_set_clock(uint64_t (*now_ns)(void));

/*
 * Copies text from position `*from` (bytes since start of day, or since log_clear() when older)
 * and advances it. Returns the bytes copied; 0 when there is no more.
 */
size_t log_read(uint64_t *from, char *to, size_t capacity);

/* What was logged so far is no longer read by log_read(). */
void log_clear(void);

/* The machine is going down: show everything at once, whatever other CPUs were doing. */
void log_enter_panic(void);
