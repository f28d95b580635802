// SPDX-License-Identifier: Apache-2.0
// The choice of an idle state. HLT (C1) stops neither the local timer nor the time-stamp counter,
// and is what CPUs use unless options ask for more. Deeper states are reached by MWAIT; which ones
// are there CPUID tells, but not what they cost, so the user has to name the deepest.
//
// Options are the reference's: max_cstate=, mwait-idle=, arat=, hpet=broadcast (boot/clocks.c) and
// the older name hpetbroadcast.
#include "boot/idle.h"

#include "abi/errno.h"
#include "arch/cpuid.h"
#include "arch/idle.h"
#include "base/cpu.h"
#include "base/log.h"
#include "base/param.h"
#include "boot/clocks.h"
#include "boot/irqs.h"
#include "boot/irqs_internal.h"
#include "boot/machine.h"
#include "platform/broadcast.h"
#include "platform/ioapic.h"
#include "platform/msi.h"
#include "platform/pit.h"

#define MONITOR       (1U << 3) /* leaf 1, ECX */
#define ARAT          (1U << 2) /* leaf 6, EAX: the local timer runs in every state */
#define INVARIANT_TSC (1U << 8) /* leaf 0x80000007, EDX: so does the counter */
#define MONITOR_LEAF  5
#define POWER_LEAF    6
#define ADVANCED_LEAF 0x80000007
#define DEEPEST_MWAIT 7 /* that leaf 5 has room for */

static uint64_t max_cstate = 1;
PARAM_INTEGER("max_cstate", max_cstate);
static enum { WHERE_NEEDED, NEVER, ALWAYS } mwait;
static int set_mwait(const struct param *param, const char *value)
{
    int truth = value ? parse_bool(value) : 1;

    if (truth < 0) {
        return -EINVAL;
    }
    mwait = truth != 0 ? ALWAYS : NEVER;
    return 0;
}
PARAM_CUSTOM("mwait-idle", set_mwait);

static bool believe_arat = true;
PARAM_BOOL("arat", believe_arat);
static bool always_broadcast;
PARAM_BOOL("hpetbroadcast", always_broadcast);

/* ---- states ---------------------------------------------------------------------------------- */

static bool may_use_mwait(void)
{
    return mwait != NEVER && (arch_cpuid(1, 0).ecx & MONITOR) != 0 &&
           arch_cpuid(0, 0).eax >= MONITOR_LEAF;
}

/* The deepest state that is allowed and that MWAIT has, 1 where none is deeper. */
static unsigned int deepest_state(void)
{
    uint32_t sub_states;

    if (!may_use_mwait()) {
        return 1;
    }
    sub_states = arch_cpuid(MONITOR_LEAF, 0).edx;
    for (unsigned int state = (unsigned int)MIN(max_cstate, 0UL + DEEPEST_MWAIT); state > 1;
         state--) {
        if ((sub_states >> 4 * state & 0xf) != 0) {
            return state;
        }
    }
    return 1;
}

static bool timer_runs_always(void)
{
    return believe_arat && arch_cpuid(0, 0).eax >= POWER_LEAF &&
           (arch_cpuid(POWER_LEAF, 0).eax & ARAT) != 0;
}

static bool counter_runs_always(void)
{
    return arch_cpuid(0x80000000, 0).eax >= ADVANCED_LEAF &&
           (arch_cpuid(ADVANCED_LEAF, 0).edx & INVARIANT_TSC) != 0;
}

/* ---- the broadcast timer --------------------------------------------------------------------- */

#define TIMER_ISA_IRQ                                                          \
    0 /* the interval timer's pin: nobody else's, and Pavise does not use that \
       */

static bool start_broadcast(void)
{
    struct irq_line line;
    struct msi_message message;
    bool by_message;

    if (msi_compose(arch_broadcast_vector(), irqs_destination(0), &message) != 0 ||
        broadcast_init(machine.tsc_hz, &message, madt_isa_gsi(&machine.madt, TIMER_ISA_IRQ, &line),
                       &by_message) != 0) {
        return false;
    }
    if (!by_message) {
        pit_stop(); /* firmware lets it tick */
        if (irqs_claim_isa(TIMER_ISA_IRQ, broadcast_interrupt) != 0) {
            return false;
        }
    }
    log_info("idle CPUs are woken by the HPET, %s",
             by_message ? "by messages" : "through the interval timer's pin");
    return true;
}

/* ---- the choice ------------------------------------------------------------------------------ */

bool idle_settle(void)
{
    unsigned int deepest = deepest_state();
    bool forced = always_broadcast || clocks_broadcast_asked();
    struct idle_state state = {.timer_stops = forced || (deepest > 1 && !timer_runs_always())};

    if (state.timer_stops && !start_broadcast()) {
        log_warning("no HPET can wake CPUs whose timers stop: they idle by HLT");
        state.timer_stops = false;
        deepest = 1;
    }
    state.by_mwait = deepest > 1 || (mwait == ALWAYS && may_use_mwait());
    state.hint = (deepest - 1) << 4;
    log_info("CPUs idle by %s, down to C%u", state.by_mwait ? "MWAIT" : "HLT", deepest);
    arch_set_idle_state(&state);
    return deepest > 1 && !counter_runs_always();
}
