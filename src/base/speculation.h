// SPDX-License-Identifier: Apache-2.0
// Defences against attacks on speculation: what a processor needs, what it offers and what the
// command line says, made into one plan. Acting on it is src/arch/x86/speculation.c; why each
// defence is as it is, and what it costs, is in docs/speculation.md.
#pragma once

#include "base/defects.h"

/* What an indirect branch of Pavise's own is. */
enum thunk {
    THUNK_RETPOLINE, /* by way of the return predictor, which says nothing */
    THUNK_FENCE,     /* LFENCE and the plain branch (AMD, where LFENCE waits) */
    THUNK_JUMP,      /* the plain branch: nothing to fear, or IBRS keeps guests' targets out */
};

/* What the command line says of one thing; zero where it is silent. */
enum choice { CHOICE_SILENT, CHOICE_NO, CHOICE_YES };

/* Each an enum choice; `thunk` 0, or 1 more than the enum thunk. */
struct speculation_options {
    uint8_t thunk;
    uint8_t ibrs, ibpb, ssbd, stibp, bhi_dis_s;
    uint8_t msr_sc, rsb, verw, ibpb_entry;
    uint8_t srb_lock, gds_mit, unpriv_mmio;
    uint8_t eager_fpu, l1d_flush, branch_harden; /* accepted: nothing depends on them */
    uint8_t xpti_dom0, xpti_domu;
    uint8_t l1tf_dom0, l1tf_domu;
};
extern struct speculation_options speculation_options;

/* Bits of SPEC_CTRL (MSR 0x48). */
#define SPEC_CTRL_IBRS      (1ULL << 0)
#define SPEC_CTRL_STIBP     (1ULL << 1)
#define SPEC_CTRL_SSBD      (1ULL << 2)
#define SPEC_CTRL_BHI_DIS_S (1ULL << 10)

struct speculation_plan {
    uint32_t defects;    /* bit per enum defect */
    uint32_t undefended; /* those that nothing is done about */
    enum thunk thunk;
    bool has_spec_ctrl;    /* there is a SPEC_CTRL */
    bool switch_spec_ctrl; /* it is written on each way in and out */
    uint64_t spec_ctrl;    /* its value while Pavise runs */
    bool auto_ibrs;        /* EFER.AIBRSE is set */
    bool stuff_rsb;        /* the return predictor is filled on each way in */
    bool ibpb_entry;       /* the branch predictor is emptied on each way in */
    bool ibpb_switch;      /* and when another domain's vCPU gets the CPU */
    bool verw;             /* buffers are overwritten on each way out */
    bool srb_lock;         /* RDRAND and its like wait for each other */
    bool gather_safe;      /* GATHER does not speculate */
    bool xpti_dom0, xpti_domu;
    bool l1tf_dom0, l1tf_domu; /* absent entries that name memory are refused (mmu/l1tf.h) */
    uint64_t frame_mask;       /* bits of a frame number that the caches look at */
};

/* Settled by speculation_start(), constant afterwards. Before that: nothing is on. */
extern struct speculation_plan speculation;

/* Pure: what is to be done on such a processor. */
struct speculation_plan speculation_decide(const struct cpu_facts *cpu,
                                           const struct speculation_options *options);

/* At start of day, after the command line is known, before page tables are made: decide and log. */
void speculation_start(const struct cpu_facts *cpu);

/* Whether anything is to be done on each way in or out. */
static inline bool speculation_guards_ways(const struct speculation_plan *plan)
{
    return plan->switch_spec_ctrl || plan->stuff_rsb || plan->ibpb_entry || plan->verw ||
           plan->xpti_dom0 || plan->xpti_domu;
}

/* Whether any guest runs on tables of its own. */
static inline bool speculation_has_xpti(const struct speculation_plan *plan)
{
    return plan->xpti_dom0 || plan->xpti_domu;
}

/* The values of spec-ctrl=, xpti= and pv-l1tf=: 0 or -EINVAL. `text` NULL: no value was given. */
must_check int speculation_parse(struct speculation_options *options, const char *text);
must_check int speculation_parse_xpti(struct speculation_options *options, const char *text);
must_check int speculation_parse_l1tf(struct speculation_options *options, const char *text);
