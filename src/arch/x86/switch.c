// SPDX-License-Identifier: Apache-2.0
// What the processor holds of a vCPU beside its general registers: put away and fetched.
#include "abi/errno.h"
#include "arch/guest.h"
#include "arch/msr.h"
#include "arch/pv.h"
#include "arch/tlb.h"
#include "arch/vcpu.h"
#include "base/panic.h"
#include "cpu_features.h"
#include "domain/domain.h"
#include "fpu.h"
#include "instructions.h"
#include "isolation.h"
#include "memory/flush.h"
#include "paging.h"
#include "percpu.h"
#include "pv/bounce.h"
#include "pv/pv.h"
#include "sched/sched.h"
#include "selectors.h"
#include "speculation.h"

#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

/* Load a base register; global entries are forgotten too, as the old guest's may be global. */
static void load_base(uint64_t cr3)
{
    WRITE_ONCE(this_cpu()->holds_no_guest, false);
    write_cr3(cr3);
    arch_tlb_flush_local();
    this_cpu()->current_cr3 = cr3;
}

static uint64_t base_of(const struct vcpu *v)
{
    return vcpu_in_kernel(v) ? v->kernel_cr3 : v->user_cr3;
}

void arch_load_page_tables(struct vcpu *v)
{
    load_base(base_of(v));
}

/* User pages are global and alike in both spaces; the kernel's pages are forgotten here. */
static void load_other_mode(uint64_t cr3)
{
    write_cr3(cr3);
    this_cpu()->current_cr3 = cr3;
}

void arch_toggle_mode(struct vcpu *v)
{
    v->mode ^= MODE_KERNEL;
    asm volatile("swapgs" ::: "memory");
    load_other_mode(base_of(v));
}

/* ---- bases of segments: by instructions where CR4 has them on, which cost far less than MSRs ----
 */

static const uint32_t base_msr[] = {
    [BASE_FS] = MSR_FS_BASE, [BASE_GS] = MSR_GS_BASE, [BASE_GS_OTHER] = MSR_KERNEL_GS_BASE};

static bool has_base_instructions(void)
{
    return (read_cr4() & CR4_FSGSBASE) != 0;
}

void arch_set_segment_base(enum segment_base which, uint64_t base)
{
    if (!has_base_instructions()) {
        arch_wrmsr(base_msr[which], base);
    } else if (which == BASE_FS) {
        asm volatile("wrfsbase %0" ::"r"(base));
    } else if (which == BASE_GS) {
        asm volatile("wrgsbase %0" ::"r"(base));
    } else {
        asm volatile("swapgs; wrgsbase %0; swapgs" ::"r"(base));
    }
}

uint64_t arch_get_segment_base(enum segment_base which)
{
    uint64_t base;

    if (!has_base_instructions()) {
        return arch_rdmsr(base_msr[which]);
    }
    if (which == BASE_FS) {
        asm volatile("rdfsbase %0" : "=r"(base));
    } else if (which == BASE_GS) {
        asm volatile("rdgsbase %0" : "=r"(base));
    } else {
        asm volatile("swapgs; rdgsbase %0; swapgs" : "=r"(base));
    }
    return base;
}

static void save_segments(struct vcpu *v)
{
    uint64_t active = arch_get_segment_base(BASE_GS), other = arch_get_segment_base(BASE_GS_OTHER);

    asm volatile("mov %%ds, %0" : "=m"(v->regs.ds));
    asm volatile("mov %%es, %0" : "=m"(v->regs.es));
    asm volatile("mov %%fs, %0" : "=m"(v->regs.fs));
    asm volatile("mov %%gs, %0" : "=m"(v->regs.gs));
    v->fs_base = arch_get_segment_base(BASE_FS);
    v->gs_base_kernel = vcpu_in_kernel(v) ? active : other;
    v->gs_base_user = vcpu_in_kernel(v) ? other : active;
}

/*
 * Not zero where the selector could not be loaded. Null is loaded then: what the register still
 * held may be another guest's.
 */
#define LOAD_SELECTOR(name, value)                                \
    ({                                                            \
        int lost_ = 1;                                            \
        asm volatile("1: mov %1, %%" #name "\n"                   \
                     "xorl %0, %0\n"                              \
                     "2:\n"                                       \
                     ".pushsection .ex_table, \"a\", @progbits\n" \
                     ".balign 4\n"                                \
                     ".long 1b - ., 2b - .\n"                     \
                     ".popsection\n"                              \
                     : "+r"(lost_)                                \
                     : "r"((uint32_t)(value)));                   \
        if (lost_) {                                              \
            asm volatile("mov %0, %%" #name ::"r"(0));            \
        }                                                         \
        lost_;                                                    \
    })

/*
 * A vCPU's, where `left` (NULL: unknown) is what the registers hold. A null selector over a null
 * selector changes nothing, nor the base. Any other may name another segment than it did.
 */
#define EXCHANGE_SELECTOR(name, left, v) \
    ((left) && ((left)->regs.name | (v)->regs.name) == 0 ? 0 : LOAD_SELECTOR(name, (v)->regs.name))

/* An MSR that holds the base already is left alone; `kept` is what it holds if it is known. */
static void exchange_base(enum segment_base which, uint64_t base, const uint64_t *kept)
{
    if (!kept || *kept != base) {
        arch_set_segment_base(which, base);
    }
}

static const uint64_t *active_gs(const struct vcpu *v)
{
    return vcpu_in_kernel(v) ? &v->gs_base_kernel : &v->gs_base_user;
}

static const uint64_t *other_gs(const struct vcpu *v)
{
    return vcpu_in_kernel(v) ? &v->gs_base_user : &v->gs_base_kernel;
}

/* A selector may have become unusable while the vCPU was away: its failsafe callback hears of it.
 */
static void load_segments(struct vcpu *v, const struct vcpu *left)
{
    bool keeps_fs = left && (left->regs.fs | v->regs.fs) == 0;
    bool keeps_gs = left && (left->regs.gs | v->regs.gs) == 0;
    int lost = EXCHANGE_SELECTOR(ds, left, v);

    lost |= EXCHANGE_SELECTOR(es, left, v);
    lost |= EXCHANGE_SELECTOR(fs, left, v);
    lost |= EXCHANGE_SELECTOR(gs, left, v);
    exchange_base(BASE_FS, v->fs_base, keeps_fs ? &left->fs_base : NULL);
    exchange_base(BASE_GS, *active_gs(v), keeps_gs ? active_gs(left) : NULL);
    exchange_base(BASE_GS_OTHER, *other_gs(v), left ? other_gs(left) : NULL);
    v->lost_segment = lost != 0;
}

void arch_load_gdt(const struct vcpu *v)
{
    percpu_show_gdt(v);
}

void arch_load_ldt(const struct vcpu *v)
{
    percpu_show_ldt(v);
    percpu_load_ldt(v->ldt_entries);
}

/* What these registers hold while no guest's values are loaded. */
static const struct pv_msrs no_guests_msrs;

static void save(struct vcpu *v)
{
    save_segments(v);
    fpu_save(v);
    pv_msrs_load(&no_guests_msrs, &v->pv->msrs);
    if (v->debug_registers[7] != 0) {
        asm volatile("mov %0, %%db7" ::"r"(0UL));
    }
}

/* Of one address space: what is cached of it stays right, global pages included. */
static bool share_tables(const struct vcpu *a, const struct vcpu *b)
{
    return a->kernel_cr3 == b->kernel_cr3 && a->user_cr3 == b->user_cr3;
}

/*
 * Everything is forgotten, and until CR4_PGE is on again no translation is global. The bases of
 * segments can be reached without MSRs meanwhile.
 */
static void drop_global_pages(void)
{
    write_cr4((read_cr4() & ~CR4_PGE) | (cpu_has(FEATURE_FSGSBASE) ? CR4_FSGSBASE : 0));
}

/* Leaves global pages off. */
static void exchange_tables(uint64_t cr3)
{
    WRITE_ONCE(this_cpu()->holds_no_guest, false);
    flush_note_local();
    if ((read_cr4() & CR4_PGE) != 0) {
        drop_global_pages();
    }
    write_cr3(cr3);
    this_cpu()->current_cr3 = cr3;
}

/* From now on other CPUs need not tell this one of translations that it should forget. */
static void load_own_base(void)
{
    exchange_tables(paging_root());
    write_cr4(read_cr4() | CR4_PGE);
    __atomic_store_n(&this_cpu()->holds_no_guest, true, __ATOMIC_SEQ_CST);
}

static void load(struct vcpu *v, const struct vcpu *left)
{
    speculation_enter_domain(v->domain);
    pv_refresh_careful(v);
    if (!left || !share_tables(v, left)) {
        exchange_tables(base_of(v));
    } else if (base_of(v) != this_cpu()->current_cr3) {
        load_other_mode(base_of(v));
    }
    arch_load_gdt(v);
    arch_load_ldt(v);
    load_segments(v, left);
    arch_load_control4(v);
    fpu_load(v);
    pv_msrs_load(&v->pv->msrs, &no_guests_msrs);
    if (v->debug_registers[7] != 0) {
        arch_load_debug_registers(v);
    }
}

void arch_load_debug_registers(const struct vcpu *v)
{
    if (v->debug_registers[7] != 0) {
        asm volatile("mov %0, %%db0" ::"r"(v->debug_registers[0]));
        asm volatile("mov %0, %%db1" ::"r"(v->debug_registers[1]));
        asm volatile("mov %0, %%db2" ::"r"(v->debug_registers[2]));
        asm volatile("mov %0, %%db3" ::"r"(v->debug_registers[3]));
        asm volatile("mov %0, %%db6" ::"r"(v->debug_registers[6]));
    }
    asm volatile("mov %0, %%db7" ::"r"(v->debug_registers[7]));
}

void arch_load_control4(const struct vcpu *v)
{
    const uint64_t guests = CR4_TSD | CR4_DE | CR4_FSGSBASE;
    uint64_t now = read_cr4(), wanted = (now & ~guests) | (v->control4 & guests) | CR4_PGE;

    if (now != wanted) {
        write_cr4(wanted);
    }
}

uint64_t arch_take_debug_status(void)
{
    uint64_t status;

    asm volatile("mov %%db6, %0" : "=r"(status));
    asm volatile("mov %0, %%db6" ::"r"(0xffff0ff0UL));
    return status;
}

uint16_t arch_loaded_selector(enum loaded_selector which)
{
    uint16_t selector;

    switch (which) {
    case SELECTOR_ES:
        asm volatile("mov %%es, %0" : "=rm"(selector));
        break;
    case SELECTOR_DS:
        asm volatile("mov %%ds, %0" : "=rm"(selector));
        break;
    case SELECTOR_FS:
        asm volatile("mov %%fs, %0" : "=rm"(selector));
        break;
    default:
        asm volatile("mov %%gs, %0" : "=rm"(selector));
        break;
    }
    return selector;
}

/* User mode's GS is the one that is not active in the kernel: load it with the bases exchanged. */
int arch_set_user_gs(uint16_t selector)
{
    int lost;

    asm volatile("swapgs" ::: "memory");
    lost = LOAD_SELECTOR(gs, selector);
    asm volatile("swapgs" ::: "memory");
    return lost ? -EINVAL : 0;
}

void arch_vcpu_switch(struct vcpu *from, struct vcpu *to)
{
    const struct vcpu *left = vcpu_is_idle(from) ? NULL : from;

    /* Sooner than need be, where misses cost less than reading bases from MSRs. */
    if (left && !share_tables(from, to) && !has_base_instructions()) {
        drop_global_pages();
    }
    if (left) {
        save(from);
    }
    isolation_forget();
    if (vcpu_is_idle(to)) {
        load_own_base();
    } else {
        load(to, left);
    }
    percpu_set_entry(to);
}

/* Loads a base for one copy only: current_cr3 says what is to be loaded again. */
static void borrow_base(uint64_t cr3)
{
    if (cr3 != this_cpu()->current_cr3) {
        write_cr3(cr3);
    }
}

static void return_base(uint64_t cr3)
{
    if (cr3 != this_cpu()->current_cr3) {
        write_cr3(this_cpu()->current_cr3);
    }
}

int arch_copy_to_guest_kernel(gva_t to, const void *from, size_t bytes)
{
    uint64_t kernel = current_vcpu()->kernel_cr3;
    int error;

    borrow_base(kernel);
    error = copy_to_guest(to, from, bytes);
    return_base(kernel);
    return error;
}

int arch_copy_from_guest_kernel(void *to, gva_t from, size_t bytes)
{
    uint64_t kernel = current_vcpu()->kernel_cr3;
    int error;

    borrow_base(kernel);
    error = copy_from_guest(to, from, bytes);
    return_base(kernel);
    return error;
}
