// SPDX-License-Identifier: Apache-2.0
// The seam to what the processor holds of the current vCPU: page-table bases, segments, descriptor
// tables, debug registers, the FPU trap. Each call takes effect at once; `v` is current_vcpu().
#pragma once

#include "lib/address.h"
#include "lib/compiler.h"

struct vcpu;

/*
 * The current vCPU goes from user mode to its kernel or back: MODE_KERNEL flips, the GS bases
 * change places, the other base is loaded. The user base must be set before it is entered.
 */
void arch_toggle_mode(struct vcpu *v);

/*
 * Load the base of the mode that the vCPU is in, after it changed. Forgets the old base's
 * translations, global ones too.
 */
void arch_load_page_tables(struct vcpu *v);

/* Show v->gdt_frames, or v->ldt_frames and the LDT's size, to the processor. */
void arch_load_gdt(const struct vcpu *v);
void arch_load_ldt(const struct vcpu *v);
/* Whether a fault's address is in the current vCPU's LDT, as the processor reads it; and where. */
bool arch_is_ldt_address(uint64_t address, uint32_t *offset);

/* Load DR0 to DR3, DR6 and DR7 from v->debug_registers. Values were checked. */
void arch_load_debug_registers(const struct vcpu *v);
/* DR6 as it stands, and cleared. */
uint64_t arch_take_debug_status(void);

/* Make the processor's CR4 show those bits of v->control4 that act on ring 3: TSD, DE, FSGSBASE. */
void arch_load_control4(const struct vcpu *v);

/* Whether CPUID is a #GP in ring 3, so that user mode gets to see the policy too. */
bool arch_cpuid_faults(void);

/* Whether the next FPU instruction traps (CR0.TS). */
void arch_set_fpu_trap(bool on);

enum segment_base { BASE_FS, BASE_GS, BASE_GS_OTHER };
/* Bases as loaded now; GS_OTHER is that of the mode the vCPU is not in. Must be canonical. */
void arch_set_segment_base(enum segment_base which, uint64_t base);
uint64_t arch_get_segment_base(enum segment_base which);
/* What the current vCPU has in the selectors that no trap saves. */
enum loaded_selector { SELECTOR_ES, SELECTOR_DS, SELECTOR_FS, SELECTOR_GS };
uint16_t arch_loaded_selector(enum loaded_selector which);
/* Load the GS selector that user mode will have: 0, or -EINVAL when it can't be loaded (then null).
 */
int arch_set_user_gs(uint16_t selector);

/*
 * Extended registers of a vCPU that does not run: as the interface's start of day has them, or from
 * and to the legacy 512 bytes of FXSAVE. Bits of them that would fault when loaded are dropped.
 */
#define FPU_IMAGE_BYTES 512
void arch_fpu_reset(struct vcpu *v);
void arch_fpu_import(struct vcpu *v, const void *image);
void arch_fpu_export(const struct vcpu *v, void *image);

/* The extended states that can be enabled here, and XCR0 for the vCPU. */
uint64_t arch_extended_states(void);
void arch_set_extended_states(struct vcpu *v, uint64_t xcr0);
