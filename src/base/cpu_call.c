// SPDX-License-Identifier: Apache-2.0
// Calls on other CPUs, one at a time on the whole machine.
#include "base/cpu_call.h"

#include "base/cpu.h"
#include "base/lock.h"
#include "base/panic.h"

/* The call under way. All but the atomic members change only while `waiting` is 0, by its caller.
 */
static struct {
    uint32_t busy;    /* [a] somebody's call is under way */
    uint64_t waiting; /* [a] CPUs that have not run it yet */
    void (*function)(void *argument);
    void *argument;
    bool waited_for; /* its caller waits, and ends it; else the last CPU to run it does */
} call;

/* A function that takes a lock could meet a holder who waits for it: it must not, in debug builds.
 */
static void run(void (*function)(void *argument), void *argument)
{
    lock_forbid();
    function(argument);
    lock_permit();
}

void cpu_serve_call(void)
{
    uint64_t bit = 1ULL << this_cpu()->id;
    bool waited_for;

    if (likely((__atomic_load_n(&call.waiting, __ATOMIC_ACQUIRE) & bit) == 0)) {
        return;
    }
    waited_for = call.waited_for;
    run(call.function, call.argument);
    /* From here on, `call` may be another's if this was the last CPU. */
    if (__atomic_fetch_and(&call.waiting, ~bit, __ATOMIC_ACQ_REL) == bit && !waited_for) {
        __atomic_store_n(&call.busy, 0, __ATOMIC_RELEASE);
    }
}

static void begin(uint64_t others, void (*function)(void *argument), void *argument,
                  bool waited_for)
{
    while (__atomic_exchange_n(&call.busy, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_relax();
    }
    call.function = function;
    call.argument = argument;
    call.waited_for = waited_for;
    __atomic_store_n(&call.waiting, others, __ATOMIC_RELEASE);
    for (unsigned int id = 0; id < cpu_count; id++) {
        if ((others >> id & 1) != 0) {
            arch_send_call(id);
        }
    }
}

static void end(void)
{
    while (__atomic_load_n(&call.waiting, __ATOMIC_ACQUIRE) != 0) {
        cpu_relax();
    }
    __atomic_store_n(&call.busy, 0, __ATOMIC_RELEASE);
}

static void make_call(uint64_t cpus_wanted, void (*function)(void *argument), void *argument,
                      bool wait)
{
    uint64_t own = 1ULL << this_cpu()->id;
    uint64_t others = cpus_wanted & cpus_started() & ~own;

    ASSERT(!lock_is_forbidden());
    if (others != 0) {
        begin(others, function, argument, wait);
    }
    if ((cpus_wanted & own) != 0) {
        run(function, argument);
    }
    if (others != 0 && wait) {
        end();
    }
}

void cpu_call(uint64_t cpus_wanted, void (*function)(void *argument), void *argument)
{
    make_call(cpus_wanted, function, argument, true);
}

void cpu_call_nowait(uint64_t cpus_wanted, void (*function)(void *argument), void *argument)
{
    make_call(cpus_wanted, function, argument, false);
}
