// SPDX-License-Identifier: Apache-2.0
// The guest's IRET: the call that ends its handlers.
#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/guest.h"
#include "arch/pv.h"
#include "base/cpu.h"
#include "domain/domain.h"
#include "pv/bounce.h"
#include "pv/flags.h"
#include "pv/hypercalls.h"
#include "pv/selectors.h"
#include "pv/traps.h"

#define VECTOR_PAGE_FAULT 14

static void load_frame(struct vcpu *v, const struct iret_context *frame)
{
    struct cpu_user_regs *regs = &v->regs;

    if ((v->domain->vm_assist >> VMASST_TYPE_architectural_iopl) & 1) {
        v->iopl = frame->rflags & RFLAGS_IOPL;
    }
    regs->rip = frame->rip;
    regs->cs = (uint16_t)frame->cs | 3;
    regs->rflags = (frame->rflags & ~RFLAGS_NOT_FOR_GUESTS) | RFLAGS_IF | RFLAGS_FIXED;
    regs->rsp = frame->rsp;
    regs->ss = (uint16_t)frame->ss | 3;
    regs->rcx = frame->rcx;
    regs->r11 = frame->r11;
    regs->entry_vector = ENTRY_NONE;
    v->info->evtchn_upcall_mask = (frame->rflags & RFLAGS_IF) == 0;
}

/* SYSRET has no selectors to load, and leaves RIP and RFLAGS in RCX and R11. */
static void return_as_from_syscall(struct cpu_user_regs *regs)
{
    if (regs->cs != GUEST_CS32) {
        regs->cs = GUEST_CS64;
        regs->entry_vector = ENTRY_SYSCALL;
    }
    regs->ss = GUEST_SS;
    regs->rcx = regs->rip;
    regs->r11 = regs->rflags;
}

long hypercall_iret(void)
{
    struct vcpu *v = current_vcpu();
    struct iret_context frame;

    if (copy_from_guest(&frame, gva(v->regs.rsp), sizeof(frame)) != 0) {
        domain_crash(v->domain, "vCPU %u: iret frame at %#lx can't be read", v->id,
                     (unsigned long)v->regs.rsp);
        return 0;
    }
    if ((frame.cs & 3) == 3) {
        if (v->user_cr3 == 0) {
            domain_crash(v->domain, "vCPU %u: iret to user mode, which has no page tables", v->id);
            return 0;
        }
        arch_toggle_mode(v);
    }
    load_frame(v, &frame);
    if ((frame.flags & VGCF_in_syscall) != 0) {
        return_as_from_syscall(&v->regs);
    }
    /* The end of an NMI's handler, for all that is known: the next one may come. */
    v->nmi_masked = 0;
    pv_refresh_careful(v);
    v->exit_work = 1;
    return (long)frame.rax;
}

/*
 * The processor refused to return with what the guest's registers hold: a selector that is no good,
 * or an address that is not canonical. The guest sees the fault as if it had come right after, in
 * the state that it asked for.
 */
void pv_iret_fault(struct vcpu *v)
{
    unsigned int vector = (unsigned int)(v->iret_fault_code >> 32);
    uint32_t error_code = (uint32_t)v->iret_fault_code;

    if (vector != VECTOR_PAGE_FAULT || !pv_descriptor_fault(v, error_code)) {
        pv_bounce_trap(v, vector, error_code);
    }
}
