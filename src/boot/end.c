// SPDX-License-Identifier: Apache-2.0
// When domain 0 is gone the machine follows: off, restarted, or stopped for someone to look.
#include "boot/end.h"

#include "abi/xen.h"
#include "arch/power.h"
#include "base/log.h"
#include "base/panic.h"
#include "boot/machine.h"
#include "domain/domain.h"
#include "platform/reset.h"
#include "platform/s5.h"
#include "sched/record.h"

static struct sleep_types off;
static bool can_switch_off;

static noreturn_fn void switch_off(void)
{
    if (can_switch_off && platform_power_off(&machine.fadt, &off) == 0) {
        arch_halt();
    }
    log_always("this machine can't be switched off by software: do it by hand");
    arch_halt();
}

static noreturn_fn void restart(void)
{
    platform_reset();
    arch_reboot();
}

static void domain0_has_gone(uint32_t code)
{
    sched_record_print();
    switch (code) {
    case SHUTDOWN_poweroff:
        log_always("domain 0 has shut down: switching off");
        switch_off();
    case SHUTDOWN_reboot:
    case SHUTDOWN_soft_reset:
        log_always("domain 0 has shut down: restarting");
        restart();
    case SHUTDOWN_watchdog:
        log_always("domain 0's watchdog has run out: restarting");
        restart();
    default:
        log_always("domain 0 crashed (code %u)", code);
        machine_end();
    }
}

void end_init(void)
{
    can_switch_off = machine.has_fadt && s5_read(&off) == 0;
    domain0_gone = domain0_has_gone;
}
