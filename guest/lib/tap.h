// SPDX-License-Identifier: Apache-2.0
// Tests: one promise each, named by the sentence that is its line of TAP.
//
//     TEST("a divide error is vector 0")
//     {
//         ...
//         CHECK_EQ(fault.frame.vector, VECTOR_DE);
//     }
//
// A test passes when all its checks do; each failed check prints a diagnostic with what was
// expected and got. A trap no check expects ends its test, not the image. Tests run in the order
// they are written in.
#pragma once

#include "event.h"
#include "guest.h"
#include "mm.h"
#include "trap.h"

struct test {
    const char *promise;
    void (*run)(void);
    unsigned line;
};

void check(bool holds, const char *what, unsigned line);
void check_eq(uint64_t got, uint64_t expected, const char *what, unsigned line);
void check_error(long got, int expected, const char *what, unsigned line);
void diagnose(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The rest of the test says nothing about this machine, or nothing about the reference.
void skip(const char *reason);
bool differs_on_oracle(const char *reason);

#define CHECK(condition)        check((condition), #condition, __LINE__)
#define CHECK_EQ(got, expected) check_eq((uint64_t)(got), (uint64_t)(expected), #got, __LINE__)
// A call's result: 0, or the errno value it is the negative of.
#define CHECK_OK(call)         check_error((call), 0, #call, __LINE__)
#define CHECK_ERR(call, error) check_error((call), (error), #call, __LINE__)
#define CHECK_TRAP(fault, expected) \
    check_eq((fault).taken ? (fault).frame.vector : UINT64_MAX, (expected), "vector", __LINE__)

// In the text of an inline assembly: notes the address of the next instruction in `site`. Clobbers
// RAX.
#define SITE "lea 7f(%%rip), %%rax\nmov %%rax, site\n7:\n"
extern uint64_t site;

#define TEST_PASTE_(a, b) a##b
#define TEST_PASTE(a, b)  TEST_PASTE_(a, b)
#define TEST(sentence)                                           \
    static void TEST_PASTE(test_at_, __LINE__)(void);            \
    static const struct test TEST_PASTE(test_entry_, __LINE__)   \
        __attribute__((section(".tests"), used, aligned(8))) = { \
            sentence, TEST_PASTE(test_at_, __LINE__), __LINE__}; \
    static void TEST_PASTE(test_at_, __LINE__)(void)
