// SPDX-License-Identifier: Apache-2.0
// Exceptions in Pavise itself, and the guest's side of those that have a stack of their own.
#include "abi/xen.h"
#include "arch/cpu.h"
#include "arch/pv.h"
#include "base/cpu.h"
#include "base/log.h"
#include "base/panic.h"
#include "domain/vcpu.h"
#include "exception_table.h"
#include "instructions.h"
#include "interrupts.h"
#include "lib/string.h"
#include "pv/traps.h"

#define VECTOR_DEBUG         1
#define VECTOR_NMI           2
#define VECTOR_MACHINE_CHECK 18

/* From entry.S. */
void exception_from_hypervisor(struct cpu_user_regs *regs);
struct vcpu *store_guest_frame(const struct cpu_user_regs *regs);

static void print_registers(const void *registers)
{
    const struct cpu_user_regs *r = registers;

    log_always("rip %016lx  rsp %016lx  rfl %016lx", r->rip, r->rsp, r->rflags);
    log_always("rax %016lx  rbx %016lx  rcx %016lx", r->rax, r->rbx, r->rcx);
    log_always("rdx %016lx  rsi %016lx  rdi %016lx", r->rdx, r->rsi, r->rdi);
    log_always("rbp %016lx  r8  %016lx  r9  %016lx", r->rbp, r->r8, r->r9);
    log_always("r10 %016lx  r11 %016lx  r12 %016lx", r->r10, r->r11, r->r12);
    log_always("r13 %016lx  r14 %016lx  r15 %016lx", r->r13, r->r14, r->r15);
    log_always("cr0 %016lx  cr2 %016lx  cr3 %016lx", read_cr0(), read_cr2(), read_cr3());
    log_always("cr4 %016lx  cs  %04x  ss  %04x", read_cr4(), r->cs, r->ss);
}

void exception_from_hypervisor(struct cpu_user_regs *regs)
{
    uint64_t fixup;

    /* Those that may come at any instruction have nothing to do with what it was doing. */
    switch (regs->entry_vector) {
    case VECTOR_DEBUG:
        /* Breakpoints on Pavise's addresses are refused, so this is a left-over single step. */
        (void)arch_take_debug_status();
        regs->rflags &= ~(1UL << 8);
        return;
    case VECTOR_NMI:
        interrupts_stop_here_if_asked();
        if (hardware_nmi) {
            hardware_nmi(NULL);
        }
        return;
    case VECTOR_MACHINE_CHECK:
        if (hardware_machine_check) {
            hardware_machine_check(NULL);
            return;
        }
        break;
    default:
        break;
    }
    fixup = exception_table_find(regs->rip);
    if (fixup != 0) {
        regs->rip = fixup;
        return;
    }
    const struct panic_site site = {.instruction = regs->rip,
                                    .frame_pointer = regs->rbp,
                                    .registers = regs,
                                    .print_registers = print_registers};
    panic_at(&site, "exception %u (error code %#x, address %#lx)", regs->entry_vector,
             regs->error_code, read_cr2());
}

/* What entry code pushed on an exception's own stack is the current vCPU's. */
struct vcpu *store_guest_frame(const struct cpu_user_regs *regs)
{
    struct vcpu *v = current_vcpu();

    if (regs->entry_vector == VECTOR_NMI) {
        interrupts_stop_here_if_asked();
    }
    memcpy(&v->regs, regs, offsetof(struct cpu_user_regs, ss) + 8);
    return v;
}
