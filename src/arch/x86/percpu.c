// SPDX-License-Identifier: Apache-2.0
// Builds and loads the per-CPU regions.
#include "percpu.h"

#include "arch/frames.h"
#include "arch/msr.h"
#include "arch/pv.h"
#include "base/panic.h"
#include "base/speculation.h"
#include "cpu_features.h"
#include "cpuid_faulting.h"
#include "instructions.h"
#include "isolation.h"
#include "layout.h"
#include "lib/string.h"
#include "memory/allocator.h"
#include "paging.h"
#include "selectors.h"

/* System calls' first instructions, in the two forms; each kind ends with a jump into the image. */
extern const char trampolines_start[], trampoline_jump[], trampoline_32[], trampoline_32_jump[],
    trampolines_end[];
extern const char guarded_trampolines[], guarded_trampoline_jump[], guarded_trampoline_32[],
    guarded_trampoline_32_jump[], guarded_trampolines_end[];
extern const char exception_stubs[], window_stubs[];

#define STUB_BYTES 16

#define MSR_STAR        0xc0000081
#define MSR_LSTAR       0xc0000082
#define MSR_CSTAR       0xc0000083
#define MSR_SFMASK      0xc0000084
#define MSR_TSC_AUX     0xc0000103
#define MSR_SYSENTER_CS 0x174

/* RFLAGS bits that SYSCALL clears: TF, IF, DF, IOPL, NT, RF, AC. */
#define SYSCALL_CLEARS 0x57700UL

#define DESCRIPTOR_CODE64_RING0 0x00af9b000000ffffUL
#define DESCRIPTOR_DATA_RING0   0x00cf93000000ffffUL
#define DESCRIPTOR_CODE32_RING3 0x00cffb000000ffffUL
#define DESCRIPTOR_DATA_RING3   0x00cff3000000ffffUL
#define DESCRIPTOR_CODE64_RING3 0x00affb000000ffffUL
#define SYSTEM_TSS              0x9
#define SYSTEM_LDT              0x2

struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};

/* A page of its own, as guests' tables may map it. */
static struct gate idt[256] aligned_to(PAGE_SIZE);
_Static_assert(sizeof(idt) == PAGE_SIZE, "nothing else lies in the IDT's page");

uint64_t percpu_idt(void)
{
    return (uint64_t)idt;
}

/* Fresh pages for [offset, offset + bytes) of a region. */
static int map_part(uint64_t base, uint64_t offset, uint64_t bytes, unsigned int flags)
{
    for (uint64_t at = offset; at < offset + bytes; at += PAGE_SIZE) {
        void *page = page_alloc();
        int error =
            page ? paging_map(base + at, virt_to_frame(page).n << PAGE_SHIFT, PAGE_SIZE, flags)
                 : -1;
        if (error != 0) {
            page_free(page);
            return error;
        }
    }
    return 0;
}

static uint64_t *entry_of(uint64_t va)
{
    uint64_t bytes;
    uint64_t *entry = paging_find(va, &bytes);

    BUG_ON(!entry || bytes != PAGE_SIZE);
    return entry;
}

static void *page_behind(uint64_t va)
{
    return frame_to_virt(mfn((*entry_of(va) & PTE_ADDRESS) >> PAGE_SHIFT));
}

static void set_system_descriptor(uint64_t *entry, uint64_t base, uint32_t limit, unsigned int type)
{
    entry[0] = (limit & 0xffff) | (base & 0xffffff) << 16 | (uint64_t)(0x80 | type) << 40 |
               (uint64_t)(limit >> 16) << 48 | (base >> 24 & 0xff) << 56;
    entry[1] = base >> 32;
}

static uint64_t *own_descriptor(uint64_t base, unsigned int selector)
{
    return (uint64_t *)(base + PERCPU_GDT + (selector & ~7U));
}

static void fill_descriptors(uint64_t base)
{
    *own_descriptor(base, SELECTOR_HV_CODE) = DESCRIPTOR_CODE64_RING0;
    *own_descriptor(base, SELECTOR_HV_DATA) = DESCRIPTOR_DATA_RING0;
    *own_descriptor(base, SELECTOR_GUEST_CS32) = DESCRIPTOR_CODE32_RING3;
    *own_descriptor(base, SELECTOR_GUEST_DATA) = DESCRIPTOR_DATA_RING3;
    *own_descriptor(base, SELECTOR_GUEST_CS64) = DESCRIPTOR_CODE64_RING3;
    set_system_descriptor(own_descriptor(base, SELECTOR_TSS), base + PERCPU_TSS,
                          sizeof(struct tss) - 1, SYSTEM_TSS);
    set_system_descriptor(own_descriptor(base, SELECTOR_LDT), base + PERCPU_LDT, 0, SYSTEM_LDT);
}

static void fill_tss(uint64_t base)
{
    struct tss *tss = (struct tss *)(base + PERCPU_TSS);

    bool guarded = speculation_guards_ways(&speculation);
    uint64_t entry = base + PERCPU_ENTRY;

    tss->rsp[0] = guarded ? entry + ENTRY_STACK_TOP(exception) : base + PERCPU_STACK_TOP;
    tss->ist[IST_NMI - 1] = guarded ? entry + ENTRY_STACK_TOP(nmi) : base + PERCPU_NMI_TOP;
    tss->ist[IST_FAULT - 1] = guarded ? entry + ENTRY_STACK_TOP(fault) : base + PERCPU_FAULT_TOP;
    tss->ist[IST_MCE - 1] =
        guarded ? entry + ENTRY_STACK_TOP(machine_check) : base + PERCPU_MCE_TOP;
    tss->ist[IST_DEBUG - 1] = guarded ? entry + ENTRY_STACK_TOP(debug) : base + PERCPU_DEBUG_TOP;
    /* Beyond the limit: every port access of a guest faults and is looked at. */
    tss->io_bitmap_offset = sizeof(struct tss);
}

static int map_region(uint64_t base)
{
    static const struct {
        uint32_t offset, bytes;
    } parts[] = {
        {0, PAGE_SIZE},
        {PERCPU_NMI_TOP - PAGE_SIZE, PAGE_SIZE},
        {PERCPU_FAULT_TOP - PAGE_SIZE, PAGE_SIZE},
        {PERCPU_MCE_TOP - PAGE_SIZE, PAGE_SIZE},
        {PERCPU_DEBUG_TOP - PAGE_SIZE, PAGE_SIZE},
        {PERCPU_STACK_LOW, PERCPU_STACK_TOP - PERCPU_STACK_LOW},
        {PERCPU_GDT, 16 * PAGE_SIZE},
        {PERCPU_TSS, PAGE_SIZE},
        {PERCPU_ENTRY, PAGE_SIZE},
    };
    int error = 0;

    for (unsigned int i = 0; error == 0 && i < ARRAY_SIZE(parts); i++) {
        error = map_part(base, parts[i].offset, parts[i].bytes, PAGING_WRITE);
    }
    if (error == 0) {
        error = map_part(base, PERCPU_TRAMPOLINE, PAGE_SIZE, PAGING_EXECUTE);
    }
    return error;
}

/* What fills the GDT window while no guest's pages are shown there: all zero, so no descriptors. */
static uint64_t empty_entry;

/* The copy lies elsewhere than where its jump was linked for. */
static void aim_jump(uint64_t trampoline, const char *code, const char *jump_end)
{
    char *copy = (char *)page_behind(trampoline) + (jump_end - code) - sizeof(int32_t);
    uint64_t linked = (uint64_t)code;
    int32_t displacement;

    memcpy(&displacement, copy, sizeof(displacement));
    displacement += (int32_t)(linked - trampoline);
    memcpy(copy, &displacement, sizeof(displacement));
}

static void fill_trampoline(uint64_t trampoline)
{
    bool guarded = speculation_guards_ways(&speculation);
    const char *code = guarded ? guarded_trampolines : trampolines_start;
    const char *end = guarded ? guarded_trampolines_end : trampolines_end;

    memcpy(page_behind(trampoline), code, (size_t)(end - code));
    aim_jump(trampoline, code, guarded ? guarded_trampoline_jump : trampoline_jump);
    aim_jump(trampoline, code, guarded ? guarded_trampoline_32_jump : trampoline_32_jump);
}

/* Where SYSCALL in compatibility mode enters, from the trampoline's start. */
static uint64_t trampoline_32_offset(void)
{
    return speculation_guards_ways(&speculation)
               ? (uint64_t)(guarded_trampoline_32 - guarded_trampolines)
               : (uint64_t)(trampoline_32 - trampolines_start);
}

static void fill_entry_page(uint64_t base)
{
    struct entry_page *page = (struct entry_page *)(base + PERCPU_ENTRY);

    page->selector = SELECTOR_HV_DATA;
}

struct cpu *percpu_create(unsigned int id)
{
    uint64_t base = percpu_base(id);
    struct cpu *cpu = (struct cpu *)base;

    if (map_region(base) != 0) {
        return NULL;
    }
    if (empty_entry == 0) {
        empty_entry = *entry_of(base + PERCPU_GDT);
    }
    fill_trampoline(base + PERCPU_TRAMPOLINE);
    fill_entry_page(base);
    fill_descriptors(base);
    fill_tss(base);
    cpu->self = cpu;
    cpu->id = id;
    cpu->stack_top = base + PERCPU_STACK_TOP;
    cpu->region_entries = entry_of(base);
    if (speculation_has_xpti(&speculation) && isolation_create(cpu) != 0) {
        return NULL;
    }
    return cpu;
}

static void set_gate(unsigned int vector, unsigned int ist, unsigned int dpl)
{
    const char *stubs = speculation_guards_ways(&speculation) ? window_stubs : exception_stubs;
    uint64_t target = (uint64_t)stubs + vector * STUB_BYTES;

    idt[vector] = (struct gate){
        .offset_low = (uint16_t)target,
        .selector = SELECTOR_HV_CODE,
        .ist = (uint8_t)ist,
        .type = (uint8_t)(0x8e | dpl << 5),
        .offset_middle = (uint16_t)(target >> 16),
        .offset_high = (uint32_t)(target >> 32),
    };
}

/* INT3 and INTO come straight in; any other INT n faults, and is decoded. */
static void fill_idt(void)
{
    for (unsigned int vector = 0; vector < 256; vector++) {
        set_gate(vector, IST_NONE, vector == 3 || vector == 4 ? 3 : 0);
    }
    set_gate(1, IST_DEBUG, 0);
    set_gate(2, IST_NMI, 0);
    set_gate(8, IST_FAULT, 0);
    set_gate(18, IST_MCE, 0);
}

void percpu_load(void)
{
    uint64_t base = (uint64_t)this_cpu();
    struct descriptor_pointer gdt = {0xffff, base + PERCPU_GDT};
    struct descriptor_pointer idt_pointer = {sizeof(idt) - 1, (uint64_t)idt};
    uint64_t trampoline = base + PERCPU_TRAMPOLINE;

    if (idt[0].type == 0) {
        fill_idt();
    }
    lgdt(&gdt);
    lidt(&idt_pointer);
    asm volatile("pushq %0\n"
                 "lea 1f(%%rip), %%rax\n"
                 "pushq %%rax\n"
                 "lretq\n"
                 "1: mov %1, %%ss\n"
                 "mov %2, %%ds\n"
                 "mov %2, %%es\n"
                 "mov %2, %%fs\n"
                 "mov %2, %%gs\n"
                 "ltr %w3"
                 :
                 : "i"(SELECTOR_HV_CODE), "r"(SELECTOR_HV_DATA), "r"(0), "r"(SELECTOR_TSS)
                 : "rax", "memory");
    arch_wrmsr(MSR_STAR, (uint64_t)STAR_SYSRET << 48 | (uint64_t)STAR_SYSCALL << 32);
    arch_wrmsr(MSR_LSTAR, trampoline);
    arch_wrmsr(MSR_CSTAR, trampoline + trampoline_32_offset());
    arch_wrmsr(MSR_SFMASK, SYSCALL_CLEARS);
    arch_wrmsr(MSR_EFER, arch_rdmsr(MSR_EFER) | EFER_SCE);
    cpuid_faulting_enable();
    /* No SYSENTER: with a null selector it faults, and the guest gets to hear of it. */
    if (arch_wrmsr_safe(MSR_SYSENTER_CS, 0) != 0) {
        return;
    }
}

static void show_page(uint64_t va, uint64_t *entry, uint64_t wanted)
{
    if (*entry != wanted) {
        *entry = wanted;
        isolation_mirror(va, wanted);
        invlpg(va);
    }
}

static uint64_t window_entry(mfn_t m)
{
    return m.n << PAGE_SHIFT | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY | PTE_NX;
}

void percpu_show_gdt(const struct vcpu *v)
{
    struct cpu *cpu = this_cpu();
    uint64_t *entry = cpu->region_entries + PERCPU_GDT / PAGE_SIZE;
    unsigned int pages = (v->gdt_entries * 8 + PAGE_SIZE - 1) / PAGE_SIZE;

    for (unsigned int i = 0; i < MAX(pages, cpu->gdt_shown); i++) {
        show_page((uint64_t)cpu + PERCPU_GDT + i * PAGE_SIZE, entry + i,
                  i < pages ? window_entry(v->gdt_frames[i]) : empty_entry);
    }
    cpu->gdt_shown = pages;
}

/* A page that is not shown is not there: the fault is how Pavise learns that one is needed. */
void percpu_show_ldt(const struct vcpu *v)
{
    struct cpu *cpu = this_cpu();
    uint64_t *entry = cpu->region_entries + PERCPU_LDT / PAGE_SIZE;

    for (uint32_t pages = cpu->ldt_shown | v->ldt_mapped; pages != 0; pages &= pages - 1) {
        unsigned int page = (unsigned int)__builtin_ctz(pages);
        bool shown = (v->ldt_mapped >> page & 1) != 0;
        show_page((uint64_t)cpu + PERCPU_LDT + page * PAGE_SIZE, entry + page,
                  shown ? window_entry(v->ldt_frames[page]) : 0);
    }
    cpu->ldt_shown = v->ldt_mapped;
}

bool arch_is_ldt_address(uint64_t address, uint32_t *offset)
{
    uint64_t window = (uint64_t)this_cpu() + PERCPU_LDT;

    *offset = (uint32_t)(address - window);
    return address - window < LDT_MAX_PAGES * PAGE_SIZE;
}

void percpu_load_ldt(unsigned int entries)
{
    uint64_t base = (uint64_t)this_cpu();
    bool was_loaded = this_cpu()->ldt_loaded;

    this_cpu()->ldt_loaded = entries != 0;
    if (entries == 0) {
        if (was_loaded) {
            asm volatile("lldt %w0" ::"r"(0));
        }
        return;
    }
    set_system_descriptor(own_descriptor(base, SELECTOR_LDT), base + PERCPU_LDT, entries * 8 - 1,
                          SYSTEM_LDT);
    asm volatile("lldt %w0" ::"r"(SELECTOR_LDT));
}

void percpu_set_entry(struct vcpu *v)
{
    struct cpu *cpu = this_cpu();

    cpu->current = v;
    v->cpu = cpu;
    v->stack_top = cpu->stack_top;
    /* Else it is the entry page, for good. */
    if (!speculation_guards_ways(&speculation)) {
        this_tss()->rsp[0] = (uint64_t)&v->regs.ss + 8;
    }
}
