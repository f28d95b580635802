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
    {XEN_DOMCTL_max_mem, ANY, false, domctl_max_memory},
    {XEN_DOMCTL_setvcpucontext, OTHER, false, domctl_set_context},
    {XEN_DOMCTL_getvcpucontext, ANY, false, domctl_get_context},
    {XEN_DOMCTL_getvcpuinfo, ANY, true, domctl_get_vcpu_info},
    {XEN_DOMCTL_max_vcpus, OTHER, false, domctl_max_vcpus},
    {XEN_DOMCTL_scheduler_op, ANY, true, domctl_scheduler},
    {XEN_DOMCTL_setdomainhandle, ANY, false, domctl_set_handle},
    {XEN_DOMCTL_hypercall_init, ANY, false, domctl_hypercall_page},
    {XEN_DOMCTL_settimeoffset, ANY, false, domctl_set_time_offset},
    {XEN_DOMCTL_getvcpuaffinity, ANY, true, domctl_get_affinity},
    {XEN_DOMCTL_resumedomain, OTHER, false, domctl_resume},
    {XEN_DOMCTL_sendtrigger, ANY, false, domctl_send_trigger},
    {XEN_DOMCTL_set_address_size, ANY, false, domctl_set_address_size},
    {XEN_DOMCTL_get_address_size, ANY, true, domctl_get_address_size},
    {XEN_DOMCTL_set_virq_handler, ANY, false, domctl_set_virq_handler},
    {XEN_DOMCTL_getnodeaffinity, ANY, true, domctl_get_node_affinity},
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
    d = domain_get(op->domain);
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
