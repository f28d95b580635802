// SPDX-License-Identifier: Apache-2.0
// The processor's side of a guest, played by a process: it keeps what it is given.
#include "pv.h"

#include <string.h>

#include "abi/errno.h"
#include "arch/tlb.h"
#include "domain/vcpu.h"

#define ALL_STATES 7UL

uint64_t host_fault_address;
struct host_processor host_processor = {.extended_states = ALL_STATES, .bad_selector = 0xffff};

void host_processor_reset(void)
{
    host_processor = (struct host_processor){.extended_states = ALL_STATES, .bad_selector = 0xffff};
}

/* ---- modes, bases, descriptors --------------------------------------------------------------- */

void arch_toggle_mode(struct vcpu *v)
{
    uint64_t gs = host_processor.base[BASE_GS];

    v->mode ^= MODE_KERNEL;
    host_processor.base[BASE_GS] = host_processor.base[BASE_GS_OTHER];
    host_processor.base[BASE_GS_OTHER] = gs;
    host_processor.toggles++;
}

void arch_load_page_tables(struct vcpu *v)
{
    host_processor.base_loads++;
}

void arch_load_gdt(const struct vcpu *v)
{
    host_processor.gdt_loads++;
}

void arch_load_ldt(const struct vcpu *v)
{
    host_processor.ldt_loads++;
}

uint64_t arch_fault_address(void)
{
    return host_fault_address;
}

bool arch_is_ldt_address(uint64_t address, uint32_t *offset)
{
    *offset = (uint32_t)(address - HOST_LDT_WINDOW);
    return address - HOST_LDT_WINDOW < LDT_MAX_PAGES * PAGE_SIZE;
}

/* ---- registers ------------------------------------------------------------------------------- */

void arch_load_debug_registers(const struct vcpu *v)
{
    host_processor.debug_loads++;
}

uint64_t arch_take_debug_status(void)
{
    uint64_t status = host_processor.debug_status;

    host_processor.debug_status = 0;
    return status;
}

void arch_load_control4(const struct vcpu *v)
{
    host_processor.control4_loads++;
}

void arch_set_fpu_trap(bool on)
{
    host_processor.fpu_trap = on;
}

void arch_set_segment_base(enum segment_base which, uint64_t base)
{
    host_processor.base[which] = base;
}

uint64_t arch_get_segment_base(enum segment_base which)
{
    return host_processor.base[which];
}

bool arch_cpuid_faults(void)
{
    return host_processor.cpuid_faults;
}

uint16_t arch_loaded_selector(enum loaded_selector which)
{
    return host_processor.selector[which];
}

int arch_set_user_gs(uint16_t selector)
{
    bool bad = selector == host_processor.bad_selector;

    host_processor.user_gs = bad ? 0 : selector;
    return bad ? -EINVAL : 0;
}

/* ---- extended registers ---------------------------------------------------------------------- */

void arch_fpu_reset(struct vcpu *v)
{
    memset(v->fpu, 0, vcpu_fpu_bytes);
}

void arch_fpu_import(struct vcpu *v, const void *image)
{
    memcpy(v->fpu, image, FPU_IMAGE_BYTES);
}

void arch_fpu_export(const struct vcpu *v, void *image)
{
    memcpy(image, v->fpu, FPU_IMAGE_BYTES);
}

uint64_t arch_extended_states(void)
{
    return host_processor.extended_states;
}

void arch_set_extended_states(struct vcpu *v, uint64_t xcr0)
{
    v->xcr0 = xcr0;
    host_processor.xcr0 = xcr0;
}
