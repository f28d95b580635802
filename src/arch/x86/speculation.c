// SPDX-License-Identifier: Apache-2.0
// Defences on this processor: what it says of itself, and switching them on.
#include "domain/domain.h"
#include "percpu.h"
#include "speculation.h"

#include "arch/cpuid.h"
#include "arch/msr.h"
#include "arch/start.h"
#include "base/panic.h"
#include "base/patch.h"
#include "base/speculation.h"
#include "cpu_features.h"
#include "layout.h"

#define MSR_SPEC_CTRL         0x48
#define MSR_PRED_CMD          0x49
#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_MCU_OPT_CTRL      0x123

#define PRED_CMD_IBPB     (1UL << 0)
#define EFER_AIBRSE       (1UL << 21)
#define MCU_RNG_UNGUARDED (1UL << 0)
#define MCU_GDS_UNGUARDED (1UL << 4)
#define MCU_GDS_LOCKED    (1UL << 5)

#define EXTENDED_21 0x80000021
#define EXTENDED_8  0x80000008

_Static_assert(PATCH_NO_SMAP == 0, "impl/guest.h says so");

extern const struct patch_site __start_patch_sites[], __stop_patch_sites[];

/* tools/indirect-branches writes this table. */
struct indirect_branch {
    uint32_t offset; /* from the image's base */
    uint32_t number; /* of the register, as instructions number them */
};
extern const uint32_t indirect_branch_count;
extern const struct indirect_branch indirect_branches[];

/* ---- what there is --------------------------------------------------------------------------- */

static struct cpuid_regs leaf(uint32_t number, uint32_t subleaf)
{
    uint32_t max = number >= EXTENDED_8 ? boot_cpu.max_extended_leaf : boot_cpu.max_leaf;

    return number <= max ? arch_cpuid(number, subleaf) : (struct cpuid_regs){0};
}

static uint64_t read_arch_caps(uint32_t leaf7_edx)
{
    uint64_t value = 0;

    return (leaf7_edx & LEAF7_EDX_ARCH_CAPS) != 0 &&
                   arch_rdmsr_safe(MSR_ARCH_CAPABILITIES, &value) == 0
               ? value
               : 0;
}

static struct cpu_facts read_facts(void)
{
    struct cpuid_regs seven = leaf(7, 0);

    return (struct cpu_facts){
        .vendor = cpu_vendor_of(boot_cpu.vendor),
        .family = boot_cpu.family,
        .model = boot_cpu.model,
        .stepping = boot_cpu.stepping,
        .leaf7_ebx = seven.ebx,
        .leaf7_edx = seven.edx,
        .leaf7_2_edx = seven.eax >= 2 ? leaf(7, 2).edx : 0,
        .extended8_ebx = leaf(EXTENDED_8, 0).ebx,
        .extended21_eax = leaf(EXTENDED_21, 0).eax,
        .arch_caps = read_arch_caps(seven.edx),
        .address_bits = boot_cpu.physical_address_bits,
    };
}

void arch_decide_defences(void)
{
    struct cpu_facts facts = read_facts();

    speculation_start(&facts);
}

/* ---- instructions ---------------------------------------------------------------------------- */

static uint64_t conditions(void)
{
    const struct speculation_plan *p = &speculation;
    const struct {
        bool holds;
        enum patch_when when;
    } all[] = {
        {!cpu_has(FEATURE_SMAP), PATCH_NO_SMAP},
        {p->thunk == THUNK_FENCE, PATCH_THUNK_FENCE},
        {p->thunk == THUNK_JUMP, PATCH_THUNK_JUMP},
        {speculation_guards_ways(p), PATCH_GUARDED},
        {!p->switch_spec_ctrl && !p->stuff_rsb && !p->ibpb_entry, PATCH_NO_ENTRY_WORK},
        {!speculation_has_xpti(p), PATCH_NO_XPTI},
        {!p->switch_spec_ctrl, PATCH_NO_SPEC_CTRL},
        {!p->stuff_rsb, PATCH_NO_RSB},
        {!p->ibpb_entry, PATCH_NO_IBPB_ENTRY},
        {!p->verw, PATCH_NO_VERW},
    };
    uint64_t bits = 0;

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        bits |= (uint64_t)all[i].holds << all[i].when;
    }
    return bits;
}

static void free_indirect_branches(void)
{
    for (uint32_t i = 0; i < indirect_branch_count; i++) {
        void *site = (void *)(IMAGE_BASE + indirect_branches[i].offset);
        BUG_ON(!patch_branch_to_register(site, indirect_branches[i].number));
    }
}

void speculation_patch_image(void)
{
    /* First, as some of these lie in code that is replaced altogether. */
    if (speculation.thunk == THUNK_JUMP) {
        free_indirect_branches();
    }
    patch_apply(__start_patch_sites, __stop_patch_sites, conditions());
}

/* ---- registers ------------------------------------------------------------------------------- */

static void start_microcode_options(void)
{
    uint64_t value;

    if ((!speculation.srb_lock && !speculation.gather_safe) ||
        arch_rdmsr_safe(MSR_MCU_OPT_CTRL, &value) != 0) {
        return;
    }
    value &= speculation.srb_lock ? ~MCU_RNG_UNGUARDED : ~0UL;
    value &= speculation.gather_safe && (value & MCU_GDS_LOCKED) == 0 ? ~MCU_GDS_UNGUARDED : ~0UL;
    arch_wrmsr(MSR_MCU_OPT_CTRL, value);
}

void speculation_enter_domain(const struct domain *d)
{
    struct isolation *own = isolation_of(this_cpu());

    if (own->predictors == d->id + 1U) {
        return;
    }
    own->predictors = d->id + 1U;
    if (speculation.ibpb_switch) {
        arch_wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
        fill_return_predictor();
    }
}

void speculation_start_cpu(void)
{
    if (speculation.has_spec_ctrl) {
        arch_wrmsr(MSR_SPEC_CTRL, speculation.spec_ctrl);
    }
    if (speculation.auto_ibrs) {
        arch_wrmsr(MSR_EFER, arch_rdmsr(MSR_EFER) | EFER_AIBRSE);
    }
    start_microcode_options();
}
