// SPDX-License-Identifier: Apache-2.0
// Extended registers, by XSAVE where there is one, else by FXSAVE.
#include "fpu.h"

#include "arch/pv.h"
#include "base/cpu.h"
#include "base/defects.h"
#include "cpu_features.h"
#include "instructions.h"
#include "lib/string.h"

#define XSAVE_LEAF         0xd
#define DEFAULT_CONTROL    0x037f
#define DEFAULT_MXCSR      0x1f80
#define DEFAULT_MXCSR_MASK 0xffbf /* where FXSAVE stores none (manual volume 1, 11.6.6) */
#define LEGACY_STATES      3UL    /* x87 and SSE */

/* An area as FXSAVE and XSAVE lay it out; extended components follow. */
struct area {
    uint16_t control;
    uint8_t unused1[22];
    uint32_t mxcsr, mxcsr_mask;
    uint8_t unused2[FPU_IMAGE_BYTES - 32];
    uint64_t present; /* components that are not as after a reset */
    uint64_t header[7];
};

/* Every component that guests may use. */
static uint64_t all_states;

/*
 * Pointers to the last x87 instruction and operand stay as they are at a load unless the state has
 * an exception pending: AMD's and Hygon's, but for those that say otherwise (AMD's manual volume 3,
 * CPUID 8000_0008h, RstrFpErrPtrs).
 */
static bool keeps_error_pointers;

/* Bits of MXCSR that exist; others fault when they are loaded. */
static uint32_t mxcsr_mask;

static uint32_t find_mxcsr_mask(void)
{
    static struct area probe aligned_to(64);

    asm volatile("clts; fxsave64 %0" : "=m"(probe));
    return probe.mxcsr_mask != 0 ? probe.mxcsr_mask : DEFAULT_MXCSR_MASK;
}

static bool find_error_pointers_kept(void)
{
    enum cpu_vendor vendor = cpu_vendor_of(boot_cpu.vendor);

    return (vendor == VENDOR_AMD || vendor == VENDOR_HYGON) &&
           !cpu_has(FEATURE_XSAVE_ERROR_POINTERS);
}

void fpu_init(void)
{
    keeps_error_pointers = find_error_pointers_kept();
    mxcsr_mask = find_mxcsr_mask();
    vcpu_fpu_bytes = FPU_IMAGE_BYTES;
    if (cpu_has(FEATURE_XSAVE)) {
        all_states = read_xcr0();
        vcpu_fpu_bytes = cpuid(XSAVE_LEAF, 0).ebx;
    }
}

void arch_fpu_reset(struct vcpu *v)
{
    struct area *area = v->fpu;

    memset(area, 0, vcpu_fpu_bytes);
    area->control = DEFAULT_CONTROL;
    area->mxcsr = DEFAULT_MXCSR;
}

/* XRSTOR is to load these and no others; without it, areas end before this word. */
static void say_legacy_states_only(struct area *area)
{
    if (cpu_has(FEATURE_XSAVE)) {
        area->present = LEGACY_STATES;
    }
}

void arch_fpu_import(struct vcpu *v, const void *image)
{
    struct area *area = v->fpu;

    memset(area, 0, vcpu_fpu_bytes);
    memcpy(area, image, FPU_IMAGE_BYTES);
    area->mxcsr &= mxcsr_mask;
    say_legacy_states_only(area);
}

void arch_fpu_export(const struct vcpu *v, void *image)
{
    memcpy(image, v->fpu, FPU_IMAGE_BYTES);
}

uint64_t arch_extended_states(void)
{
    return all_states;
}

/* Writing XCR0 is slow, and all vCPUs of a machine mostly want the same in it. */
static void set_xcr0(uint64_t wanted)
{
    struct cpu *cpu = this_cpu();

    if (cpu->xcr0 != wanted) {
        write_xcr0(wanted);
        cpu->xcr0 = wanted;
    }
}

static void xrstor(const struct area *from, uint64_t states)
{
    asm volatile("xrstor64 (%0)" ::"r"(from), "a"((uint32_t)states), "d"((uint32_t)(states >> 32))
                 : "memory");
}

/*
 * FXSAVE does for a vCPU that never enabled more than it stores; XCR0, which need not even have SSE
 * then, says nothing to it.
 */
static bool has_legacy_states_only(const struct vcpu *v)
{
    return (v->xcr0_ever & ~LEGACY_STATES) == 0;
}

static void save_registers(struct vcpu *v)
{
    struct area *area = v->fpu;

    if (has_legacy_states_only(v)) {
        asm volatile("fxsave64 (%0)" ::"r"(area) : "memory");
        say_legacy_states_only(area);
    } else {
        set_xcr0(v->xcr0_ever);
        asm volatile("xsave64 (%0)" ::"r"(area), "a"(~0U), "d"(~0U) : "memory");
    }
}

/*
 * What another vCPU left in registers that this one never enabled: it could not read them, but
 * nothing of one guest lies where another runs.
 */
static void forget_others_states(const struct vcpu *v)
{
    static const struct area initial aligned_to(64) = {.mxcsr = DEFAULT_MXCSR};
    struct cpu *cpu = this_cpu();
    uint64_t others = cpu->states_used & ~(v->xcr0_ever | LEGACY_STATES);

    cpu->states_used = v->xcr0_ever;
    if (others != 0) {
        set_xcr0(all_states);
        xrstor(&initial, others);
    }
}

/* A load of an integer sets them to what tells nothing of the last guest. */
static void forget_error_pointers(void)
{
    static const int32_t zero;

    asm volatile("fnclex; emms; fildl %0" ::"m"(zero));
}

static void load_registers(struct vcpu *v)
{
    forget_others_states(v);
    if (keeps_error_pointers) {
        forget_error_pointers();
    }
    if (has_legacy_states_only(v)) {
        asm volatile("fxrstor64 (%0)" ::"r"(v->fpu) : "memory");
    } else {
        set_xcr0(v->xcr0_ever);
        xrstor(v->fpu, ~0UL);
    }
    if (cpu_has(FEATURE_XSAVE)) {
        set_xcr0(v->xcr0);
    }
}

/* CR0.TS is set while a vCPU that wants the trap is loaded, and never else. */
void fpu_save(struct vcpu *v)
{
    if ((v->mode & MODE_FPU_TRAP) != 0) {
        arch_set_fpu_trap(false);
    }
    save_registers(v);
}

void fpu_load(struct vcpu *v)
{
    load_registers(v);
    if ((v->mode & MODE_FPU_TRAP) != 0) {
        arch_set_fpu_trap(true);
    }
}

/* States that were never on before begin as after a reset, which is what the area says of them. */
void arch_set_extended_states(struct vcpu *v, uint64_t xcr0)
{
    v->xcr0 = xcr0;
    if ((xcr0 & ~v->xcr0_ever) == 0) {
        set_xcr0(xcr0);
        return;
    }
    fpu_save(v);
    v->xcr0_ever |= xcr0 | LEGACY_STATES;
    fpu_load(v);
}

void arch_set_fpu_trap(bool on)
{
    if (on) {
        write_cr0(read_cr0() | CR0_TS);
    } else {
        asm volatile("clts");
    }
}
