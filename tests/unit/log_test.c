// SPDX-License-Identifier: Apache-2.0
// The log: lines, levels, rates, the ring and its readers, several CPUs at once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <pthread.h>

#include "abi/errno.h"
#include "base/log.h"

#define SHOWN_MAX (8 << 20)

static char shown[SHOWN_MAX];
static size_t shown_bytes;

static void remember(struct log_sink *sink, const char *text, size_t bytes)
{
    assert_true(shown_bytes + bytes < SHOWN_MAX);
    memcpy(shown + shown_bytes, text, bytes);
    shown_bytes += bytes;
    shown[shown_bytes] = 0;
}

static struct log_sink sink = {.write = remember};

static uint64_t now_ns;

static uint64_t test_clock(void)
{
    return now_ns;
}

static unsigned int shown_lines(void)
{
    unsigned int lines = 0;
    for (size_t i = 0; i < shown_bytes; i++) {
        lines += shown[i] == '\n';
    }
    return lines;
}

static int start(void **state)
{
    log_set_clock(test_clock);
    now_ns += 3600 * 1000000000ULL; /* whatever was limited before is forgotten */
    log_set_levels(LOG_HYPERVISOR, LOG_INFO, LOG_INFO);
    log_set_levels(LOG_GUEST, LOG_NONE, LOG_WARNING);
    log_clear();
    log_add_sink(&sink);
    shown_bytes = 0;
    shown[0] = 0;
    return 0;
}

static int stop(void **state)
{
    log_remove_sink(&sink);
    return 0;
}

static void line_has_prefix_time_and_newline(void **state)
{
    now_ns = 12345678901ULL;
    log_info("%s %d", "text", 7);
    assert_string_equal(shown, "(PAVISE) [   12.345678] text 7\n");
}

static void long_lines_are_cut_and_still_end(void **state)
{
    char text[2 * LOG_LINE_MAX];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    log_info("%s", text);
    assert_true(shown_bytes <= LOG_LINE_MAX);
    assert_int_equal(shown[shown_bytes - 1], '\n');
    assert_int_equal(shown_lines(), 1);
}

static void level_above_threshold_is_silent(void **state)
{
    log_debug("no");
    assert_int_equal(shown_bytes, 0);
    log_set_levels(LOG_HYPERVISOR, LOG_DEBUG, LOG_DEBUG);
    log_debug("yes");
    assert_int_equal(shown_lines(), 1);
    log_set_levels(LOG_HYPERVISOR, LOG_NONE, LOG_NONE);
    log_error("no");
    assert_int_equal(shown_lines(), 1);
    log_always("yes");
    assert_int_equal(shown_lines(), 2);
}

static void option_sets_levels(void **state)
{
    assert_int_equal(log_parse_levels(LOG_HYPERVISOR, "error"), 0);
    log_warning("no");
    log_error("yes");
    assert_int_equal(shown_lines(), 1);
    assert_int_equal(log_parse_levels(LOG_HYPERVISOR, "none/all"), 0);
    log_debug("yes, at a rate");
    assert_int_equal(shown_lines(), 2);
}

static void wrong_levels_change_nothing(void **state)
{
    const char *const wrong[] = {"", "loud", "error,", "error/", "error/loud", "/error", "errors"};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_equal(log_parse_levels(LOG_HYPERVISOR, wrong[i]), -EINVAL);
    }
    log_info("yes");
    log_debug("no");
    assert_int_equal(shown_lines(), 1);
}

static void guests_cannot_flood(void **state)
{
    for (int i = 0; i < 100000; i++) {
        guest_warning("again");
    }
    assert_int_equal(shown_lines(), 10);
    now_ns += 1000000000;
    guest_warning("later");
    assert_int_equal(shown_lines(), 12);
    assert_non_null(strstr(shown, "99990 messages were not shown"));
    assert_non_null(strstr(shown, "later"));
}

static void late_sink_sees_the_past(void **state)
{
    log_info("before");
    log_remove_sink(&sink);
    shown_bytes = 0;
    log_info("meanwhile");
    log_add_sink(&sink);
    assert_non_null(strstr(shown, "before"));
    assert_non_null(strstr(shown, "meanwhile"));
}

static void reader_gets_each_byte_once(void **state)
{
    char text[4096] = "";
    uint64_t from = 0;
    size_t total = 0, bytes;

    log_info("one");
    log_info("two");
    while ((bytes = log_read(&from, text + total, 7)) != 0) {
        total += bytes;
    }
    assert_int_equal(total, shown_bytes);
    assert_memory_equal(text, shown, total);
    log_info("three");
    bytes = log_read(&from, text, sizeof(text));
    assert_int_equal(bytes, sizeof("(PAVISE) [   12.345678] three"));
}

static void cleared_text_is_not_read(void **state)
{
    char text[256];
    uint64_t from = 0;

    log_info("old");
    log_clear();
    assert_int_equal(log_read(&from, text, sizeof(text)), 0);
    log_info("new");
    size_t bytes = log_read(&from, text, sizeof(text) - 1);
    text[bytes] = 0;
    assert_non_null(strstr(text, "new"));
    assert_null(strstr(text, "old"));
}

static void ring_keeps_the_newest(void **state)
{
    static char text[1 << 20];
    uint64_t from = 0;

    for (int i = 0; i < 20000; i++) {
        log_info("line %d", i);
    }
    size_t bytes = log_read(&from, text, sizeof(text));
    assert_true(bytes >= 60000 && bytes <= 65536);
    assert_memory_equal(text + bytes - 20, shown + shown_bytes - 20, 20);
    assert_int_equal(shown_lines(), 20000);
}

#define WRITERS 4
#define EACH    250 /* together less than the ring holds: a slow sink loses nothing */

static void *write_many(void *argument)
{
    for (int i = 0; i < EACH; i++) {
        log_info("writer %d says %d", (int)(intptr_t)argument, i);
    }
    return NULL;
}

static void lines_of_several_cpus_stay_whole(void **state)
{
    pthread_t threads[WRITERS];
    int next[WRITERS] = {0};

    for (intptr_t i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, (void *)i), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (char *line = strtok(shown, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        int writer, number;
        char *text = strstr(line, "writer");
        assert_non_null(text);
        assert_int_equal(sscanf(text, "writer %d says %d", &writer, &number), 2);
        assert_int_equal(number, next[writer]++);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(next[i], EACH);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(line_has_prefix_time_and_newline), TEST(long_lines_are_cut_and_still_end),
        TEST(level_above_threshold_is_silent),  TEST(option_sets_levels),
        TEST(wrong_levels_change_nothing),      TEST(guests_cannot_flood),
        TEST(late_sink_sees_the_past),          TEST(reader_gets_each_byte_once),
        TEST(cleared_text_is_not_read),         TEST(ring_keeps_the_newest),
        TEST(lines_of_several_cpus_stay_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
