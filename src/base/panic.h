// SPDX-License-Identifier: Apache-2.0
// The end of the machine: only for the hypervisor's own mistakes, never for what a guest does.
#pragma once

#include "lib/compiler.h"

/*
 * Shows the message, the reports and a backtrace, stops the other CPUs, then restarts the machine
 * (or stays stopped, with the option `noreboot`). In any context, with any lock held.
 */
noreturn_fn cold_fn void panic(const char *format, ...) printf_like(1, 2);

/* Where an exception happened, for a panic that is not the caller's own doing. */
struct panic_site {
    uintptr_t instruction;
    uintptr_t frame_pointer;
    const void *registers;
    void (*print_registers)(const void *registers); /* by log_always() */
};
noreturn_fn cold_fn void panic_at(const struct panic_site *site, const char *format, ...)
    printf_like(2, 3);

/* Logs the chain of callers from `frame_pointer` (0: the caller's own). */
void log_backtrace(uintptr_t frame_pointer);

/* What is said during a panic, after the registers: the state of the guest, for instance. */
struct panic_report {
    void (*print)(void); /* by log_always() */
    struct panic_report *next;
};
void panic_add_report(struct panic_report *report);

/* How the other CPUs are stopped. Called once, before anything
 * is printed. */
void panic_set_stop_others(void (*stop_others)(void));

/* Restarts the machine, or with `noreboot` stops it, and says which. */
noreturn_fn void machine_end(void);

/* Always checked. */
#define BUG_ON(condition)                                       \
    do {                                                        \
        if (unlikely(condition)) {                              \
            panic("%s:%d: %s", __FILE__, __LINE__, #condition); \
        }                                                       \
    } while (0)

/* Checked in debug builds; in others the condition is still compiled, and never evaluated. */
#if defined(PAVISE_DEBUG) || defined(PAVISE_HOST)
#define ASSERT(condition) BUG_ON(!(condition))
#else
#define ASSERT(condition)         \
    do {                          \
        if (0) {                  \
            BUG_ON(!(condition)); \
        }                         \
    } while (0)
#endif
