// SPDX-License-Identifier: Apache-2.0
// The MSR policy. Registers that a PV guest has are virtual; a few of the machine's can be looked
// at; all others fault, as they would on a processor without them, and kernels are ready for that.
#include "pv/msr.h"

#include "abi/errno.h"
#include "arch/msr.h"
#include "base/log.h"
#include "base/panic.h"
#include "base/speculation.h"

enum {
    MSR_TSC = 0x10,
    MSR_PLATFORM_ID = 0x17,
    MSR_APIC_BASE = 0x1b,
    MSR_SPEC_CTRL = 0x48,
    MSR_PRED_CMD = 0x49,
    MSR_MICROCODE_REVISION = 0x8b,
    MSR_PLATFORM_INFO = 0xce,
    MSR_MTRR_CAP = 0xfe,
    MSR_ARCH_CAPABILITIES = 0x10a,
    MSR_MISC_FEATURES_ENABLES = 0x140,
    MSR_SYSENTER_CS = 0x174,
    MSR_SYSENTER_EIP = 0x176,
    MSR_MCG_CAP = 0x179,
    MSR_MCG_STATUS = 0x17a,
    MSR_MISC_ENABLE = 0x1a0,
    MSR_DEBUGCTL = 0x1d9,
    MSR_PAT = 0x277,
    MSR_HYPERCALL_PAGE = 0x40000000,
};

/* AMD's, and those that began as AMD's. */
#define MSR_EFER           0xc0000080U
#define MSR_STAR           0xc0000081U
#define MSR_SYSCALL_MASK   0xc0000084U
#define MSR_FS_BASE        0xc0000100U
#define MSR_GS_BASE        0xc0000101U
#define MSR_KERNEL_GS_BASE 0xc0000102U
#define MSR_TSC_AUX        0xc0000103U
#define MSR_SYSCFG         0xc0010010U
#define MSR_HWCR           0xc0010015U
#define MSR_TOP_MEM        0xc001001aU
#define MSR_TOP_MEM2       0xc001001dU
#define MSR_NB_CFG         0xc001001fU
#define MSR_MMIO_CONF_BASE 0xc0010058U
#define MSR_DE_CFG         0xc0011029U

#define EFER_SCE (1ULL << 0)
#define EFER_LME (1ULL << 8)
#define EFER_LMA (1ULL << 10)
#define EFER_NXE (1ULL << 11)

#define APIC_BASE_BOOT_CPU (1ULL << 8)
#define APIC_BASE_ENABLED  (1ULL << 11)
#define APIC_BASE_ADDRESS  0xfee00000ULL

#define PRED_CMD_IBPB (1ULL << 0)
#define PRED_CMD_SBPB (1ULL << 7)

/* MISC_ENABLE: sampling and tracing are absent, counters and MONITOR off. */
#define MISC_ENABLE_SET   (1ULL << 11 | 1ULL << 12)
#define MISC_ENABLE_CLEAR (1ULL << 7 | 1ULL << 18)

#define PLATFORM_INFO_CPUID_FAULTING (1ULL << 31)
#define MISC_FEATURES_CPUID_FAULTING (1ULL << 0)

#define SYSCFG_MEMORY_ENCRYPTION (1ULL << 23)
#define HWCR_TSC_FREQ_SEL        (1ULL << 24) /* the counter runs at P0's rate */
#define DE_CFG_LFENCE_SERIALIZE  (1ULL << 1)

typedef const struct pv_msr_context context_t;

static bool has(context_t *c, unsigned feature)
{
    return cpuid_policy_has(c->cpuid, feature);
}

static int machine_value(uint32_t index, uint64_t *value)
{
    return arch_rdmsr_safe(index, value) == 0 ? 0 : -EPERM;
}

static int refuse_read(context_t *c, uint32_t index, uint64_t *value)
{
    return -EPERM;
}

static int refuse_write(context_t *c, uint32_t index, uint64_t value)
{
    return -EPERM;
}

static int read_zero(context_t *c, uint32_t index, uint64_t *value)
{
    *value = 0;
    return 0;
}

static int write_only_zero(context_t *c, uint32_t index, uint64_t value)
{
    return value == 0 ? 0 : -EPERM;
}

/* Only the domain that runs the machine's devices may look; nobody may change. */
static int read_machine_if_control(context_t *c, uint32_t index, uint64_t *value)
{
    return c->cpuid->config.control_domain ? machine_value(index, value) : -EPERM;
}

static int read_machine(context_t *c, uint32_t index, uint64_t *value)
{
    return machine_value(index, value);
}

static int read_by_policy(context_t *c, uint32_t index, uint64_t *value);

/* A write of what is there already is harmless, and some kernels do it. */
static int write_unchanged(context_t *c, uint32_t index, uint64_t value)
{
    uint64_t current;

    return read_by_policy(c, index, &current) == 0 && current == value ? 0 : -EPERM;
}

/* What the guest sets has no effect, and it needs none; but a register that is absent faults. */
static int write_dropped(context_t *c, uint32_t index, uint64_t value)
{
    uint64_t current;

    return read_by_policy(c, index, &current);
}

static int read_tsc(context_t *c, uint32_t index, uint64_t *value)
{
    *value = c->ops->read_tsc();
    return 0;
}

static int read_apic_base(context_t *c, uint32_t index, uint64_t *value)
{
    *value = APIC_BASE_ADDRESS | APIC_BASE_ENABLED | (c->vcpu_id == 0 ? APIC_BASE_BOOT_CPU : 0);
    return 0;
}

static int read_spec_ctrl(context_t *c, uint32_t index, uint64_t *value)
{
    *value = c->state->spec_ctrl;
    return has(c, XEN_X86_FEATURE_IBRSB) ? 0 : -EPERM;
}

/*
 * Where Pavise has a value of its own, the guest's is loaded on the way out; else at once, with the
 * bits that Pavise relies on, which do a guest no harm.
 */
static int load_spec_ctrl(uint64_t value)
{
    return speculation.switch_spec_ctrl
               ? 0
               : arch_wrmsr_safe(MSR_SPEC_CTRL, value | speculation.spec_ctrl);
}

static int write_spec_ctrl(context_t *c, uint32_t index, uint64_t value)
{
    const uint64_t allowed = (has(c, XEN_X86_FEATURE_IBRSB) ? SPEC_CTRL_IBRS : 0) |
                             (has(c, XEN_X86_FEATURE_STIBP) ? SPEC_CTRL_STIBP : 0) |
                             (has(c, XEN_X86_FEATURE_SSBD) ? SPEC_CTRL_SSBD : 0);

    if (!has(c, XEN_X86_FEATURE_IBRSB) || (value & ~allowed) != 0 || load_spec_ctrl(value) != 0) {
        return -EPERM;
    }
    c->state->spec_ctrl = value;
    return 0;
}

static int write_pred_cmd(context_t *c, uint32_t index, uint64_t value)
{
    const bool ibpb = has(c, XEN_X86_FEATURE_IBPB) || has(c, XEN_X86_FEATURE_IBRSB);
    const uint64_t allowed =
        (ibpb ? PRED_CMD_IBPB : 0) | (has(c, XEN_X86_FEATURE_SBPB) ? PRED_CMD_SBPB : 0);

    if (allowed == 0 || (value & ~allowed) != 0) {
        return -EPERM;
    }
    if (value == 0) {
        return 0;
    }
    return arch_wrmsr_safe(MSR_PRED_CMD, value) == 0 ? 0 : -EPERM;
}

static int read_arch_caps(context_t *c, uint32_t index, uint64_t *value)
{
    *value = cpuid_policy_arch_caps(c->cpuid);
    return has(c, XEN_X86_FEATURE_ARCH_CAPS) ? 0 : -EPERM;
}

/* The guest's own use of it, where the processor has it: its kernel decides for its user mode. */
static int read_platform_info(context_t *c, uint32_t index, uint64_t *value)
{
    *value = arch_cpuid_faults() ? PLATFORM_INFO_CPUID_FAULTING : 0;
    return 0;
}

static int read_misc_features(context_t *c, uint32_t index, uint64_t *value)
{
    *value = c->state->cpuid_faulting ? MISC_FEATURES_CPUID_FAULTING : 0;
    return 0;
}

static int write_misc_features(context_t *c, uint32_t index, uint64_t value)
{
    if ((value & ~(arch_cpuid_faults() ? MISC_FEATURES_CPUID_FAULTING : 0)) != 0) {
        return -EPERM;
    }
    c->state->cpuid_faulting = value != 0;
    return 0;
}

static int read_misc_enable(context_t *c, uint32_t index, uint64_t *value)
{
    const int error = machine_value(index, value);

    *value = (*value | MISC_ENABLE_SET) & ~MISC_ENABLE_CLEAR;
    return error;
}

static int read_pat(context_t *c, uint32_t index, uint64_t *value)
{
    *value = PV_PAT;
    return 0;
}

static int write_hypercall_page(context_t *c, uint32_t index, uint64_t value)
{
    return c->ops->fill_hypercall_page(value) == 0 ? 0 : -EPERM;
}

static int read_efer(context_t *c, uint32_t index, uint64_t *value)
{
    *value = EFER_SCE | (has(c, XEN_X86_FEATURE_NX) ? EFER_NXE : 0) |
             (c->wide ? EFER_LME | EFER_LMA : 0);
    return 0;
}

/* The guest's kernel runs with its own GS base loaded; the other one is its user mode's. */
static enum segment_base base_of(uint32_t index)
{
    switch (index) {
    case MSR_FS_BASE:
        return BASE_FS;
    case MSR_GS_BASE:
        return BASE_GS;
    default:
        return BASE_GS_OTHER;
    }
}

static int read_segment_base(context_t *c, uint32_t index, uint64_t *value)
{
    if (!c->wide) {
        return -EPERM;
    }
    *value = c->ops->get_segment_base(base_of(index));
    return 0;
}

static int write_segment_base(context_t *c, uint32_t index, uint64_t value)
{
    if (!c->wide || !is_canonical(value)) {
        return -EPERM;
    }
    c->ops->set_segment_base(base_of(index), value);
    return 0;
}

static bool has_tsc_aux(context_t *c)
{
    return has(c, XEN_X86_FEATURE_RDTSCP) || has(c, XEN_X86_FEATURE_RDPID);
}

static int read_tsc_aux(context_t *c, uint32_t index, uint64_t *value)
{
    *value = c->state->tsc_aux;
    return has_tsc_aux(c) ? 0 : -EPERM;
}

static int write_tsc_aux(context_t *c, uint32_t index, uint64_t value)
{
    if (!has_tsc_aux(c) || value > UINT32_MAX || arch_wrmsr_safe(MSR_TSC_AUX, value) != 0) {
        return -EPERM;
    }
    c->state->tsc_aux = (uint32_t)value;
    return 0;
}

static int read_syscfg(context_t *c, uint32_t index, uint64_t *value)
{
    const int error = read_machine_if_control(c, index, value);

    *value &= ~SYSCFG_MEMORY_ENCRYPTION;
    return error;
}

static int read_hwcr(context_t *c, uint32_t index, uint64_t *value)
{
    const int error = machine_value(index, value);

    *value &= HWCR_TSC_FREQ_SEL;
    return error;
}

static int read_de_cfg(context_t *c, uint32_t index, uint64_t *value)
{
    const int error = machine_value(index, value);

    *value &= DE_CFG_LFENCE_SERIALIZE;
    return error;
}

/* Registers in the order of their numbers. What is not here faults. */
static const struct {
    uint32_t first, last;
    int (*read)(context_t *c, uint32_t index, uint64_t *value);
    int (*write)(context_t *c, uint32_t index, uint64_t value);
} policy[] = {
    {MSR_TSC, MSR_TSC, read_tsc, refuse_write},
    {MSR_PLATFORM_ID, MSR_PLATFORM_ID, read_machine, refuse_write},
    {MSR_APIC_BASE, MSR_APIC_BASE, read_apic_base, write_unchanged},
    {MSR_SPEC_CTRL, MSR_SPEC_CTRL, read_spec_ctrl, write_spec_ctrl},
    {MSR_PRED_CMD, MSR_PRED_CMD, refuse_read, write_pred_cmd},
    /* Intel: a write of 0, then CPUID, makes the processor show its revision here. */
    {MSR_MICROCODE_REVISION, MSR_MICROCODE_REVISION, read_machine, write_only_zero},
    {MSR_PLATFORM_INFO, MSR_PLATFORM_INFO, read_platform_info, refuse_write},
    {MSR_MTRR_CAP, MSR_MTRR_CAP, read_zero, refuse_write},
    {MSR_ARCH_CAPABILITIES, MSR_ARCH_CAPABILITIES, read_arch_caps, refuse_write},
    {MSR_MISC_FEATURES_ENABLES, MSR_MISC_FEATURES_ENABLES, read_misc_features, write_misc_features},
    /* System-call entries are set with callback_op; kernels that set these too lose nothing. */
    {MSR_SYSENTER_CS, MSR_SYSENTER_EIP, read_zero, write_dropped},
    {MSR_MCG_CAP, MSR_MCG_CAP, read_zero, refuse_write}, /* no bank of errors */
    {MSR_MCG_STATUS, MSR_MCG_STATUS, read_zero, write_only_zero},
    {MSR_MISC_ENABLE, MSR_MISC_ENABLE, read_misc_enable, write_dropped},
    {MSR_DEBUGCTL, MSR_DEBUGCTL, read_zero, write_only_zero},
    {MSR_PAT, MSR_PAT, read_pat, write_unchanged},
    {MSR_HYPERCALL_PAGE, MSR_HYPERCALL_PAGE, read_zero, write_hypercall_page},
    {MSR_EFER, MSR_EFER, read_efer, write_unchanged},
    {MSR_STAR, MSR_SYSCALL_MASK, read_zero, write_dropped},
    {MSR_FS_BASE, MSR_KERNEL_GS_BASE, read_segment_base, write_segment_base},
    {MSR_TSC_AUX, MSR_TSC_AUX, read_tsc_aux, write_tsc_aux},
    {MSR_SYSCFG, MSR_SYSCFG, read_syscfg, refuse_write},
    {MSR_HWCR, MSR_HWCR, read_hwcr, write_dropped},
    {MSR_TOP_MEM, MSR_TOP_MEM, read_machine_if_control, refuse_write},
    {MSR_TOP_MEM2, MSR_TOP_MEM2, read_machine_if_control, refuse_write},
    {MSR_NB_CFG, MSR_NB_CFG, read_machine_if_control, write_dropped},
    {MSR_MMIO_CONF_BASE, MSR_MMIO_CONF_BASE, read_machine_if_control, refuse_write},
    {MSR_DE_CFG, MSR_DE_CFG, read_de_cfg, write_dropped},
};

static int find_row(uint32_t index)
{
    int low = 0, high = ARRAY_SIZE(policy) - 1;

    while (low <= high) {
        const int middle = (low + high) / 2;

        if (index < policy[middle].first) {
            high = middle - 1;
        } else if (index > policy[middle].last) {
            low = middle + 1;
        } else {
            return middle;
        }
    }
    return -1;
}

static int read_by_policy(context_t *c, uint32_t index, uint64_t *value)
{
    /* The one that is read all the time: with each switch of processes. */
    if (index == MSR_KERNEL_GS_BASE) {
        return read_segment_base(c, index, value);
    }
    const int row = find_row(index);

    return row >= 0 ? policy[row].read(c, index, value) : -EPERM;
}

int pv_msr_read(const struct pv_msr_context *context, uint32_t index, uint64_t *value)
{
    if (read_by_policy(context, index, value) == 0) {
        return 0;
    }
    *value = 0;
    guest_debug("RDMSR %#x refused", index);
    return -EPERM;
}

int pv_msr_write(const struct pv_msr_context *context, uint32_t index, uint64_t value)
{
    const int row = find_row(index);

    if (row >= 0 && policy[row].write(context, index, value) == 0) {
        return 0;
    }
    guest_debug("WRMSR %#x of %#lx refused", index, value);
    return -EPERM;
}

void pv_msrs_load(const struct pv_msrs *next, const struct pv_msrs *last)
{
    if (next->tsc_aux != last->tsc_aux) {
        arch_wrmsr(MSR_TSC_AUX, next->tsc_aux);
    }
    /* It was written before, so it can be. */
    if (next->spec_ctrl != last->spec_ctrl && load_spec_ctrl(next->spec_ctrl) != 0) {
        panic("SPEC_CTRL refuses %#lx", (unsigned long)next->spec_ctrl);
    }
}
