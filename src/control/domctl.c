// SPDX-License-Identifier: Apache-2.0
// domctl: tools make domains, look at them and steer them (<xen/domctl.h>). The table of commands,
// and what all of them have in common.
#include "control/domctl.h"

#include "abi/errno.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "base/hypercall.h"
#include "control/hypercalls.h"

/* Which domain a command is about. */
enum target {
    ANY,   /* the one that is named: -ESRCH where there is none */
    OTHER, /* not the caller's own, which could not go on: -EINVAL */
    NONE,  /* the command looks for itself */
};

typedef long (*domctl_handler_t)(struct domain *d, struct xen_domctl *op);

/* ---- what a paravirtual domain, or this machine, does not have ------------------------------- */

static long not_supported(struct domain *d, struct xen_domctl *op)
{
    return -EOPNOTSUPP;
}

static long only_with_assistance(struct domain *d, struct xen_domctl *op)
{
    return -EINVAL;
}

static long no_such_hardware(struct domain *d, struct xen_domctl *op)
{
    return -ENODEV;
}

/* Of the events that a monitor could be told of there are none. */
static long monitor(struct domain *d, struct xen_domctl *op)
{
    if (op->u.monitor_op.op != XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES) {
        return -EOPNOTSUPP;
    }
    op->u.monitor_op.event = 0;
    return 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* All of them are for privileged domains only. What is not here is -ENOSYS. */
static const struct command {
    uint16_t number;
    uint8_t target;
    bool answers; /* the operation is copied back */
    domctl_handler_t handler;
} commands[] = {
    {XEN_DOMCTL_createdomain, NONE, true, domctl_create},
    {XEN_DOMCTL_destroydomain, OTHER, false, domctl_destroy},
    {XEN_DOMCTL_pausedomain, OTHER, false, domctl_pause},
    {XEN_DOMCTL_unpausedomain, ANY, false, domctl_unpause},
    {XEN_DOMCTL_getdomaininfo, NONE, true, domctl_get_info},
    {XEN_DOMCTL_setvcpuaffinity, ANY, true, domctl_set_affinity},
    {XEN_DOMCTL_shadow_op, OTHER, false, domctl_shadow},
    {XEN_DOMCTL_max_mem, ANY, false, domctl_max_memory},
    {XEN_DOMCTL_setvcpucontext, OTHER, false, domctl_set_context},
    {XEN_DOMCTL_getvcpucontext, ANY, false, domctl_get_context},
    {XEN_DOMCTL_getvcpuinfo, ANY, true, domctl_get_vcpu_info},
    {XEN_DOMCTL_max_vcpus, OTHER, false, domctl_max_vcpus},
    {XEN_DOMCTL_scheduler_op, ANY, true, domctl_scheduler},
    {XEN_DOMCTL_setdomainhandle, ANY, false, domctl_set_handle},
    {XEN_DOMCTL_setdebugging, OTHER, false, domctl_set_debugging},
    {XEN_DOMCTL_irq_permission, ANY, false, domctl_irq_permission},
    {XEN_DOMCTL_iomem_permission, ANY, false, domctl_iomem_permission},
    {XEN_DOMCTL_ioport_permission, ANY, false, domctl_ioport_permission},
    {XEN_DOMCTL_hypercall_init, ANY, false, domctl_hypercall_page},
    {XEN_DOMCTL_settimeoffset, ANY, false, domctl_set_time_offset},
    {XEN_DOMCTL_getvcpuaffinity, ANY, true, domctl_get_affinity},
    {XEN_DOMCTL_resumedomain, OTHER, false, domctl_resume},
    {XEN_DOMCTL_sendtrigger, ANY, false, domctl_send_trigger},
    {XEN_DOMCTL_subscribe, ANY, false, domctl_subscribe},
    {XEN_DOMCTL_gethvmcontext, ANY, false, only_with_assistance},
    {XEN_DOMCTL_sethvmcontext, ANY, false, only_with_assistance},
    {XEN_DOMCTL_set_address_size, ANY, false, domctl_set_address_size},
    {XEN_DOMCTL_get_address_size, ANY, true, domctl_get_address_size},
    {XEN_DOMCTL_assign_device, ANY, false, not_supported},
    {XEN_DOMCTL_bind_pt_irq, ANY, false, only_with_assistance},
    {XEN_DOMCTL_memory_mapping, ANY, false, domctl_memory_mapping},
    {XEN_DOMCTL_ioport_mapping, ANY, false, not_supported},
    {XEN_DOMCTL_set_ext_vcpucontext, ANY, false, domctl_set_ext_context},
    {XEN_DOMCTL_get_ext_vcpucontext, ANY, true, domctl_get_ext_context},
    {XEN_DOMCTL_test_assign_device, NONE, false, not_supported},
    {XEN_DOMCTL_set_target, ANY, false, not_supported},
    {XEN_DOMCTL_deassign_device, ANY, false, not_supported},
    {XEN_DOMCTL_unbind_pt_irq, ANY, false, only_with_assistance},
    {XEN_DOMCTL_get_device_group, ANY, false, not_supported},
    {XEN_DOMCTL_debug_op, ANY, false, only_with_assistance},
    {XEN_DOMCTL_gethvmcontext_partial, ANY, false, only_with_assistance},
    {XEN_DOMCTL_gettscinfo, ANY, true, domctl_get_tsc},
    {XEN_DOMCTL_settscinfo, ANY, false, domctl_set_tsc},
    {XEN_DOMCTL_getpageframeinfo3, ANY, false, domctl_page_info},
    {XEN_DOMCTL_setvcpuextstate, ANY, false, domctl_set_extended_state},
    {XEN_DOMCTL_getvcpuextstate, ANY, true, domctl_get_extended_state},
    {XEN_DOMCTL_set_virq_handler, ANY, false, domctl_set_virq_handler},
    {XEN_DOMCTL_set_broken_page_p2m, ANY, false, only_with_assistance},
    {XEN_DOMCTL_setnodeaffinity, ANY, false, domctl_set_node_affinity},
    {XEN_DOMCTL_getnodeaffinity, ANY, true, domctl_get_node_affinity},
    {XEN_DOMCTL_get_vcpu_msrs, ANY, true, domctl_get_msrs},
    {XEN_DOMCTL_set_vcpu_msrs, ANY, true, domctl_set_msrs},
    {XEN_DOMCTL_setvnumainfo, ANY, false, not_supported},
    {XEN_DOMCTL_psr_cmt_op, ANY, false, no_such_hardware},
    {XEN_DOMCTL_monitor_op, ANY, true, monitor},
    {XEN_DOMCTL_psr_alloc, ANY, false, no_such_hardware},
    {XEN_DOMCTL_soft_reset, OTHER, false, only_with_assistance},
    {XEN_DOMCTL_get_cpu_policy, ANY, true, domctl_get_policy},
    {XEN_DOMCTL_set_cpu_policy, OTHER, true, domctl_set_policy},
    {XEN_DOMCTL_vmtrace_op, ANY, false, only_with_assistance},
    {XEN_DOMCTL_get_paging_mempool_size, ANY, false, not_supported},
    {XEN_DOMCTL_set_paging_mempool_size, ANY, false, not_supported},
    {XEN_DOMCTL_gdbsx_guestmemio, OTHER, true, domctl_debug_memory},
    {XEN_DOMCTL_gdbsx_pausevcpu, ANY, false, domctl_debug_pause},
    {XEN_DOMCTL_gdbsx_unpausevcpu, ANY, false, domctl_debug_unpause},
    {XEN_DOMCTL_gdbsx_domstatus, ANY, true, domctl_debug_status},
};

static const struct command *find_command(uint32_t number)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(commands); i++) {
        if (commands[i].number == number) {
            return &commands[i];
        }
    }
    return NULL;
}

static long carry_out(const struct command *command, struct xen_domctl *op)
{
    struct domain *d;
    long result;

    if (command->target == NONE) {
        return command->handler(NULL, op);
    }
    d = op->cmd == XEN_DOMCTL_destroydomain ? domain_get_to_kill(op->domain)
                                            : domain_get(op->domain);
    if (!d) {
        return -ESRCH;
    }
    result =
        command->target == OTHER && d == current_vcpu()->domain ? -EINVAL : command->handler(d, op);
    domain_put(d);
    return result;
}

spinlock_t domctl_lock = SPINLOCK(RANK_DOMCTL);

/* Who finds another at it asks again, and can be stopped in between. */
static long carry_out_alone(const struct command *command, struct xen_domctl *op)
{
    long result;

    if (!spin_trylock(&domctl_lock)) {
        return HYPERCALL_RESTART;
    }
    result = carry_out(command, op);
    spin_unlock(&domctl_lock);
    return result;
}

/* That an answer can be written is seen before anything is done. */
static long run(const struct command *command, struct xen_domctl *op, gva_t argument)
{
    long result;

    if (command->answers && write_guest(argument, 0, op) != 0) {
        return -EFAULT;
    }
    result = carry_out_alone(command, op);
    if (command->answers && result != HYPERCALL_RESTART && write_guest(argument, 0, op) != 0) {
        return -EFAULT;
    }
    return result;
}

long hypercall_domctl(gva_t argument)
{
    const struct command *command;
    struct xen_domctl op;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION) {
        return -EACCES;
    }
    if (!current_vcpu()->domain->privileged) {
        return -EPERM;
    }
    command = find_command(op.cmd);
    return command ? run(command, &op, argument) : -ENOSYS;
}
