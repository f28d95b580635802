// SPDX-License-Identifier: Apache-2.0
// vCPU contexts: checked whole, then taken over.
#include "pv/context.h"

#include "abi/errno.h"
#include "arch/pv.h"
#include "base/cpu.h"
#include "domain/domain.h"
#include "lib/string.h"
#include "mmu/base.h"
#include "mmu/ldt.h"
#include "mmu/unfinished.h"
#include "pv/assists.h"
#include "pv/control.h"
#include "pv/debug.h"
#include "pv/flags.h"
#include "pv/selectors.h"

/* ---- checks ---------------------------------------------------------------------------------- */

static bool addresses_are_good(const struct vcpu_guest_context *c)
{
    const uint64_t addresses[] = {
        c->user_regs.rip, c->event_callback_eip, c->failsafe_callback_eip, c->syscall_callback_eip,
        c->fs_base,       c->gs_base_kernel,     c->gs_base_user,
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(addresses); i++) {
        if (!is_canonical(addresses[i])) {
            return false;
        }
    }
    for (unsigned int i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++) {
        if (!is_canonical(c->trap_ctxt[i].address)) {
            return false;
        }
    }
    return true;
}

static bool is_good(const struct vcpu_guest_context *c)
{
    bool starts_in_user_mode = (c->flags & VGCF_in_kernel) == 0;

    return addresses_are_good(c) && c->gdt_ents <= GDT_GUEST_ENTRIES &&
           (c->vm_assist & ~VM_ASSISTS) == 0 &&
           !(starts_in_user_mode && xen_cr3_to_pfn(c->ctrlreg[1]) == 0);
}

/* ---- to a vCPU ------------------------------------------------------------------------------- */

static void drop_pages(struct vcpu *v)
{
    ldt_drop(v);
    gdt_drop(v);
    base_drop(v);
}

static long take_pages(struct vcpu *v, const struct vcpu_guest_context *c)
{
    uint64_t frames[GDT_GUEST_PAGES];
    long result =
        base_take(v, mfn(xen_cr3_to_pfn(c->ctrlreg[3])), mfn(xen_cr3_to_pfn(c->ctrlreg[1])));

    memcpy(frames, c->gdt_frames, sizeof(frames));
    if (result == 0) {
        result = gdt_set(v, frames, (uint32_t)c->gdt_ents);
    }
    if (result == 0) {
        result = ldt_take(v, c->ldt_base, c->ldt_ents);
    }
    return result;
}

static long set_debug_registers(struct vcpu *v, const struct vcpu_guest_context *c)
{
    static const unsigned int numbers[] = {0, 1, 2, 3, 6, 7};

    for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++) {
        if (debug_register_set(v, numbers[i], c->debugreg[numbers[i]]) != 0) {
            return -EINVAL;
        }
    }
    return 0;
}

static void set_registers(struct vcpu *v, const struct cpu_user_regs *from)
{
    struct cpu_user_regs *regs = &v->regs;

    *regs = *from;
    v->iopl = regs->rflags & RFLAGS_IOPL;
    regs->rflags = (regs->rflags & ~RFLAGS_NOT_FOR_GUESTS) | RFLAGS_IF | RFLAGS_FIXED;
    regs->cs |= 3;
    regs->ss |= 3;
    regs->ds = selector_for_guest(from->ds);
    regs->es = selector_for_guest(from->es);
    regs->fs = selector_for_guest(from->fs);
    regs->gs = selector_for_guest(from->gs);
    regs->entry_vector = ENTRY_NONE;
}

static void set_mode(struct vcpu *v, const struct vcpu_guest_context *c)
{
    v->mode = 0;
    if ((c->flags & VGCF_in_kernel) != 0) {
        v->mode |= MODE_KERNEL;
    }
    if ((c->ctrlreg[0] & CONTROL0_TS) != 0) {
        v->mode |= MODE_FPU_TRAP;
    }
}

static struct callback callback(uint64_t address, bool mask_events)
{
    return (struct callback){.address = address, .cs = GUEST_CS64, .mask_events = mask_events};
}

static void set_entries(struct vcpu *v, const struct vcpu_guest_context *c)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++) {
        v->traps[i] = c->trap_ctxt[i];
        v->traps[i].cs = selector_for_guest(c->trap_ctxt[i].cs);
    }
    v->event = callback(c->event_callback_eip, true);
    v->failsafe =
        callback(c->failsafe_callback_eip, (c->flags & VGCF_failsafe_disables_events) != 0);
    v->syscall64 =
        callback(c->syscall_callback_eip, (c->flags & VGCF_syscall_disables_events) != 0);
    v->kernel_ss = selector_for_guest((uint16_t)c->kernel_ss);
    v->kernel_sp = c->kernel_sp;
}

/* Nothing can fail from here on. */
static void take_over(struct vcpu *v, const struct vcpu_guest_context *c)
{
    set_mode(v, c);
    set_registers(v, &c->user_regs);
    set_entries(v, c);
    v->fs_base = c->fs_base;
    v->gs_base_kernel = c->gs_base_kernel;
    v->gs_base_user = c->gs_base_user;
    if ((c->flags & VGCF_i387_valid) != 0) {
        arch_fpu_import(v, &c->fpu_ctxt);
    } else {
        arch_fpu_reset(v);
    }
    /* The assists are the domain's; its first vCPU speaks for it. */
    if (v->id == 0) {
        v->domain->vm_assist = c->vm_assist;
    }
}

/* What an initialised vCPU may not change: it is the guest's own to change, by calls that check. */
static bool has_the_same_pages(const struct vcpu *v, const struct vcpu_guest_context *c)
{
    if (xen_cr3_to_pfn(c->ctrlreg[3]) != maddr_to_mfn(maddr(v->kernel_cr3)).n ||
        xen_cr3_to_pfn(c->ctrlreg[1]) != maddr_to_mfn(maddr(v->user_cr3)).n ||
        c->gdt_ents != v->gdt_entries || c->ldt_ents != v->ldt_entries ||
        (c->ldt_ents != 0 && c->ldt_base != v->ldt_base)) {
        return false;
    }
    for (unsigned int i = 0; i < GDT_GUEST_PAGES && v->gdt_frames[i].n != MFN_INVALID; i++) {
        if (c->gdt_frames[i] != v->gdt_frames[i].n) {
            return false;
        }
    }
    return true;
}

static long take_first_pages(struct vcpu *v, const struct vcpu_guest_context *c)
{
    long result = unfinished_resume(current_vcpu());

    if (result == 0) {
        result = take_pages(v, c);
        unfinished_end(current_vcpu());
    }
    if (result != 0) {
        drop_pages(v);
    }
    return result;
}

static long set_pages(struct vcpu *v, const struct vcpu_guest_context *c)
{
    if (v->initialised) {
        return has_the_same_pages(v, c) ? 0 : -EOPNOTSUPP;
    }
    return take_first_pages(v, c);
}

/* CR4 first: one of its bits says what the debug registers may be. */
static long set_all(struct vcpu *v, const struct vcpu_guest_context *c)
{
    long result;

    v->control4 = control4_merge(v, c->ctrlreg[4]);
    result = set_debug_registers(v, c);
    if (result == 0) {
        result = set_pages(v, c);
    }
    if (result == 0) {
        take_over(v, c);
    }
    return result;
}

static bool sees_events(const struct vcpu *v)
{
    return v->id < XEN_LEGACY_MAX_VCPUS || v->registered_info;
}

long pv_set_context(struct vcpu *v, const struct vcpu_guest_context *context)
{
    uint64_t debug_registers[ARRAY_SIZE(v->debug_registers)], control4 = v->control4;
    long result;

    if (!is_good(context) || !sees_events(v)) {
        return -EINVAL;
    }
    memcpy(debug_registers, v->debug_registers, sizeof(debug_registers));
    result = set_all(v, context);
    if (result != 0) {
        v->control4 = control4;
        memcpy(v->debug_registers, debug_registers, sizeof(debug_registers));
    }
    return result;
}

void pv_reset_context(struct vcpu *v)
{
    drop_pages(v);
    v->control4 = control4_initial();
    memset(v->debug_registers, 0, sizeof(v->debug_registers));
    arch_fpu_reset(v);
}

/* ---- from a vCPU ----------------------------------------------------------------------------- */

static uint64_t flags_of(const struct vcpu *v)
{
    uint64_t flags = VGCF_i387_valid;

    flags |= vcpu_in_kernel(v) ? VGCF_in_kernel : 0;
    flags |= v->failsafe.mask_events ? VGCF_failsafe_disables_events : 0;
    flags |= v->syscall64.mask_events ? VGCF_syscall_disables_events : 0;
    flags |= (READ_ONCE(v->pause) & VCPU_DOWN) == 0 ? VGCF_online : 0;
    return flags;
}

static void get_descriptor_tables(const struct vcpu *v, struct vcpu_guest_context *c)
{
    c->ldt_base = v->ldt_base;
    c->ldt_ents = v->ldt_entries;
    c->gdt_ents = v->gdt_entries;
    for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++) {
        c->gdt_frames[i] = v->gdt_frames[i].n == MFN_INVALID ? 0 : v->gdt_frames[i].n;
    }
}

static void get_control_registers(const struct vcpu *v, struct vcpu_guest_context *c)
{
    c->ctrlreg[0] = control0_of(v);
    c->ctrlreg[1] = v->user_cr3;
    c->ctrlreg[2] = v->info->arch.cr2;
    c->ctrlreg[3] = v->kernel_cr3;
    c->ctrlreg[4] = v->control4;
    memcpy(c->debugreg, v->debug_registers, sizeof(c->debugreg));
}

void pv_get_context(const struct vcpu *v, struct vcpu_guest_context *context)
{
    struct vcpu_guest_context *c = context;

    memset(c, 0, sizeof(*c));
    arch_fpu_export(v, &c->fpu_ctxt);
    c->flags = flags_of(v);
    c->user_regs = v->regs;
    c->user_regs.rflags |= v->iopl;
    c->user_regs.saved_upcall_mask = v->info->evtchn_upcall_mask;
    c->user_regs.error_code = 0;
    c->user_regs.entry_vector = 0;
    memcpy(c->trap_ctxt, v->traps, sizeof(c->trap_ctxt));
    get_descriptor_tables(v, c);
    get_control_registers(v, c);
    c->kernel_ss = v->kernel_ss;
    c->kernel_sp = v->kernel_sp;
    c->event_callback_eip = v->event.address;
    c->failsafe_callback_eip = v->failsafe.address;
    c->syscall_callback_eip = v->syscall64.address;
    c->vm_assist = v->domain->vm_assist;
    c->fs_base = v->fs_base;
    c->gs_base_kernel = v->gs_base_kernel;
    c->gs_base_user = v->gs_base_user;
}
