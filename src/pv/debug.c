// SPDX-License-Identifier: Apache-2.0
// Debug registers of guests (processor manual volume 3, 17.2), and their debug exceptions.
#include "pv/debug.h"

#include "abi/errno.h"
#include "arch/index.h"
#include "arch/pv.h"
#include "base/cpu.h"
#include "domain/pause.h"
#include "event/event.h"
#include "pv/bounce.h"
#include "pv/hypercalls.h"

#define DR6_FIXED          0xffff0ff0UL
#define DR6_CLEAR          0x1000UL
#define DR7_FIXED          0x0400UL
#define DR7_CLEAR          0xd800UL
#define DR7_GENERAL_DETECT (1UL << 13)
#define DR7_ENABLED        0xffUL

static bool in_hypervisor(uint64_t address)
{
    return address >= HYPERVISOR_VIRT_START && address < HYPERVISOR_VIRT_END;
}

/* Breakpoint `n`: its type and length bits. */
static unsigned int breakpoint_kind(uint64_t control, unsigned int n)
{
    return (control >> (16 + 4 * n)) & 15;
}

#define KIND_IO 2U /* low two bits: break on ports */

static long set_control(struct vcpu *v, uint64_t value)
{
    /* General detect would fault Pavise's own accesses. */
    if ((value >> 32) != 0 || (value & DR7_GENERAL_DETECT) != 0) {
        return -EPERM;
    }
    value = (value & ~DR7_CLEAR) | DR7_FIXED;
    for (unsigned int n = 0; n < 4; n++) {
        if ((value >> (2 * n)) & 3 && (breakpoint_kind(value, n) & 3) == KIND_IO &&
            (v->control4 & (1UL << 3)) == 0) {
            return -EPERM;
        }
    }
    v->debug_registers[7] = (value & DR7_ENABLED) != 0 ? value : 0;
    return 0;
}

long debug_register_set(struct vcpu *v, unsigned int number, uint64_t value)
{
    long result = 0;

    switch (number) {
    case 0 ... 3:
        if (!is_canonical(value) || in_hypervisor(value)) {
            return -EPERM;
        }
        v->debug_registers[index_below(number, 4)] = value;
        break;
    case 4:
    case 6:
        v->debug_registers[6] = (value & 0xffffffff & ~DR6_CLEAR) | DR6_FIXED;
        break;
    case 5:
    case 7:
        result = set_control(v, value);
        break;
    default:
        return -EINVAL;
    }
    if (result == 0 && v == current_vcpu()) {
        arch_load_debug_registers(v);
    }
    return result;
}

long debug_register_get(const struct vcpu *v, unsigned int number, uint64_t *value)
{
    switch (number) {
    case 0 ... 3:
        *value = v->debug_registers[index_below(number, 4)];
        return 0;
    case 4:
    case 6:
        *value = v->debug_registers[6] | DR6_FIXED;
        return 0;
    case 5:
    case 7:
        *value = v->debug_registers[7] | DR7_FIXED;
        return 0;
    default:
        return -EINVAL;
    }
}

/*
 * Every stop is a pause of its own, so that one is not lost while another is looked at; who has
 * stopped the domain more often than that is counted has stopped it. A program's breakpoints are
 * its kernel's to tell of.
 */
static bool stop_for_debugger(struct vcpu *v, unsigned int vector)
{
    if (!READ_ONCE(v->domain->debugged) || !vcpu_in_kernel(v)) {
        return false;
    }
    __atomic_store_n(&v->debugger_event, vector, __ATOMIC_SEQ_CST);
    (void)!domain_pause_for_controller(v->domain);
    event_send_global_virq(VIRQ_DEBUGGER);
    return true;
}

void pv_debug_exception(struct vcpu *v, unsigned int vector)
{
    if (!stop_for_debugger(v, vector)) {
        pv_bounce_trap(v, vector, 0);
    }
}

long hypercall_set_debugreg(uint64_t number, uint64_t value)
{
    return number > 7 ? -EINVAL : debug_register_set(current_vcpu(), (unsigned int)number, value);
}

long hypercall_get_debugreg(uint64_t number)
{
    uint64_t value;
    long result =
        number > 7 ? -EINVAL : debug_register_get(current_vcpu(), (unsigned int)number, &value);

    return result == 0 ? (long)value : result;
}
