// SPDX-License-Identifier: Apache-2.0
// mca: what domain 0's machine-check driver and tools ask (<xen/arch-x86/xen-mca.h>).
#include "control/mca.h"

#include "abi/errno.h"
#include "arch/cpuid.h"
#include "arch/guest.h"
#include "arch/msr.h"
#include "arch/index.h"
#include "base/cpu.h"
#include "base/cpu_call.h"
#include "control/hypercalls.h"
#include "control/machine.h"
#include "control/mca_banks.h"
#include "control/mca_telemetry.h"
#include "control/vcpu_op.h"
#include "domain/domain.h"
#include "lib/string.h"

/* An answer of one kind, or word that one has arrived; other bits are not looked at. */
static long fetch_one(struct xen_mc_fetch *op, enum mca_queue queue)
{
    struct mc_info info;

    if (op->data.p == NULL) {
        return -EINVAL;
    }
    op->fetch_id = mca_fetch(queue, &info);
    op->flags = op->fetch_id != 0 ? XEN_MC_OK : XEN_MC_NODATA;
    if (op->fetch_id != 0 && write_guest(gva((uint64_t)op->data.p), 0, &info) != 0) {
        return -EFAULT;
    }
    return 0;
}

static long fetch(struct xen_mc_fetch *op)
{
    switch (op->flags & (XEN_MC_NONURGENT | XEN_MC_URGENT | XEN_MC_ACK)) {
    case XEN_MC_NONURGENT:
        return fetch_one(op, MCA_NONURGENT);
    case XEN_MC_URGENT:
        return fetch_one(op, MCA_URGENT);
    case XEN_MC_NONURGENT | XEN_MC_ACK:
        mca_acknowledge(MCA_NONURGENT, op->fetch_id);
        return 0;
    case XEN_MC_URGENT | XEN_MC_ACK:
        mca_acknowledge(MCA_URGENT, op->fetch_id);
        return 0;
    default:
        return -EINVAL;
    }
}

/* By NMI, if its vCPU has a handler for it. Its machine checks of its own it has heard of already.
 */
static long notify_domain(struct xen_mc_notifydomain *op)
{
    struct domain *d = domain_get(op->mc_domid);
    struct vcpu *v = NULL;

    if (d && op->mc_vcpuid < d->max_vcpus) {
        v = READ_ONCE(d->vcpus[index_below(op->mc_vcpuid, d->max_vcpus)]);
    }
    if (v) {
        op->flags = v->nmi.address != 0 ? XEN_MC_OK : XEN_MC_CANNOTHANDLE;
        if (op->flags == XEN_MC_OK) {
            vcpu_send_nmi(v);
        }
    }
    if (d) {
        domain_put(d);
    }
    return v ? 0 : -EINVAL;
}

/* On the CPU itself. */
static void describe_cpu(void *argument)
{
    struct mcinfo_logical_cpu *to = argument;
    unsigned int cpu = this_cpu()->id;
    struct cpu_identity identity;
    uint32_t features[8];

    machine_identify_cpu(&identity);
    machine_features(features);
    memset(to, 0, sizeof(*to));
    to->mc_cpunr = cpu;
    to->mc_chipid = machine_facts.cpu[cpu].socket;
    to->mc_coreid = (uint16_t)machine_facts.cpu[cpu].core;
    to->mc_apicid = cpus[cpu]->apic_id;
    to->mc_ncores = to->mc_ncores_active = to->mc_nthreads = 1;
    to->mc_cpuid_level = (int32_t)identity.max_leaf;
    to->mc_family = identity.family;
    to->mc_model = identity.model;
    to->mc_step = identity.stepping;
    string_copy(to->mc_vendorid, identity.vendor, sizeof(to->mc_vendorid));
    string_copy(to->mc_brandid, identity.brand, sizeof(to->mc_brandid));
    to->mc_cpu_caps[MC_CAPS_STD_EDX] = features[0];
    to->mc_cpu_caps[MC_CAPS_STD_ECX] = features[1];
    to->mc_cpu_caps[MC_CAPS_AMD_EDX] = features[2];
    to->mc_cpu_caps[MC_CAPS_AMD_ECX] = features[3];
    to->mc_cache_alignment = 8 * (arch_cpuid(1, 0).ebx >> 8 & 0xff);
    to->mc_msrvalues[0].reg = MSR_MCG_CAP;
    to->mc_nmsrvals = arch_rdmsr_safe(MSR_MCG_CAP, &to->mc_msrvalues[0].value) == 0;
}

static long list_cpus(struct xen_mc_physcpuinfo *op)
{
    gva_t info = gva((uint64_t)op->info.p);
    uint32_t room = op->ncpus;

    if (gva_is_null(info)) {
        op->ncpus = cpu_count;
        return 0;
    }
    if ((int32_t)room <= 0) {
        return -EINVAL;
    }
    op->ncpus = MIN(room, cpu_count);
    for (unsigned int cpu = 0; cpu < op->ncpus; cpu++) {
        struct mcinfo_logical_cpu description;
        cpu_call(1ULL << cpu, describe_cpu, &description);
        if (write_guest(info, cpu, &description) != 0) {
            return -EFAULT;
        }
    }
    return 0;
}

static long carry_out(struct xen_mc *op)
{
    switch (op->cmd) {
    case XEN_MC_fetch:
        return fetch(&op->u.mc_fetch);
    case XEN_MC_notifydomain:
        return notify_domain(&op->u.mc_notifydomain);
    case XEN_MC_physcpuinfo:
        return list_cpus(&op->u.mc_physcpuinfo);
    case XEN_MC_msrinject:
        return mca_msrinject(&op->u.mc_msrinject);
    case XEN_MC_mceinject:
        return mca_mceinject(&op->u.mc_mceinject);
    case XEN_MC_inject_v2:
        return mca_inject_v2(&op->u.mc_inject_v2);
    default:
        return -EINVAL;
    }
}

long hypercall_arch_0(gva_t argument)
{
    struct xen_mc op;
    long result;

    if (!current_vcpu()->domain->privileged) {
        return -EPERM;
    }
    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    if (op.interface_version != XEN_MCA_INTERFACE_VERSION) {
        return -EACCES;
    }
    result = carry_out(&op);
    if (result != 0) {
        return result;
    }
    if (write_guest(argument, 0, &op) != 0) {
        return -EFAULT;
    }
    return 0;
}
