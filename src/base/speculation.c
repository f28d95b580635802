// SPDX-License-Identifier: Apache-2.0
// From a processor's flaws and abilities to a plan.
#include "base/speculation.h"

#include "base/log.h"
#include "lib/format.h"

struct speculation_plan speculation = {.thunk = THUNK_RETPOLINE};

#define FRAME_SHIFT       12
#define MOST_ADDRESS_BITS 52

#define HAS(plan, name) (((plan)->defects >> DEFECT_##name) & 1)

static bool chosen(uint8_t option, bool otherwise)
{
    return option == CHOICE_SILENT ? otherwise : option == CHOICE_YES;
}

/* ---- abilities ------------------------------------------------------------------------------- */

static bool has_ibrs(const struct cpu_facts *cpu)
{
    return (cpu->leaf7_edx & LEAF7_EDX_IBRSB) != 0 || (cpu->extended8_ebx & EXT8_EBX_IBRS) != 0;
}

static bool has_ibpb(const struct cpu_facts *cpu)
{
    return (cpu->leaf7_edx & LEAF7_EDX_IBRSB) != 0 || (cpu->extended8_ebx & EXT8_EBX_IBPB) != 0;
}

static bool has_stibp(const struct cpu_facts *cpu)
{
    return (cpu->leaf7_edx & LEAF7_EDX_STIBP) != 0 || (cpu->extended8_ebx & EXT8_EBX_STIBP) != 0;
}

static bool has_ssbd(const struct cpu_facts *cpu)
{
    return (cpu->leaf7_edx & LEAF7_EDX_SSBD) != 0 || (cpu->extended8_ebx & EXT8_EBX_SSBD) != 0;
}

/* IBRS that stays set: what ring 3 taught the predictor is not used in ring 0. */
static bool has_lasting_ibrs(const struct cpu_facts *cpu)
{
    return (cpu->arch_caps & CAPS_IBRS_ALL) != 0 ||
           (has_ibrs(cpu) && (cpu->extended8_ebx & EXT8_EBX_IBRS_ALWAYS) != 0);
}

static bool verw_clears(const struct cpu_facts *cpu)
{
    return (cpu->leaf7_edx & LEAF7_EDX_MD_CLEAR) != 0 ||
           (cpu->arch_caps & (CAPS_FB_CLEAR | CAPS_RFDS_CLEAR)) != 0;
}

/* ---- branch targets -------------------------------------------------------------------------- */

/*
 * In order of cost: IBRS that stays set costs nothing; retpolines cost a little at each indirect
 * branch; IBRS that has to be written on each way in is for processors on which retpolines leak.
 */
static void decide_branches(struct speculation_plan *plan, const struct cpu_facts *cpu,
                            const struct speculation_options *options)
{
    bool lasting = has_lasting_ibrs(cpu);
    bool leaky = HAS(plan, RSB_UNDERFLOW) && has_ibrs(cpu);
    bool ibrs = has_ibrs(cpu) && chosen(options->ibrs, HAS(plan, SPECTRE_V2) && (lasting || leaky));

    plan->has_spec_ctrl = has_ibrs(cpu) || has_stibp(cpu) || has_ssbd(cpu);
    plan->auto_ibrs =
        (cpu->extended21_eax & EXT21_EAX_AUTO_IBRS) != 0 && options->ibrs != CHOICE_NO;
    plan->spec_ctrl |= ibrs ? SPEC_CTRL_IBRS : 0;
    plan->thunk = HAS(plan, SPECTRE_V2) && !ibrs && !plan->auto_ibrs ? THUNK_RETPOLINE : THUNK_JUMP;
    if (options->thunk != CHOICE_SILENT) {
        plan->thunk = (enum thunk)(options->thunk - 1);
    }
    plan->switch_spec_ctrl = ibrs && !lasting;
}

/* Entries that a guest leaves in the return predictor are its own addresses: SMEP stops them. */
static void decide_returns(struct speculation_plan *plan, const struct cpu_facts *cpu,
                           const struct speculation_options *options)
{
    bool smep = (cpu->leaf7_ebx & LEAF7_EBX_SMEP) != 0;
    bool poisoned = HAS(plan, RETBLEED) || HAS(plan, SRSO);

    plan->stuff_rsb = chosen(options->rsb, HAS(plan, SPECTRE_V2) && !smep);
    plan->ibpb_entry = has_ibpb(cpu) && chosen(options->ibpb_entry, poisoned);
    plan->ibpb_switch = has_ibpb(cpu) && chosen(options->ibpb, HAS(plan, SPECTRE_V2));
}

static void decide_spec_ctrl(struct speculation_plan *plan, const struct cpu_facts *cpu,
                             const struct speculation_options *options)
{
    bool stibp_stays = (cpu->extended8_ebx & EXT8_EBX_STIBP_ALWAYS) != 0;

    if (has_stibp(cpu) && chosen(options->stibp, stibp_stays)) {
        plan->spec_ctrl |= SPEC_CTRL_STIBP;
    }
    if (has_ssbd(cpu) && chosen(options->ssbd, false)) {
        plan->spec_ctrl |= SPEC_CTRL_SSBD;
        plan->switch_spec_ctrl = true;
    }
    if ((cpu->leaf7_2_edx & LEAF7_2_EDX_BHI_CTRL) != 0 &&
        chosen(options->bhi_dis_s, HAS(plan, BHI))) {
        plan->spec_ctrl |= SPEC_CTRL_BHI_DIS_S;
    }
    plan->switch_spec_ctrl = plan->has_spec_ctrl && chosen(options->msr_sc, plan->switch_spec_ctrl);
}

/* ---- data ------------------------------------------------------------------------------------ */

static void decide_data(struct speculation_plan *plan, const struct cpu_facts *cpu,
                        const struct speculation_options *options)
{
    bool buffers = HAS(plan, MDS) || HAS(plan, TAA) || HAS(plan, MMIO) || HAS(plan, RFDS);

    plan->verw = chosen(options->verw, buffers && verw_clears(cpu));
    plan->srb_lock =
        (cpu->leaf7_edx & LEAF7_EDX_SRBDS_CTRL) != 0 && chosen(options->srb_lock, HAS(plan, SRBDS));
    plan->gather_safe =
        (cpu->arch_caps & CAPS_GDS_CTRL) != 0 && chosen(options->gds_mit, HAS(plan, GDS));
    plan->xpti_dom0 = chosen(options->xpti_dom0, HAS(plan, MELTDOWN));
    plan->xpti_domu = chosen(options->xpti_domu, HAS(plan, MELTDOWN));
    plan->l1tf_dom0 = chosen(options->l1tf_dom0, false);
    plan->l1tf_domu = chosen(options->l1tf_domu, HAS(plan, L1TF));
    plan->frame_mask =
        (1ULL << ((cpu->address_bits ? cpu->address_bits : MOST_ADDRESS_BITS) - FRAME_SHIFT)) - 1;
}

/* ---- what is left ---------------------------------------------------------------------------- */

static uint32_t when(bool undefended, enum defect defect)
{
    return undefended ? 1U << defect : 0;
}

static uint32_t undefended(const struct speculation_plan *plan)
{
    bool ibrs = (plan->spec_ctrl & SPEC_CTRL_IBRS) != 0 || plan->auto_ibrs;
    uint32_t open = when(plan->thunk == THUNK_JUMP && !ibrs, DEFECT_SPECTRE_V2) |
                    when(plan->thunk != THUNK_JUMP && !ibrs, DEFECT_RSB_UNDERFLOW) |
                    when(!plan->ibpb_entry, DEFECT_RETBLEED) |
                    when(!plan->ibpb_entry, DEFECT_SRSO) |
                    when((plan->spec_ctrl & SPEC_CTRL_BHI_DIS_S) == 0, DEFECT_BHI) |
                    when(!plan->xpti_dom0 || !plan->xpti_domu, DEFECT_MELTDOWN) |
                    when(!plan->l1tf_domu, DEFECT_L1TF) | when(!plan->verw, DEFECT_MDS) |
                    when(!plan->verw, DEFECT_TAA) | when(!plan->verw, DEFECT_MMIO) |
                    when(!plan->verw, DEFECT_RFDS) | when(!plan->srb_lock, DEFECT_SRBDS) |
                    when(!plan->gather_safe, DEFECT_GDS);

    return plan->defects & open;
}

struct speculation_plan speculation_decide(const struct cpu_facts *cpu,
                                           const struct speculation_options *options)
{
    struct speculation_plan plan = {.defects = cpu_defects(cpu)};

    decide_branches(&plan, cpu, options);
    decide_returns(&plan, cpu, options);
    decide_spec_ctrl(&plan, cpu, options);
    decide_data(&plan, cpu, options);
    plan.undefended = undefended(&plan);
    return plan;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void log_defects(const char *title, uint32_t defects)
{
    char names[160] = "";
    size_t length = 0;

    for (unsigned int i = 0; i < DEFECTS; i++) {
        if (((defects >> i) & 1) != 0 && length < sizeof(names)) {
            length += format_text(names + length, sizeof(names) - length, " %s",
                                  defect_name((enum defect)i));
        }
    }
    log_info("speculation: %s:%s", title, length != 0 ? names : " none");
}

static const char *who(bool dom0, bool domu)
{
    static const char *const words[] = {"off", "domU", "dom0", "all domains"};

    return words[dom0 * 2 + domu];
}

static void log_plan(const struct speculation_plan *plan)
{
    static const char *const thunks[] = {"retpoline", "lfence", "jmp"};

    log_defects("this processor has", plan->defects);
    log_info("speculation: indirect branches %s; SPEC_CTRL %#lx%s;%s%s%s%s%s%s%s",
             thunks[plan->thunk], (unsigned long)plan->spec_ctrl,
             !plan->has_spec_ctrl     ? " (not there)"
             : plan->switch_spec_ctrl ? " at entry"
                                      : " always",
             plan->auto_ibrs ? " auto-ibrs" : "", plan->stuff_rsb ? " rsb" : "",
             plan->ibpb_entry ? " ibpb-entry" : "", plan->ibpb_switch ? " ibpb" : "",
             plan->verw ? " verw" : "", plan->srb_lock ? " srb-lock" : "",
             plan->gather_safe ? " gds-mit" : "");
    log_info("speculation: page-table isolation: %s; L1TF refusals: %s",
             who(plan->xpti_dom0, plan->xpti_domu), who(plan->l1tf_dom0, plan->l1tf_domu));
    if (plan->undefended != 0) {
        log_defects("nothing is done about", plan->undefended);
    }
}

void speculation_start(const struct cpu_facts *cpu)
{
    speculation = speculation_decide(cpu, &speculation_options);
    log_plan(&speculation);
}
