// SPDX-License-Identifier: Apache-2.0
// Exceptions that guests raise.
#include "pv/traps.h"

#include "arch/pv.h"
#include "arch/tlb.h"
#include "base/log.h"
#include "domain/domain.h"
#include "mmu/ldt.h"
#include "pv/bounce.h"
#include "pv/debug.h"
#include "pv/emulate.h"
#include "pv/far_return.h"
#include "pv/fetch.h"
#include "pv/flags.h"
#include "pv/pte_write.h"

enum vector {
    VECTOR_DE = 0,
    VECTOR_DB = 1,
    VECTOR_NMI = 2,
    VECTOR_BP = 3,
    VECTOR_OF = 4,
    VECTOR_UD = 6,
    VECTOR_NM = 7,
    VECTOR_GP = 13,
    VECTOR_PF = 14,
    VECTOR_MC = 18,
};

#define ERROR_IN_IDT (1U << 1)

void (*hardware_nmi)(struct vcpu *v);
void (*hardware_machine_check)(struct vcpu *v);
void (*hardware_corrected_error)(void);

bool pv_descriptor_fault(struct vcpu *v, uint32_t error_code)
{
    uint32_t offset;

    if (!arch_is_ldt_address(arch_fault_address(), &offset)) {
        return false;
    }
    if (!ldt_show_page(v, offset)) {
        pv_bounce_page_fault(v, v->ldt_base + offset, error_code);
    }
    return true;
}

static void page_fault(struct vcpu *v)
{
    uint64_t address = arch_fault_address();
    uint32_t code = v->regs.error_code;
    const uint32_t write_to_present = PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE;

    if ((code & (write_to_present | PAGE_FAULT_RESERVED | PAGE_FAULT_FETCH)) == write_to_present &&
        vcpu_in_kernel(v) && pv_write_page_table(v, address)) {
        return;
    }
    if ((code & (PAGE_FAULT_PRESENT | PAGE_FAULT_USER)) == PAGE_FAULT_PRESENT && pv_far_return(v)) {
        return;
    }
    if ((code & PAGE_FAULT_USER) == 0 && pv_descriptor_fault(v, code)) {
        return;
    }
    if ((code & PAGE_FAULT_RESERVED) != 0) {
        domain_crash(v->domain, "vCPU %u: reserved bits in the tables that map %#lx", v->id,
                     (unsigned long)address);
        return;
    }
    pv_bounce_page_fault(v, address, code);
}

/*
 * INT n through a gate of ring 0 is a #GP with the IDT bit in its code. Which n, the instruction
 * says: not every machine puts it into the code rightly.
 */
static bool software_interrupt(struct vcpu *v)
{
    struct insn insn;
    unsigned int vector;

    if (fetch_instruction(v, &insn) != 0 || insn.op != INSN_INT) {
        return false;
    }
    vector = (unsigned int)insn.imm & 0xff;
    if (TI_GET_DPL(&v->traps[vector]) < (vcpu_in_kernel(v) ? 1 : 3)) {
        v->regs.error_code = vector * 8 + ERROR_IN_IDT;
        return false;
    }
    v->regs.rip += insn.length;
    pv_bounce_trap(v, vector, 0);
    return true;
}

static void general_protection(struct vcpu *v)
{
    if ((v->regs.error_code & ERROR_IN_IDT) != 0 && software_interrupt(v)) {
        return;
    }
    if (v->regs.error_code == 0 && pv_emulate_privileged(v)) {
        return;
    }
    pv_bounce_trap(v, VECTOR_GP, v->regs.error_code);
}

static void invalid_opcode(struct vcpu *v)
{
    if (!pv_emulate_forced(v)) {
        pv_bounce_trap(v, VECTOR_UD, 0);
    }
}

static void device_not_available(struct vcpu *v)
{
    v->mode &= ~(uint32_t)MODE_FPU_TRAP;
    arch_set_fpu_trap(false);
    pv_bounce_trap(v, VECTOR_NM, 0);
}

static void debug_trap(struct vcpu *v)
{
    v->debug_registers[6] |= arch_take_debug_status();
    pv_debug_exception(v, VECTOR_DB);
}

void exception_from_guest(struct vcpu *v)
{
    unsigned int vector = v->regs.entry_vector;

    switch (vector) {
    case VECTOR_PF:
        page_fault(v);
        break;
    case VECTOR_GP:
        general_protection(v);
        break;
    case VECTOR_UD:
        invalid_opcode(v);
        break;
    case VECTOR_NM:
        device_not_available(v);
        break;
    case VECTOR_DB:
        debug_trap(v);
        break;
    case VECTOR_BP:
        pv_debug_exception(v, VECTOR_BP);
        break;
    case VECTOR_NMI:
        if (hardware_nmi) {
            hardware_nmi(v);
        }
        break;
    case VECTOR_MC:
        if (hardware_machine_check) {
            hardware_machine_check(v);
        }
        break;
    default:
        pv_bounce_trap(v, vector, v->regs.error_code);
        break;
    }
}
