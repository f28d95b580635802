// SPDX-License-Identifier: Apache-2.0
// CPUID policy: the machine's leaves cut down, then the leaves of the guest interface beside them.
#include "pv/cpuid.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/msr.h"
#include "lib/string.h"
#include "pv/cpuid_features.h"
#include "time/scale.h"

#define EXTENDED               0x80000000U
#define MSR_ARCH_CAPABILITIES  0x10a
#define XSAVE_LEGACY_BYTES     512
#define XSAVE_HEADER_BYTES     64
#define XSTATE_ALIGNED         (1U << 1) /* ECX of leaf 0xd: on 64 bytes in the compact format */
#define FIRST_COMPONENT        2         /* x87 and SSE lie in the legacy region */
#define CPUID_LINE_SIZE        0x0000ff00U
#define CPUID_CACHE_TYPE       0x1fU
#define CPUID_CACHE_UNSHARED   0x3fffU /* of EAX: without how many share it */
#define CPUID_ONE_LOGICAL      (1U << 16)
#define CPUID_ADDRESS_SIZES    0xffffU
#define EXTENDED_1_LEGACY_BITS 0x0183f3ffU /* of EDX: repeats those of leaf 1 on AMD */

/* What guests see of the machine's leaves beside the feature words: a mask a register. */
static const struct {
    uint32_t leaf;
    struct cpuid_regs mask;
} copied[] = {
    {0, {0, ~0U, ~0U, ~0U}},
    {1, {~0U, CPUID_LINE_SIZE, 0, 0}},
    {2, {~0U, ~0U, ~0U, ~0U}},
    {EXTENDED + 0x00, {0, ~0U, ~0U, ~0U}},
    {EXTENDED + 0x01, {~0U, ~0U, 0, 0}},
    {EXTENDED + 0x02, {~0U, ~0U, ~0U, ~0U}},
    {EXTENDED + 0x03, {~0U, ~0U, ~0U, ~0U}},
    {EXTENDED + 0x04, {~0U, ~0U, ~0U, ~0U}},
    {EXTENDED + 0x05, {~0U, ~0U, ~0U, ~0U}},
    {EXTENDED + 0x06, {~0U, ~0U, ~0U, ~0U}},
    {EXTENDED + 0x08, {CPUID_ADDRESS_SIZES, 0, 0, 0}},
    {EXTENDED + 0x19, {~0U, ~0U, 0, 0}},
    {EXTENDED + 0x1a, {~0U, 0, 0, 0}},
};

enum reg { EAX, EBX, ECX, EDX };

/* Where each word of a feature set is found. Words 16 and 17 are those of an MSR. */
static const struct {
    uint32_t leaf;
    uint8_t subleaf, reg;
} word_source[CPUID_FEATURE_WORDS] = {
    [0] = {1, 0, EDX},
    [1] = {1, 0, ECX},
    [2] = {EXTENDED + 1, 0, EDX},
    [3] = {EXTENDED + 1, 0, ECX},
    [4] = {0xd, 1, EAX},
    [5] = {7, 0, EBX},
    [6] = {7, 0, ECX},
    [7] = {EXTENDED + 7, 0, EDX},
    [8] = {EXTENDED + 8, 0, EBX},
    [9] = {7, 0, EDX},
    [10] = {7, 1, EAX},
    [11] = {EXTENDED + 0x21, 0, EAX},
    [12] = {7, 1, EBX},
    [13] = {7, 2, EDX},
    [14] = {7, 1, ECX},
    [15] = {7, 1, EDX},
    [18] = {EXTENDED + 0x21, 0, ECX},
};

static uint32_t *reg_of(struct cpuid_regs *regs, enum reg reg)
{
    switch (reg) {
    case EAX:
        return &regs->eax;
    case EBX:
        return &regs->ebx;
    case ECX:
        return &regs->ecx;
    default:
        return &regs->edx;
    }
}

const struct cpuid_regs *cpuid_policy_record(const struct cpuid_policy *policy, uint32_t leaf,
                                             uint32_t subleaf)
{
    switch (leaf) {
    case 4:
        return subleaf < CPUID_CACHES ? &policy->cache[subleaf] : NULL;
    case 7:
        return subleaf < ARRAY_SIZE(policy->feature) ? &policy->feature[subleaf] : NULL;
    case 0xd:
        return subleaf < CPUID_XSTATES ? &policy->xstate[subleaf] : NULL;
    default:
        break;
    }
    if (leaf < CPUID_BASIC_LEAVES) {
        return &policy->basic[leaf];
    }
    if (leaf - EXTENDED < CPUID_EXTENDED_LEAVES) {
        return &policy->extended[leaf - EXTENDED];
    }
    return NULL;
}

static struct cpuid_regs *stored_for_init(struct cpuid_policy *policy, uint32_t leaf,
                                          uint32_t subleaf)
{
    return (struct cpuid_regs *)cpuid_policy_record(policy, leaf, subleaf);
}

/* The machine's leaf; zero beyond its highest, where processors repeat another one. */
static struct cpuid_regs machine_leaf(uint32_t leaf, uint32_t subleaf)
{
    const uint32_t highest = arch_cpuid(leaf & EXTENDED, 0).eax;

    if (leaf > highest || (leaf == 7 && subleaf > arch_cpuid(7, 0).eax)) {
        return (struct cpuid_regs){0};
    }
    return arch_cpuid(leaf, subleaf);
}

static void read_features(struct cpuid_policy *policy)
{
    uint64_t arch_caps = 0;

    for (size_t i = 0; i < CPUID_FEATURE_WORDS; i++) {
        if (word_source[i].leaf != 0) {
            struct cpuid_regs r = machine_leaf(word_source[i].leaf, word_source[i].subleaf);
            policy->features[i] = *reg_of(&r, word_source[i].reg);
        }
    }
    if (cpuid_policy_has(policy, XEN_X86_FEATURE_ARCH_CAPS) &&
        arch_rdmsr_safe(MSR_ARCH_CAPABILITIES, &arch_caps) == 0) {
        policy->features[CPUID_ARCH_CAPS_WORD] = (uint32_t)arch_caps;
        policy->features[CPUID_ARCH_CAPS_WORD + 1] = (uint32_t)(arch_caps >> 32);
    }
}

static bool vendor_is_amd(const struct cpuid_policy *policy)
{
    const uint32_t ecx = policy->basic[0].ecx;

    return memcmp(&ecx, "cAMD", 4) == 0 || memcmp(&ecx, "uine", 4) == 0; /* and Hygon */
}

static void copy_leaves(struct cpuid_policy *policy)
{
    for (size_t i = 0; i < ARRAY_SIZE(copied); i++) {
        struct cpuid_regs *to = stored_for_init(policy, copied[i].leaf, 0);
        const struct cpuid_regs from = machine_leaf(copied[i].leaf, 0);

        to->eax = from.eax & copied[i].mask.eax;
        to->ebx = from.ebx & copied[i].mask.ebx;
        to->ecx = from.ecx & copied[i].mask.ecx;
        to->edx = from.edx & copied[i].mask.edx;
    }
    policy->basic[0].eax = MIN(arch_cpuid(0, 0).eax, CPUID_BASIC_LEAVES - 1U);
    policy->extended[0].eax =
        MIN(arch_cpuid(EXTENDED, 0).eax, EXTENDED + CPUID_EXTENDED_LEAVES - 1U);
}

/* Caches keep their shape, but nobody shares them, as every vCPU is a package of one thread. */
static void copy_caches(struct cpuid_policy *policy)
{
    for (uint32_t i = 0; i < CPUID_CACHES; i++) {
        const struct cpuid_regs from = machine_leaf(4, i);

        if ((from.eax & CPUID_CACHE_TYPE) == 0) {
            return;
        }
        policy->cache[i] = from;
        policy->cache[i].eax &= CPUID_CACHE_UNSHARED;
    }
}

static void place_features(struct cpuid_policy *policy)
{
    for (size_t i = 0; i < CPUID_FEATURE_WORDS; i++) {
        if (word_source[i].leaf != 0) {
            struct cpuid_regs *to =
                stored_for_init(policy, word_source[i].leaf, word_source[i].subleaf);
            *reg_of(to, word_source[i].reg) |= policy->features[i];
        }
    }
    policy->basic[1].ebx |= CPUID_ONE_LOGICAL;
    policy->feature[0].eax = MIN(machine_leaf(7, 0).eax, (uint32_t)ARRAY_SIZE(policy->feature) - 1);
    if (vendor_is_amd(policy)) {
        policy->extended[1].edx |= policy->features[0] & EXTENDED_1_LEGACY_BITS;
    }
}

/* Components of the extended state as the machine lays them out; sizes of the whole come later. */
static void copy_xstates(struct cpuid_policy *policy)
{
    const uint64_t states = policy->config.extended_states;

    if (!cpuid_policy_has(policy, XEN_X86_FEATURE_XSAVE)) {
        policy->config.extended_states = 0;
        return;
    }
    policy->xstate[0].eax = (uint32_t)states;
    policy->xstate[0].edx = (uint32_t)(states >> 32);
    for (uint32_t i = FIRST_COMPONENT; i < CPUID_XSTATES; i++) {
        if (states >> i & 1) {
            policy->xstate[i] = machine_leaf(0xd, i);
            policy->xstate[i].ecx &= XSTATE_ALIGNED;
            policy->xstate[i].edx = 0;
        }
    }
}

void cpuid_policy_init(struct cpuid_policy *policy, const struct cpuid_config *config)
{
    *policy = (struct cpuid_policy){.config = *config};
    read_features(policy);
    if (!config->whole_machine) {
        cpuid_limit_features(policy->features, config);
    }
    copy_leaves(policy);
    copy_caches(policy);
    copy_xstates(policy);
    place_features(policy);
}

/* ---- a policy that tools made ---------------------------------------------------------------- */

static bool same_maker(const struct cpuid_regs *a, const struct cpuid_regs *b)
{
    return a->ebx == b->ebx && a->ecx == b->ecx && a->edx == b->edx;
}

/* Registers without features, as far as a guest sees them at all. */
static void take_leaves(struct cpuid_policy *to, const struct cpuid_policy *from)
{
    for (size_t i = 0; i < ARRAY_SIZE(copied); i++) {
        struct cpuid_regs *r = stored_for_init(to, copied[i].leaf, 0);
        const struct cpuid_regs *given = cpuid_policy_record(from, copied[i].leaf, 0);

        r->eax = given->eax & copied[i].mask.eax;
        r->ebx = given->ebx & copied[i].mask.ebx;
        r->ecx = given->ecx & copied[i].mask.ecx;
        r->edx = given->edx & copied[i].mask.edx;
    }
    to->basic[0].eax = from->basic[0].eax;
    to->extended[0].eax = from->extended[0].eax;
    for (size_t i = 0; i < CPUID_CACHES; i++) {
        to->cache[i] = from->cache[i];
        to->cache[i].eax &= CPUID_CACHE_UNSHARED;
    }
}

/* Words as their registers have them, which are cleared for place_features(). */
static void take_features(struct cpuid_policy *to, const struct cpuid_policy *from,
                          const struct cpuid_policy *most)
{
    for (size_t i = 0; i < CPUID_FEATURE_WORDS; i++) {
        uint32_t given = from->features[i];
        if (word_source[i].leaf != 0) {
            struct cpuid_regs r =
                *cpuid_policy_record(from, word_source[i].leaf, word_source[i].subleaf);
            struct cpuid_regs *clear =
                stored_for_init(to, word_source[i].leaf, word_source[i].subleaf);
            given = *reg_of(&r, word_source[i].reg);
            *reg_of(clear, word_source[i].reg) = 0;
        }
        to->features[i] = given & most->features[i];
    }
}

/* Parts of the extended state that no feature uses any more are not there. */
static uint64_t states_of(const struct cpuid_policy *policy, uint64_t states)
{
    if (!cpuid_policy_has(policy, XEN_X86_FEATURE_XSAVE)) {
        return 0;
    }
    if (!cpuid_policy_has(policy, XEN_X86_FEATURE_AVX)) {
        states &= ~(XCR0_AVX | XCR0_AVX512);
    }
    return cpuid_policy_has(policy, XEN_X86_FEATURE_AVX512F) ? states : states & ~XCR0_AVX512;
}

int cpuid_policy_restrict(struct cpuid_policy *policy, const struct cpuid_policy *most,
                          uint32_t *leaf)
{
    const struct cpuid_policy given = *policy;

    *leaf = 0;
    if (!same_maker(&given.basic[0], &most->basic[0]) || given.basic[0].eax > most->basic[0].eax) {
        return -EINVAL;
    }
    *leaf = EXTENDED;
    if (given.extended[0].eax > most->extended[0].eax) {
        return -EINVAL;
    }
    *policy = *most;
    take_leaves(policy, &given);
    take_features(policy, &given, most);
    policy->config.extended_states = states_of(policy, most->config.extended_states);
    cpuid_limit_features(policy->features, &policy->config);
    memset(policy->xstate, 0, sizeof(policy->xstate));
    copy_xstates(policy);
    place_features(policy);
    return 0;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Bytes of a save area for `states` in the standard format. */
static uint32_t standard_bytes(const struct cpuid_policy *policy, uint64_t states)
{
    uint32_t end = XSAVE_LEGACY_BYTES + XSAVE_HEADER_BYTES;

    for (unsigned i = FIRST_COMPONENT; i < CPUID_XSTATES; i++) {
        if (states >> i & 1) {
            end = MAX(end, policy->xstate[i].ebx + policy->xstate[i].eax);
        }
    }
    return end;
}

static uint32_t compact_bytes(const struct cpuid_policy *policy, uint64_t states)
{
    uint32_t end = XSAVE_LEGACY_BYTES + XSAVE_HEADER_BYTES;

    for (unsigned i = FIRST_COMPONENT; i < CPUID_XSTATES; i++) {
        if (states >> i & 1) {
            end = policy->xstate[i].ecx & XSTATE_ALIGNED ? ROUND_UP(end, 64U) : end;
            end += policy->xstate[i].eax;
        }
    }
    return end;
}

static void add_xstate_sizes(struct cpuid_regs *r, const struct cpuid_policy *policy,
                             const struct cpuid_reader *reader, uint32_t subleaf)
{
    const uint64_t offered = policy->config.extended_states;

    if (offered == 0) {
        return;
    }
    if (subleaf == 0) {
        r->ebx = standard_bytes(policy, reader->xcr0 & offered);
        r->ecx = standard_bytes(policy, offered);
    } else if (subleaf == 1 && cpuid_policy_has(policy, XEN_X86_FEATURE_XSAVEC)) {
        r->ebx = compact_bytes(policy, reader->xcr0 & offered);
    }
}

/* Leaf 0xb: one thread a core, one core a package; level types are 1 (thread) and 2 (core). */
static struct cpuid_regs topology_leaf(const struct cpuid_reader *reader, uint32_t subleaf)
{
    struct cpuid_regs r = {.ecx = subleaf & 0xff, .edx = reader->vcpu_id};

    if (subleaf < 2) {
        r.ebx = 1;
        r.ecx |= (subleaf + 1) << 8;
    }
    return r;
}

/* A 32-bit guest's code segments never are 64-bit, and only AMD has SYSCALL for it. */
static void hide_long_mode(struct cpuid_regs *r, const struct cpuid_policy *policy)
{
    r->ecx &= ~(1U << (XEN_X86_FEATURE_LAHF_LM % 32));
    r->edx &= ~(1U << (XEN_X86_FEATURE_LM % 32));
    if (!vendor_is_amd(policy)) {
        r->edx &= ~(1U << (XEN_X86_FEATURE_SYSCALL % 32));
    }
}

static struct cpuid_regs processor_leaf(const struct cpuid_policy *policy,
                                        const struct cpuid_reader *reader, uint32_t leaf,
                                        uint32_t subleaf)
{
    const uint32_t highest = leaf & EXTENDED ? policy->extended[0].eax : policy->basic[0].eax;
    const struct cpuid_regs *record = cpuid_policy_record(policy, leaf, subleaf);
    struct cpuid_regs r;

    if (record == NULL || leaf > highest) {
        return (struct cpuid_regs){0};
    }
    r = *record;
    switch (leaf) {
    case 1:
        r.ebx |= reader->vcpu_id << 24;
        break;
    case 0xb:
        return topology_leaf(reader, subleaf);
    case 0xd:
        add_xstate_sizes(&r, policy, reader, subleaf);
        break;
    case EXTENDED + 1:
        if (!reader->wide) {
            hide_long_mode(&r, policy);
        }
        break;
    case EXTENDED + 7:
        if (!policy->config.tsc_is_reliable()) {
            r.edx &= ~(1U << (XEN_X86_FEATURE_ITSC % 32));
        }
        break;
    default:
        break;
    }
    return r;
}

/* Sub-leaf 1: how guests turn the counter into nanoseconds; the counter is never offset. */
static struct cpuid_regs tsc_leaf(const struct cpuid_policy *policy, uint32_t subleaf)
{
    const uint32_t khz = (uint32_t)(policy->config.tsc_hz / 1000);
    struct cpuid_regs r = {0};
    struct time_scale scale;
    int8_t shift;

    switch (subleaf) {
    case 0:
        r.eax = (policy->config.tsc_is_reliable() ? 1U << 1 : 0) |
                (cpuid_policy_has(policy, XEN_X86_FEATURE_RDTSCP) ? 1U << 2 : 0);
        r.ecx = khz;
        break;
    case 1:
        scale = time_scale_make(policy->config.tsc_hz, 1000000000);
        time_scale_for_guests(&scale, &r.ecx, &shift);
        r.edx = (uint32_t)shift;
        break;
    case 2:
        r.eax = khz;
        break;
    default:
        break;
    }
    return r;
}

/* <xen/arch-x86/cpuid.h> describes these. Leaf 4 is for other kinds of guests. */
static struct cpuid_regs interface_leaf(const struct cpuid_policy *policy, uint32_t leaf,
                                        uint32_t subleaf)
{
    switch (leaf) {
    case XEN_CPUID_LEAF(0):
        return (struct cpuid_regs){XEN_CPUID_LEAF(XEN_CPUID_MAX_NUM_LEAVES),
                                   XEN_CPUID_SIGNATURE_EBX, XEN_CPUID_SIGNATURE_ECX,
                                   XEN_CPUID_SIGNATURE_EDX};
    case XEN_CPUID_LEAF(1):
        return (struct cpuid_regs){.eax = PAVISE_ABI_MAJOR << 16 | PAVISE_ABI_MINOR};
    case XEN_CPUID_LEAF(2): /* one hypercall page, its MSR, MMU_PT_UPDATE_PRESERVE_AD is there */
        return (struct cpuid_regs){1, XEN_CPUID_FIRST_LEAF,
                                   XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD, 0};
    case XEN_CPUID_LEAF(3):
        return tsc_leaf(policy, subleaf);
    case XEN_CPUID_LEAF(5):
        return (struct cpuid_regs){.ebx = subleaf == 0 ? policy->config.machine_address_bits &
                                                             XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK
                                                       : 0};
    default:
        return (struct cpuid_regs){0};
    }
}

struct cpuid_regs cpuid_policy_leaf(const struct cpuid_policy *policy,
                                    const struct cpuid_reader *reader, uint32_t leaf,
                                    uint32_t subleaf)
{
    if (leaf >> 8 == XEN_CPUID_FIRST_LEAF >> 8) {
        return interface_leaf(policy, leaf, subleaf);
    }
    return processor_leaf(policy, reader, leaf, subleaf);
}

uint64_t cpuid_policy_arch_caps(const struct cpuid_policy *policy)
{
    return (uint64_t)policy->features[CPUID_ARCH_CAPS_WORD + 1] << 32 |
           policy->features[CPUID_ARCH_CAPS_WORD];
}
