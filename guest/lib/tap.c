// SPDX-License-Identifier: Apache-2.0
// Runs the tests of an image and prints TAP.

#include "tap.h"

// From the linker script.
extern const struct test tests_start[], tests_end[];

uint64_t site;

static struct {
    bool failed;
    const char *skipped;
} now;

void diagnose(const char *format, ...)
{
    char text[400];
    va_list arguments;

    va_start(arguments, format);
    (void)format_v(text, sizeof(text), format, arguments);
    va_end(arguments);
    print("# %s\n", text);
}

void check(bool holds, const char *what, unsigned line)
{
    if (!holds) {
        now.failed = true;
        diagnose("line %u: %s does not hold", line, what);
    }
}

void check_eq(uint64_t got, uint64_t expected, const char *what, unsigned line)
{
    if (got != expected) {
        now.failed = true;
        diagnose("line %u: %s: expected 0x%lx, got 0x%lx", line, what, expected, got);
    }
}

void check_error(long got, int expected, const char *what, unsigned line)
{
    if (got != -(long)expected) {
        now.failed = true;
        diagnose("line %u: %s: expected %d, got %ld", line, what, -expected, got);
    }
}

void skip(const char *reason)
{
    now.skipped = reason;
}

bool differs_on_oracle(const char *reason)
{
    if (!running_on_oracle()) {
        return false;
    }
    skip(reason);
    return true;
}

// The tests of one file, in the order of their lines whatever the compiler did.
static const struct test *next_test(unsigned after_line)
{
    const struct test *next = NULL;

    for (const struct test *test = tests_start; test < tests_end; test++) {
        if (test->line > after_line && (next == NULL || test->line < next->line)) {
            next = test;
        }
    }
    return next;
}

static void run_test(const struct test *test, unsigned number)
{
    struct fault fault;

    now.failed = false;
    now.skipped = NULL;
    EXPECT_FAULT(&fault)
    {
        test->run();
    }
    if (fault.taken) {
        now.failed = true;
        diagnose("a trap the test did not expect");
        frame_print(&fault.frame, fault.cr2);
    }
    print("%sok %u - %s%s%s\n", now.failed ? "not " : "", number, test->promise,
          now.skipped != NULL ? " # SKIP " : "", now.skipped != NULL ? now.skipped : "");
}

__attribute__((weak)) void guest_main(void)
{
    unsigned number = 0;

    print("1..%u\n", (unsigned)(tests_end - tests_start));
    for (const struct test *test = next_test(0); test != NULL; test = next_test(test->line)) {
        run_test(test, ++number);
    }
}
