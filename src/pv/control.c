// SPDX-License-Identifier: Apache-2.0
// Control registers as a guest's kernel sees them (processor manual volume 3, 2.5 and 2.6).
#include "pv/control.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/pv.h"
#include "domain/domain.h"
#include "mmu/base.h"
#include "pv/bounce.h"
#include "pv/debug.h"
#include "pv/flags.h"
#include "pv/operand.h"
#include "pv/pv.h"

/* PE MP ET NE WP AM PG: what every 64-bit kernel runs with. */
#define CONTROL0_FIXED 0x80050033UL

#define CONTROL4_PAE        (1UL << 5)
#define CONTROL4_MCE        (1UL << 6)
#define CONTROL4_OSFXSR     (1UL << 9)
#define CONTROL4_OSXMMEXCPT (1UL << 10)
#define CONTROL4_FSGSBASE   (1UL << 16)
#define CONTROL4_OSXSAVE    (1UL << 18)

#define VECTOR_DB  1
#define DR6_SINGLE (1UL << 14)

/* As the reference has it: what a guest relies on is on, what is Pavise's own affair is not seen.
 */
#define CONTROL4_INITIAL (CONTROL4_PAE | CONTROL4_MCE | CONTROL4_OSFXSR | CONTROL4_OSXMMEXCPT)

uint64_t control4_initial(void)
{
    return CONTROL4_INITIAL;
}

/* Bits that a kernel may set and clear as it likes; all others keep their value, without a fault.
 */
static uint64_t control4_open(const struct vcpu *v)
{
    const struct cpuid_policy *cpuid = pv_cpuid_policy(v->domain);
    uint64_t open = CONTROL4_TSD | CONTROL4_DE;

    open |= cpuid_policy_has(cpuid, XEN_X86_FEATURE_FSGSBASE) ? CONTROL4_FSGSBASE : 0;
    open |= cpuid_policy_has(cpuid, XEN_X86_FEATURE_XSAVE) ? CONTROL4_OSXSAVE : 0;
    return open;
}

uint64_t control4_merge(const struct vcpu *v, uint64_t value)
{
    return CONTROL4_INITIAL | (value & control4_open(v));
}

uint64_t control0_of(const struct vcpu *v)
{
    return CONTROL0_FIXED | ((v->mode & MODE_FPU_TRAP) != 0 ? CONTROL0_TS : 0);
}

static uint64_t read(const struct vcpu *v, unsigned int number, bool *known)
{
    switch (number) {
    case 0:
        return control0_of(v);
    case 2:
        return v->info->arch.cr2;
    case 3:
        return v->kernel_cr3;
    case 4:
        return v->control4;
    default:
        *known = false;
        return 0;
    }
}

int control_read(struct vcpu *v, unsigned int number, unsigned int reg)
{
    bool known = true;
    uint64_t value = read(v, number, &known);

    if (!known) {
        return -EINVAL;
    }
    insn_write_reg(&v->regs, reg, 8, value);
    return 0;
}

static int write_control0(struct vcpu *v, uint64_t value)
{
    if (((value ^ CONTROL0_FIXED) & ~CONTROL0_TS) != 0) {
        return -EINVAL;
    }
    control_set_task_switched(v, (value & CONTROL0_TS) != 0);
    return 0;
}

static int write_control4(struct vcpu *v, uint64_t value)
{
    v->control4 = control4_merge(v, value);
    arch_load_control4(v);
    return 0;
}

long control_write(struct vcpu *v, unsigned int number, uint64_t value)
{
    switch (number) {
    case 0:
        return write_control0(v, value);
    case 2:
        v->info->arch.cr2 = value;
        return 0;
    case 3:
        return base_write(v, maddr_to_mfn(maddr(value)));
    case 4:
        return write_control4(v, value);
    default:
        return -EINVAL;
    }
}

void control_set_task_switched(struct vcpu *v, bool on)
{
    v->mode = on ? v->mode | MODE_FPU_TRAP : v->mode & ~(uint32_t)MODE_FPU_TRAP;
    arch_set_fpu_trap(on);
}

bool control_load_status(struct vcpu *v, uint16_t status)
{
    return write_control0(v, (CONTROL0_FIXED & ~0xfUL) | (status & 0xf) | 1) == 0;
}

bool extended_states_valid(uint64_t xcr0)
{
    const uint64_t sse = 1UL << 1, avx = 1UL << 2, avx512 = 7UL << 5;

    if ((xcr0 & 1) == 0 || (xcr0 & ~arch_extended_states()) != 0) {
        return false;
    }
    if ((xcr0 & avx) != 0 && (xcr0 & sse) == 0) {
        return false;
    }
    return (xcr0 & avx512) == 0 || ((xcr0 & avx512) == avx512 && (xcr0 & avx) != 0);
}

void pv_after_instruction(struct vcpu *v)
{
    v->regs.rflags &= ~RFLAGS_RF;
    if ((v->regs.rflags & RFLAGS_TF) != 0) {
        v->debug_registers[6] |= DR6_SINGLE;
        pv_debug_exception(v, VECTOR_DB);
    }
}
