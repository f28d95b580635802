// SPDX-License-Identifier: Apache-2.0
// Bounce frames: built in one place, written to the guest's stack with one copy.
#include "pv/bounce.h"

#include "arch/guest.h"
#include "arch/pv.h"
#include "base/log.h"
#include "domain/domain.h"
#include "pv/flags.h"
#include "pv/selectors.h"
#include "pv/traps.h"

#define VECTOR_NMI        2
#define VECTOR_PAGE_FAULT 14

enum frame_kind { FRAME_PLAIN, FRAME_WITH_CODE, FRAME_WITH_SELECTORS };

/* Words of the largest frame: RCX, R11, four selectors, and the five that IRET takes. */
#define FRAME_WORDS 11

bool pv_trace_bounces;

static uint64_t pushed_flags(const struct vcpu *v, bool masked)
{
    uint64_t flags = v->regs.rflags & ~(RFLAGS_IF | RFLAGS_IOPL);

    if (!masked) {
        flags |= RFLAGS_IF;
    }
    if ((v->domain->vm_assist >> VMASST_TYPE_architectural_iopl) & 1) {
        flags |= v->iopl;
    }
    return flags;
}

static unsigned int build_frame(const struct vcpu *v, enum frame_kind kind, uint32_t code,
                                bool from_kernel, uint64_t *frame)
{
    const struct cpu_user_regs *regs = &v->regs;
    bool masked = READ_ONCE(v->info->evtchn_upcall_mask) != 0;
    unsigned int n = 0;

    frame[n++] = regs->rcx;
    frame[n++] = regs->r11;
    if (kind == FRAME_WITH_SELECTORS) {
        /* As wanted; where the register reads as another, that is the one that was lost. */
        frame[n++] = regs->ds;
        frame[n++] = regs->es;
        frame[n++] = regs->fs;
        frame[n++] = regs->gs;
    } else if (kind == FRAME_WITH_CODE) {
        frame[n++] = code;
    }
    frame[n++] = regs->rip;
    frame[n++] = (from_kernel ? regs->cs & ~3UL : regs->cs) | (uint64_t)masked << 32;
    frame[n++] = pushed_flags(v, masked);
    frame[n++] = regs->rsp;
    frame[n++] = regs->ss;
    return n;
}

void pv_bounce_without_stack(struct vcpu *v, uint64_t sp)
{
    domain_crash(v->domain, "vCPU %u: no stack at %#lx for a bounce from rip %#lx", v->id,
                 (unsigned long)sp, (unsigned long)v->regs.rip);
}

void pv_refresh_careful(struct vcpu *v)
{
    v->careful = v->nmi_masked || pv_trace_bounces ||
                 ((v->domain->vm_assist >> VMASST_TYPE_architectural_iopl) & 1) != 0;
}

static void bounce(struct vcpu *v, uint64_t address, bool mask_events, enum frame_kind kind,
                   uint32_t code)
{
    bool from_kernel = vcpu_in_kernel(v);
    uint64_t frame[FRAME_WORDS];
    unsigned int words;
    uint64_t sp;

    if (address == 0 || !is_canonical(address)) {
        domain_crash(v->domain, "vCPU %u has no handler for vector %u (code %#x) at rip %#lx",
                     v->id, v->regs.entry_vector, code, (unsigned long)v->regs.rip);
        return;
    }
    words = build_frame(v, kind, code, from_kernel, frame);
    if (!from_kernel) {
        arch_toggle_mode(v);
    }
    sp = ((from_kernel ? v->regs.rsp : v->kernel_sp) & ~15UL) - words * sizeof(frame[0]);
    if (copy_to_guest(gva(sp), frame, words * sizeof(frame[0])) != 0) {
        pv_bounce_without_stack(v, sp);
        return;
    }
    if (unlikely(pv_trace_bounces)) {
        log_always("d%uv%u bounced from %s %#lx (vector %#x, code %#x) to %#lx", v->domain->id,
                   v->id, from_kernel ? "kernel" : "user", (unsigned long)v->regs.rip,
                   v->regs.entry_vector, code, (unsigned long)address);
    }
    if (mask_events) {
        v->info->evtchn_upcall_mask = 1;
    }
    v->regs.rip = address;
    v->regs.rsp = sp;
    v->regs.cs = GUEST_CS64;
    v->regs.ss = GUEST_SS;
    v->regs.rflags &= ~RFLAGS_CLEARED_BY_BOUNCE;
    v->regs.rflags |= RFLAGS_IF | RFLAGS_FIXED;
    /* RCX and R11 lie on the guest's stack, so the faster return may spend them. */
    v->regs.entry_vector = ENTRY_SYSCALL;
}

void pv_bounce_trap(struct vcpu *v, unsigned int vector, uint32_t error_code)
{
    const struct trap_info *gate = &v->traps[vector];

    bounce(v, gate->address, TI_GET_IF(gate),
           vector_has_code(vector) ? FRAME_WITH_CODE : FRAME_PLAIN, error_code);
}

void pv_bounce_page_fault(struct vcpu *v, uint64_t address, uint32_t error_code)
{
    v->fault_address = address;
    v->info->arch.cr2 = address;
    error_code &= ~PAGE_FAULT_USER;
    if (!vcpu_in_kernel(v)) {
        error_code |= PAGE_FAULT_USER;
    }
    pv_bounce_trap(v, VECTOR_PAGE_FAULT, error_code);
}

void pv_bounce_event(struct vcpu *v)
{
    bounce(v, v->event.address, true, FRAME_PLAIN, 0);
}

void pv_bounce_nmi(struct vcpu *v)
{
    bounce(v, v->nmi.address != 0 ? v->nmi.address : v->traps[VECTOR_NMI].address, true,
           FRAME_PLAIN, 0);
}

void pv_bounce_sysenter(struct vcpu *v)
{
    bounce(v, v->sysenter.address, v->sysenter.mask_events, FRAME_PLAIN, 0);
}

void pv_bounce_failsafe(struct vcpu *v)
{
    bounce(v, v->failsafe.address, v->failsafe.mask_events, FRAME_WITH_SELECTORS, 0);
}

void pv_syscall(struct vcpu *v)
{
    bounce(v, v->syscall64.address, v->syscall64.mask_events, FRAME_PLAIN, 0);
}

void pv_syscall32(struct vcpu *v)
{
    /* A 64-bit kernel that wants no 32-bit system calls: the caller sees an invalid opcode. */
    if (v->syscall32.address == 0) {
        v->regs.rip -= 2;
        pv_bounce_trap(v, 6, 0);
        return;
    }
    bounce(v, v->syscall32.address, v->syscall32.mask_events, FRAME_PLAIN, 0);
}
