// SPDX-License-Identifier: Apache-2.0
// Errors that domain 0 makes up, to test who handles them: registers' values, machine checks, and
// interrupts for corrected errors, on any processor.
#include "abi/errno.h"
#include "arch/interrupts.h"
#include "base/cpu.h"
#include "base/cpu_call.h"
#include "control/copy.h"
#include "control/mca.h"
#include "control/mca_banks.h"
#include "domain/domain.h"

struct injection {
    const struct xen_mc_msrinject *op;
    int error;
};

static void set_registers(void *argument)
{
    struct injection *i = argument;
    bool interpose = (i->op->mcinj_flags & MC_MSRINJ_F_INTERPOSE) != 0;

    for (uint32_t n = 0; n < i->op->mcinj_count && i->error == 0; n++) {
        i->error =
            mca_inject((uint32_t)i->op->mcinj_msr[n].reg, i->op->mcinj_msr[n].value, interpose);
    }
}

/* A paravirtual guest's addresses are the machine's, so with MC_MSRINJ_F_GPADDR too. */
static bool owner_exists(const struct xen_mc_msrinject *op)
{
    struct domain *d;

    if ((op->mcinj_flags & MC_MSRINJ_F_GPADDR) == 0) {
        return true;
    }
    d = domain_get(op->mcinj_domid);
    if (d) {
        domain_put(d);
    }
    return d != NULL;
}

static bool is_online(uint32_t cpu)
{
    return cpu < cpu_count && cpu_is_online(cpu);
}

long mca_msrinject(const struct xen_mc_msrinject *op)
{
    struct injection injection = {.op = op};

    if (!is_online(op->mcinj_cpunr) || op->mcinj_count > MC_MSRINJ_MAXMSRS || !owner_exists(op)) {
        return -EINVAL;
    }
    for (uint32_t n = 0; n < op->mcinj_count; n++) {
        if (op->mcinj_msr[n].reg > UINT32_MAX || !mca_may_inject((uint32_t)op->mcinj_msr[n].reg)) {
            return -EINVAL;
        }
    }
    cpu_call(1ULL << op->mcinj_cpunr, set_registers, &injection);
    return injection.error;
}

static void raise_machine_check(void *unused)
{
    arch_raise_machine_check();
}

long mca_mceinject(const struct xen_mc_mceinject *op)
{
    if (!is_online(op->mceinj_cpunr)) {
        return -EINVAL;
    }
    cpu_call(1ULL << op->mceinj_cpunr, raise_machine_check, NULL);
    return 0;
}

static void raise_corrected_error(void *unused)
{
    arch_raise_corrected_error();
}

/* Local machine checks are not switched on, so none can be raised. */
long mca_inject_v2(const struct xen_mc_inject_v2 *op)
{
    uint64_t wanted = UINT64_MAX;

    if ((op->flags & XEN_MC_INJECT_CPU_BROADCAST) == 0 &&
        bitmap_from_guest(&op->cpumap, &wanted) != 0) {
        return -EFAULT;
    }
    wanted &= cpus_online();
    switch (op->flags & XEN_MC_INJECT_TYPE_MASK) {
    case XEN_MC_INJECT_TYPE_MCE:
        cpu_call(wanted, raise_machine_check, NULL);
        return 0;
    case XEN_MC_INJECT_TYPE_CMCI:
        if ((mca_capabilities() & MCG_CAP_CMCI) == 0) {
            return -EINVAL;
        }
        cpu_call(wanted, raise_corrected_error, NULL);
        return 0;
    default:
        return -EINVAL;
    }
}
