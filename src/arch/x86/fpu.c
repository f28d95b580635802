// SPDX-License-Identifier: Apache-2.0
// Extended registers, by XSAVE where there is one, else by FXSAVE.
#include "fpu.h"

#include "arch/pv.h"
#include "cpu_features.h"
#include "instructions.h"

#define LEGACY_AREA_BYTES 512
#define XSAVE_LEAF        0xd
#define DEFAULT_CONTROL   0x037f
#define DEFAULT_MXCSR     0x1f80

/* Where a fresh area differs from zero: x87 control word and MXCSR. */
static void set_defaults(void *area)
{
    *(uint16_t *)area = DEFAULT_CONTROL;
    *(uint32_t *)((char *)area + 24) = DEFAULT_MXCSR;
}

/* Every component that guests may use; XCR0 holds it while areas are saved and loaded. */
static uint64_t all_states;

void fpu_init(void)
{
    vcpu_fpu_bytes = LEGACY_AREA_BYTES;
    if (cpu_has(FEATURE_XSAVE)) {
        all_states = read_xcr0();
        vcpu_fpu_bytes = cpuid(XSAVE_LEAF, 0).ebx;
    }
}

uint64_t arch_extended_states(void)
{
    return all_states;
}

void arch_set_extended_states(struct vcpu *v, uint64_t xcr0)
{
    v->xcr0 = xcr0;
    write_xcr0(xcr0);
}

void fpu_save(struct vcpu *v)
{
    asm volatile("clts");
    if (cpu_has(FEATURE_XSAVE)) {
        write_xcr0(all_states);
        asm volatile("xsave64 (%0)" ::"r"(v->fpu), "a"(~0U), "d"(~0U) : "memory");
    } else {
        asm volatile("fxsave64 (%0)" ::"r"(v->fpu) : "memory");
    }
}

static bool is_fresh(const struct vcpu *v)
{
    return *(const uint16_t *)v->fpu == 0 && *(const uint32_t *)((char *)v->fpu + 24) == 0;
}

void fpu_load(struct vcpu *v)
{
    asm volatile("clts");
    if (is_fresh(v)) {
        set_defaults(v->fpu);
    }
    if (cpu_has(FEATURE_XSAVE)) {
        write_xcr0(all_states);
        asm volatile("xrstor64 (%0)" ::"r"(v->fpu), "a"(~0U), "d"(~0U) : "memory");
        write_xcr0(v->xcr0);
    } else {
        asm volatile("fxrstor64 (%0)" ::"r"(v->fpu) : "memory");
    }
    arch_set_fpu_trap((v->mode & MODE_FPU_TRAP) != 0);
}

void arch_set_fpu_trap(bool on)
{
    if (on) {
        write_cr0(read_cr0() | CR0_TS);
    } else {
        asm volatile("clts");
    }
}
