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
    v->info->evtchn_upcall_mask = (frame->rflags & RFLAGS_IF) == 0;
    if ((frame->flags & VGCF_in_syscall) != 0 && regs->cs == GUEST_CS64) {
        /* By SYSRET, which takes RIP and RFLAGS from RCX and R11. */
        regs->entry_vector = ENTRY_SYSCALL;
        return;
    }
    regs->entry_vector = ENTRY_NONE;
    regs->rcx = frame->rcx;
    regs->r11 = frame->r11;
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
    v->exit_work = 1;
    return (long)frame.rax;
}

/*
 * The processor refused to return with what the guest's registers hold: a selector that is no good,
 * or an address that is not canonical. The failsafe callback is for that.
 */
void pv_iret_fault(struct vcpu *v)
{
    if (v->failsafe.address != 0) {
        pv_bounce_failsafe(v);
        return;
    }
    domain_crash(v->domain, "vCPU %u: return to cs:rip %#x:%#lx ss:rsp %#x:%#lx faulted (%#lx)",
                 v->id, v->regs.cs, (unsigned long)v->regs.rip, v->regs.ss,
                 (unsigned long)v->regs.rsp, (unsigned long)v->iret_fault_code);
}
