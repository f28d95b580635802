// SPDX-License-Identifier: Apache-2.0
// The end of the machine, in child processes: what a panic says, and in which order. And the names
// that it gives to addresses.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/backtrace.h"
#include "arch/cpu.h"
#include "base/cpu.h"
#include "base/log.h"
#include "base/panic.h"
#include "base/param.h"
#include "base/symbols.h"

/* A table as tools/symbols makes it, for code at [0x1100, 0x2000) of an image at 0x1000. */
extern const uint32_t symbol_count, symbol_addresses[], symbol_names_offsets[];
extern const char symbol_names[];
extern struct image_text host_image_text;
const uint32_t symbol_count = 3;
const uint32_t symbol_addresses[] = {0x110, 0x200, 0x280};
const uint32_t symbol_names_offsets[] = {0, 6, 13};
const char symbol_names[] = "first\0second\0third";

static int pipe_ends[2];
static char output[65536];

static void write_to_pipe(struct log_sink *sink, const char *text, size_t bytes)
{
    if (write(pipe_ends[1], text, bytes) != (ssize_t)bytes) {
        _exit(1);
    }
}

static struct log_sink pipe_sink = {.write = write_to_pipe};

/* Runs `act` in a child, which has to end by abort() (what the host does for a halt or a reboot).
 */
static void panic_in_child(void (*act)(void))
{
    int status;
    size_t length = 0;
    ssize_t bytes;

    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        log_add_sink(&pipe_sink);
        act();
        _exit(0);
    }
    close(pipe_ends[1]);
    while ((bytes = read(pipe_ends[0], output + length, sizeof(output) - 1 - length)) > 0) {
        length += (size_t)bytes;
    }
    output[length] = 0;
    close(pipe_ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* Each text is in the output, one after the other. */
static void expect_in_order(const char *const *texts, size_t count)
{
    const char *at = output;

    for (size_t i = 0; i < count; i++) {
        at = strstr(at, texts[i]);
        if (at == NULL) {
            fail_msg("\"%s\" is missing in:\n%s", texts[i], output);
        }
        at += strlen(texts[i]);
    }
}

static void print_guest(void)
{
    log_always("guest state");
}

static void stop_cpus(void)
{
    log_always("others stopped");
}

static void print_numbers(const void *registers)
{
    log_always("registers %d", *(const int *)registers);
}

static void panic_with_everything(void)
{
    static struct panic_report report = {.print = print_guest};
    static const int registers = 42;
    const struct panic_site site = {
        .instruction = 0x1212, .registers = &registers, .print_registers = print_numbers};

    panic_add_report(&report);
    panic_set_stop_others(stop_cpus);
    panic_at(&site, "number %d", 7);
}

static void panic_says_everything_in_order(void **state)
{
    static const char *const expected[] = {
        "others stopped", "(PAVISE) [",   "] panic: number 7\n", "second+0x12",
        "registers 42",   "called from:", "guest state",         "rebooting"};

    panic_in_child(panic_with_everything);
    expect_in_order(expected, ARRAY_SIZE(expected));
}

static void panic_plain(void)
{
    assert_int_equal(param_set("noreboot", NULL), 0);
    panic("plain");
}

static void noreboot_halts(void **state)
{
    static const char *const expected[] = {"panic: plain\n", "called from:", "halted (noreboot)"};

    panic_in_child(panic_plain);
    expect_in_order(expected, ARRAY_SIZE(expected));
    assert_null(strstr(output, "rebooting"));
}

static void panic_inside(void)
{
    panic("inner");
}

static void panic_nested(void)
{
    static struct panic_report report = {.print = panic_inside};

    panic_add_report(&report);
    panic("outer");
}

static void panic_while_reporting_ends(void **state)
{
    static const char *const expected[] = {
        "panic: outer\n", "panic: another one while reporting the first: inner", "rebooting"};

    panic_in_child(panic_nested);
    expect_in_order(expected, ARRAY_SIZE(expected));
}

static void fail_bug_on(void)
{
    BUG_ON(symbol_count == 3);
}

static void bug_on_names_the_place(void **state)
{
    static const char *const expected[] = {"panic: tests/unit/panic_test.c:", "symbol_count == 3"};

    panic_in_child(fail_bug_on);
    expect_in_order(expected, ARRAY_SIZE(expected));
}

static void addresses_have_names(void **state)
{
    char text[SYMBOL_TEXT_MAX];
    struct symbol symbol;

    assert_true(symbol_find(0x1110, &symbol));
    assert_string_equal(symbol.name, "first");
    assert_int_equal(symbol.offset, 0);
    assert_true(symbol_find(0x11ff, &symbol));
    assert_string_equal(symbol.name, "first");
    assert_string_equal(symbol_describe(0x1200, text), "second+0");
    assert_string_equal(symbol_describe(0x1fff, text), "third+0xd7f");
}

static void addresses_outside_have_none(void **state)
{
    static const uintptr_t outside[] = {0, 0xfff, 0x10ff, 0x1100, 0x110f, 0x2000, UINTPTR_MAX};
    char text[SYMBOL_TEXT_MAX];
    struct symbol symbol;

    for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
        assert_false(symbol_find(outside[i], &symbol));
    }
    assert_string_equal(symbol_describe(0x2000, text), "0x2000");
}

static int start(void **state)
{
    static struct cpu cpu;

    host_this_cpu = &cpu;
    host_image_text = (struct image_text){.base = 0x1000, .start = 0x1100, .end = 0x2000};
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(panic_says_everything_in_order),
        cmocka_unit_test(noreboot_halts),
        cmocka_unit_test(panic_while_reporting_ends),
        cmocka_unit_test(bug_on_names_the_place),
        cmocka_unit_test(addresses_have_names),
        cmocka_unit_test(addresses_outside_have_none),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
