// SPDX-License-Identifier: Apache-2.0
// Leaves and registers of a policy, in the order of their numbers.
#include "pv/cpuid_list.h"

#include "abi/errno.h"
#include "base/panic.h"

#define EXTENDED              0x80000000U
#define CACHE_TYPE            0x1fU
#define INTERFACE_RANGE       0x100U
#define MSR_PLATFORM_INFO     0xceU
#define MSR_ARCH_CAPABILITIES 0x10aU

struct list {
    struct xen_cpuid_leaf *to;
    uint32_t count;
};

static void put(struct list *list, const struct cpuid_policy *policy, uint32_t leaf,
                uint32_t subleaf)
{
    const uint32_t index = subleaf == XEN_CPUID_NO_SUBLEAF ? 0 : subleaf;
    const struct cpuid_regs *r = cpuid_policy_record(policy, leaf, index);

    BUG_ON(list->count == CPUID_LIST_LEAVES || !r);
    list->to[list->count++] =
        (struct xen_cpuid_leaf){leaf, subleaf, r->eax, r->ebx, r->ecx, r->edx};
}

/* With the one that ends them. */
static void put_caches(struct list *list, const struct cpuid_policy *policy)
{
    uint32_t i = 0;

    do {
        put(list, policy, 4, i);
    } while ((policy->cache[i].eax & CACHE_TYPE) != 0 && ++i < CPUID_CACHES);
}

static void put_features(struct list *list, const struct cpuid_policy *policy)
{
    for (uint32_t i = 0; i <= policy->feature[0].eax && i < ARRAY_SIZE(policy->feature); i++) {
        put(list, policy, 7, i);
    }
}

/* Up to the last component, with the gaps between them. */
static void put_xstates(struct list *list, const struct cpuid_policy *policy)
{
    for (uint32_t i = 0; i < CPUID_XSTATES; i++) {
        if (i < 2 || policy->config.extended_states >> i != 0) {
            put(list, policy, 0xd, i);
        }
    }
}

static void put_basic(struct list *list, const struct cpuid_policy *policy, uint32_t leaf)
{
    switch (leaf) {
    case 4:
        put_caches(list, policy);
        break;
    case 7:
        put_features(list, policy);
        break;
    case 0xb: /* each vCPU's own */
        put(list, policy, leaf, 0);
        break;
    case 0xd:
        put_xstates(list, policy);
        break;
    default:
        put(list, policy, leaf, XEN_CPUID_NO_SUBLEAF);
        break;
    }
}

/*
 * Where leaves of the guest interface can begin: a policy says nothing of them, but libxenguest,
 * which writes a list back into the room of the one it read, has these two in it.
 */
static void put_interface(struct list *list, uint32_t leaf)
{
    BUG_ON(list->count == CPUID_LIST_LEAVES);
    list->to[list->count++] =
        (struct xen_cpuid_leaf){.leaf = leaf, .subleaf = XEN_CPUID_NO_SUBLEAF};
}

uint32_t cpuid_list_leaves(const struct cpuid_policy *policy,
                           struct xen_cpuid_leaf to[CPUID_LIST_LEAVES])
{
    struct list list = {to, 0};

    for (uint32_t leaf = 0; leaf <= policy->basic[0].eax && leaf < CPUID_BASIC_LEAVES; leaf++) {
        put_basic(&list, policy, leaf);
    }
    put_interface(&list, XEN_CPUID_FIRST_LEAF);
    put_interface(&list, XEN_CPUID_FIRST_LEAF + INTERFACE_RANGE);
    for (uint32_t i = 0; i < CPUID_EXTENDED_LEAVES && EXTENDED + i <= policy->extended[0].eax;
         i++) {
        put(&list, policy, EXTENDED + i, XEN_CPUID_NO_SUBLEAF);
    }
    return list.count;
}

uint32_t cpuid_list_msrs(const struct cpuid_policy *policy,
                         struct xen_msr_entry to[CPUID_LIST_MSRS])
{
    to[0] = (struct xen_msr_entry){.idx = MSR_PLATFORM_INFO};
    to[1] =
        (struct xen_msr_entry){.idx = MSR_ARCH_CAPABILITIES, .val = cpuid_policy_arch_caps(policy)};
    return CPUID_LIST_MSRS;
}

static bool has_subleaves(uint32_t leaf)
{
    return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd;
}

/* The leaves of the guest interface are not tools' to set; naming their ranges does no harm. */
static bool is_interface_base(uint32_t leaf)
{
    return leaf == XEN_CPUID_FIRST_LEAF || leaf == XEN_CPUID_FIRST_LEAF + INTERFACE_RANGE;
}

int cpuid_take_leaf(struct cpuid_policy *policy, const struct xen_cpuid_leaf *from)
{
    struct cpuid_regs *to;

    if (has_subleaves(from->leaf) == (from->subleaf == XEN_CPUID_NO_SUBLEAF)) {
        return -ERANGE;
    }
    if (is_interface_base(from->leaf)) {
        return 0;
    }
    to = (struct cpuid_regs *)cpuid_policy_record(policy, from->leaf,
                                                  has_subleaves(from->leaf) ? from->subleaf : 0);
    if (!to) {
        return -ERANGE;
    }
    *to = (struct cpuid_regs){from->a, from->b, from->c, from->d};
    return 0;
}

int cpuid_take_msr(struct cpuid_policy *policy, const struct xen_msr_entry *from)
{
    if (from->flags != 0) {
        return -EINVAL;
    }
    switch (from->idx) {
    case MSR_PLATFORM_INFO: /* none of what it can say is so */
        return from->val == 0 ? 0 : -EINVAL;
    case MSR_ARCH_CAPABILITIES:
        policy->features[CPUID_ARCH_CAPS_WORD] = (uint32_t)from->val;
        policy->features[CPUID_ARCH_CAPS_WORD + 1] = (uint32_t)(from->val >> 32);
        return 0;
    default:
        return -ERANGE;
    }
}
