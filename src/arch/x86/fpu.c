// SPDX-License-Identifier: Apache-2.0
// Extended registers, by XSAVE where there is one, else by FXSAVE.
#include "fpu.h"

#include "arch/pv.h"
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

/* Every component that guests may use; XCR0 holds it whenever no guest's registers are loaded. */
static uint64_t all_states;

/* Bits of MXCSR that exist; others fault when they are loaded. */
static uint32_t mxcsr_mask;

static uint32_t find_mxcsr_mask(void)
{
    static struct area probe aligned_to(64);

    asm volatile("clts; fxsave64 %0" : "=m"(probe));
    return probe.mxcsr_mask != 0 ? probe.mxcsr_mask : DEFAULT_MXCSR_MASK;
}

void fpu_init(void)
{
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

void arch_fpu_import(struct vcpu *v, const void *image)
{
    struct area *area = v->fpu;

    memset(area, 0, vcpu_fpu_bytes);
    memcpy(area, image, FPU_IMAGE_BYTES);
    area->mxcsr &= mxcsr_mask;
    if (cpu_has(FEATURE_XSAVE)) {
        area->present = LEGACY_STATES;
    }
}

void arch_fpu_export(const struct vcpu *v, void *image)
{
    memcpy(image, v->fpu, FPU_IMAGE_BYTES);
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

/* From `now` to `wanted`: writing XCR0 is slow, and most guests use all there is. */
static void change_xcr0(uint64_t now, uint64_t wanted)
{
    if (now != wanted) {
        write_xcr0(wanted);
    }
}

void fpu_save(struct vcpu *v)
{
    asm volatile("clts");
    if (cpu_has(FEATURE_XSAVE)) {
        change_xcr0(v->xcr0, all_states);
        asm volatile("xsave64 (%0)" ::"r"(v->fpu), "a"(~0U), "d"(~0U) : "memory");
    } else {
        asm volatile("fxsave64 (%0)" ::"r"(v->fpu) : "memory");
    }
}

void fpu_load(struct vcpu *v)
{
    asm volatile("clts");
    if (cpu_has(FEATURE_XSAVE)) {
        asm volatile("xrstor64 (%0)" ::"r"(v->fpu), "a"(~0U), "d"(~0U) : "memory");
        change_xcr0(all_states, v->xcr0);
    } else {
        asm volatile("fxrstor64 (%0)" ::"r"(v->fpu) : "memory");
    }
    if ((v->mode & MODE_FPU_TRAP) != 0) {
        arch_set_fpu_trap(true);
    }
}

void arch_set_fpu_trap(bool on)
{
    if (on) {
        write_cr0(read_cr0() | CR0_TS);
    } else {
        asm volatile("clts");
    }
}
