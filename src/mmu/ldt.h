// SPDX-License-Identifier: Apache-2.0
// Descriptor tables of guests: which pages, and that each is harmless.
#pragma once

#include "domain/domain.h"

/*
 * MMUEXT_SET_LDT for the current vCPU: `base` page aligned, at most 8192 entries; 0 entries: none.
 * Its pages are looked at when they are first used: so they need not be there before.
 */
must_check long ldt_set(struct vcpu *v, uint64_t base, uint32_t entries);

/* The same for a vCPU that does not run. */
must_check long ldt_take(struct vcpu *v, uint64_t base, uint64_t entries);

/* set_gdt: the frames of the guest's list, for `entries` descriptors. -EINVAL. */
must_check long gdt_set(struct vcpu *v, const uint64_t *frames, uint32_t entries);

/* Drop what the vCPU holds. The processor must not have them loaded any more. */
void ldt_drop(struct vcpu *v);
void gdt_drop(struct vcpu *v);

/*
 * The processor found nothing at `offset` of the current vCPU's LDT: show the page there, if the
 * guest has one that is good enough. True: try again.
 */
must_check bool ldt_show_page(struct vcpu *v, uint32_t offset);
