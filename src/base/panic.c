// SPDX-License-Identifier: Apache-2.0
// The end of the machine.

#include "base/panic.h"

#include <stdarg.h>

#include "arch/backtrace.h"
#include "arch/cpu.h"
#include "arch/power.h"
#include "base/log.h"
#include "base/param.h"
#include "base/symbols.h"
#include "lib/format.h"

#define BACKTRACE_MAX 32

static bool noreboot;
PARAM_BOOL("noreboot", noreboot);

static struct panic_report *reports;
static void (*stop_others)(void);
static struct cpu *panicking_cpu; /* [a] the one that may print */

void panic_add_report(struct panic_report *report)
{
    report->next = reports;
    reports = report;
}

void panic_set_stop_others(void (*stop)(void))
{
    stop_others = stop;
}

/* The address before a return address belongs to the call, also where a call ends its function. */
static void log_caller(uintptr_t return_address)
{
    char text[SYMBOL_TEXT_MAX];
    log_always("    %#018lx %s", (unsigned long)return_address,
               symbol_describe(return_address - 1, text));
}

void log_backtrace(uintptr_t frame_pointer)
{
    uintptr_t callers[BACKTRACE_MAX];
    size_t count = arch_backtrace(frame_pointer, callers, BACKTRACE_MAX);

    log_always("called from:");
    for (size_t i = 0; i < count; i++) {
        log_caller(callers[i]);
    }
}

void machine_end(void)
{
    if (noreboot) {
        log_always("halted (noreboot)");
        arch_halt();
    }
    log_always("rebooting");
    arch_reboot();
}

/* Printing went wrong. Say so, but try that only once. */
static noreturn_fn void panic_again(const char *format)
{
    static bool tried;

    if (!tried) {
        tried = true;
        log_always("panic: another one while reporting the first: %s", format);
    }
    machine_end();
}

/* One CPU prints; another that panics at the same time waits to be stopped. */
static void enter_panic(const char *format)
{
    struct cpu *first = NULL;

    if (!__atomic_compare_exchange_n(&panicking_cpu, &first, this_cpu(), false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
        if (first == this_cpu()) {
            panic_again(format);
        }
        arch_halt();
    }
    log_enter_panic();
    if (stop_others != NULL) {
        stop_others();
    }
}

static noreturn_fn void finish_panic(void)
{
    for (struct panic_report *report = reports; report != NULL; report = report->next) {
        report->print();
    }
    machine_end();
}

static void log_reason(const char *format, va_list arguments)
{
    char reason[256];
    format_text_v(reason, sizeof(reason), format, arguments);
    log_always("panic: %s", reason);
}

void panic(const char *format, ...)
{
    va_list arguments;

    enter_panic(format);
    va_start(arguments, format);
    log_reason(format, arguments);
    va_end(arguments);
    log_backtrace((uintptr_t)__builtin_frame_address(0));
    finish_panic();
}

void panic_at(const struct panic_site *site, const char *format, ...)
{
    char text[SYMBOL_TEXT_MAX];
    va_list arguments;

    enter_panic(format);
    va_start(arguments, format);
    log_reason(format, arguments);
    va_end(arguments);
    log_always("at  %#018lx %s", (unsigned long)site->instruction,
               symbol_describe(site->instruction, text));
    if (site->print_registers != NULL) {
        site->print_registers(site->registers);
    }
    log_backtrace(site->frame_pointer);
    finish_panic();
}
