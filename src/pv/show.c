// SPDX-License-Identifier: Apache-2.0
// A guest's state in the log.
#include "pv/show.h"

#include "arch/guest.h"
#include "base/cpu.h"
#include "base/log.h"
#include "base/panic.h"
#include "lib/format.h"
#include "pv/fetch.h"
#include "sched/sched.h"

#define CODE_BYTES  16
#define STACK_LINES 8

static void show_registers(const struct vcpu *v)
{
    const struct cpu_user_regs *r = &v->regs;

    log_always("d%uv%u in %s mode, last entry by vector %#x (code %#x)", v->domain->id, v->id,
               vcpu_in_kernel(v) ? "kernel" : "user", r->entry_vector, r->error_code);
    log_always("rip %04x:%016lx  rsp %04x:%016lx  rfl %08lx", r->cs, r->rip, r->ss, r->rsp,
               r->rflags);
    log_always("rax %016lx  rbx %016lx  rcx %016lx", r->rax, r->rbx, r->rcx);
    log_always("rdx %016lx  rsi %016lx  rdi %016lx", r->rdx, r->rsi, r->rdi);
    log_always("rbp %016lx  r8  %016lx  r9  %016lx", r->rbp, r->r8, r->r9);
    log_always("r10 %016lx  r11 %016lx  r12 %016lx", r->r10, r->r11, r->r12);
    log_always("r13 %016lx  r14 %016lx  r15 %016lx", r->r13, r->r14, r->r15);
    log_always("kernel cr3 %lx, user cr3 %lx, cr2 %lx, events %s%s", v->kernel_cr3, v->user_cr3,
               v->fault_address, v->info->evtchn_upcall_pending ? "pending" : "none",
               v->info->evtchn_upcall_mask ? ", masked" : "");
}

static void show_code(const struct vcpu *v)
{
    uint8_t bytes[CODE_BYTES];
    char text[3 * CODE_BYTES + 1] = "";
    size_t known = fetch_bytes(v->regs.rip, bytes, sizeof(bytes));

    for (size_t i = 0; i < known; i++) {
        format_text(text + 3 * i, sizeof(text) - 3 * i, " %02x", bytes[i]);
    }
    log_always("code:%s", known > 0 ? text : " can't be read");
}

static void show_stack(const struct vcpu *v)
{
    for (unsigned int line = 0; line < STACK_LINES; line++) {
        gva_t at = gva(v->regs.rsp + line * 32);
        uint64_t words[4];
        if (copy_from_guest(words, at, sizeof(words)) != 0) {
            log_always("stack %016lx: can't be read", at.a);
            return;
        }
        log_always("stack %016lx: %016lx %016lx %016lx %016lx", at.a, words[0], words[1], words[2],
                   words[3]);
    }
}

void pv_show_vcpu(const struct vcpu *v)
{
    show_registers(v);
    if (v == current_vcpu()) {
        show_code(v);
        show_stack(v);
    }
}

void pv_show_domain(const struct domain *d)
{
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        if (d->vcpus[i] && d->vcpus[i]->initialised) {
            pv_show_vcpu(d->vcpus[i]);
        }
    }
}

static void show_current(void)
{
    const struct vcpu *v = current_vcpu();

    if (v && !vcpu_is_idle(v)) {
        log_always("the guest that was running:");
        show_registers(v);
    }
}

static struct panic_report report = {.print = show_current};

void pv_show_init(void)
{
    domain_show_state = pv_show_domain;
    panic_add_report(&report);
}
