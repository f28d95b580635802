// SPDX-License-Identifier: Apache-2.0
// mca: what domain 0's machine-check driver asks (<xen/arch-x86/xen-mca.h>).
//
// No telemetry is kept: a machine check that Pavise can't survive stops it, others are the
// processor's to correct. So a fetch finds nothing, always.
#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/cpuid.h"
#include "arch/guest.h"
#include "arch/msr.h"
#include "base/cpu.h"
#include "control/hypercalls.h"
#include "control/machine.h"
#include "domain/domain.h"
#include "lib/string.h"

#define MSR_MCG_CAP 0x179

static long fetch(struct xen_mc_fetch *op)
{
    switch (op->flags & (XEN_MC_NONURGENT | XEN_MC_URGENT | XEN_MC_ACK)) {
    case XEN_MC_NONURGENT:
    case XEN_MC_URGENT:
        if (op->data.p == NULL) {
            return -EINVAL;
        }
        op->flags = XEN_MC_NODATA;
        op->fetch_id = 0;
        return 0;
    case XEN_MC_NONURGENT | XEN_MC_ACK:
    case XEN_MC_URGENT | XEN_MC_ACK:
        op->flags = XEN_MC_OK;
        return 0;
    default:
        op->flags = XEN_MC_FETCHFAILED;
        return -EINVAL;
    }
}

static void describe_cpu(unsigned int cpu, struct mcinfo_logical_cpu *to)
{
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
        describe_cpu(cpu, &description);
        if (write_guest(info, cpu, &description) != 0) {
            return -EFAULT;
        }
    }
    return 0;
}

static long notify_domain(struct xen_mc_notifydomain *op)
{
    struct domain *d = domain_get(op->mc_domid);

    if (!d) {
        return -EINVAL;
    }
    domain_put(d);
    op->flags = XEN_MC_CANNOTHANDLE;
    return 0;
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
    switch (op.cmd) {
    case XEN_MC_fetch:
        result = fetch(&op.u.mc_fetch);
        break;
    case XEN_MC_notifydomain:
        result = notify_domain(&op.u.mc_notifydomain);
        break;
    case XEN_MC_physcpuinfo:
        result = list_cpus(&op.u.mc_physcpuinfo);
        break;
    case XEN_MC_msrinject:
    case XEN_MC_mceinject:
    case XEN_MC_inject_v2:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
    if (write_guest(argument, 0, &op) != 0) {
        return -EFAULT;
    }
    return result;
}
