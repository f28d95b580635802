// SPDX-License-Identifier: Apache-2.0
// RDMSR and WRMSR of a guest kernel: a table of what is read, what is written, and what faults.
#pragma once

#include "arch/pv.h"
#include "lib/compiler.h"
#include "pv/cpuid.h"

/*
 * The PAT of the guest interface (the specification's table): WB, WT, UC-, UC, WC, WP, then UC
 * twice. Guests can't change it.
 */
#define PV_PAT 0x0000050100070406ULL

/* A vCPU's registers of this kind that the processor has to hold while it runs; zero at first. */
struct pv_msrs {
    uint64_t spec_ctrl;
    uint32_t tsc_aux;
    bool cpuid_faulting; /* the guest's kernel wants CPUID of its user mode to fault */
};

/* What a register access needs from elsewhere; all of it concerns the current vCPU. */
struct pv_msr_ops {
    uint64_t (*get_segment_base)(enum segment_base which);
    void (*set_segment_base)(enum segment_base which, uint64_t base);
    uint64_t (*read_tsc)(void);
    /* Fill the page named by `value` (frame number, page index in bits 11:0): 0 or -errno. */
    int (*fill_hypercall_page)(uint64_t value);
};

/* Who asks. A guest's user mode never gets here: for it both instructions are a #GP. */
struct pv_msr_context {
    const struct cpuid_policy *cpuid;
    const struct pv_msr_ops *ops;
    struct pv_msrs *state;
    uint32_t vcpu_id;
    bool wide; /* a 64-bit guest */
};

/* Both return 0, or -EPERM where the guest gets a #GP; a refused read stores 0. On the current CPU.
 */
must_check int pv_msr_read(const struct pv_msr_context *context, uint32_t index, uint64_t *value);
must_check int pv_msr_write(const struct pv_msr_context *context, uint32_t index, uint64_t value);

/* On a switch of vCPUs: give the processor `next`, where it differs from the `last` loaded here. */
void pv_msrs_load(const struct pv_msrs *next, const struct pv_msrs *last);
