// SPDX-License-Identifier: Apache-2.0
// set_callbacks and callback_op: where a guest wants to be entered.
#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/guest.h"
#include "base/hypercall.h"
#include "domain/domain.h"
#include "pv/hypercalls.h"
#include "pv/selectors.h"

static struct callback *callback_of(struct vcpu *v, unsigned int type)
{
    switch (type) {
    case CALLBACKTYPE_event:
        return &v->event;
    case CALLBACKTYPE_failsafe:
        return &v->failsafe;
    case CALLBACKTYPE_syscall:
        return &v->syscall64;
    case CALLBACKTYPE_syscall32:
        return &v->syscall32;
    case CALLBACKTYPE_sysenter:
    case CALLBACKTYPE_sysenter_deprecated:
        return &v->sysenter;
    case CALLBACKTYPE_nmi:
        return &v->nmi;
    default:
        return NULL;
    }
}

static long set(struct vcpu *v, unsigned int type, uint64_t address, unsigned int flags)
{
    struct callback *callback = callback_of(v, type);

    /* Reserved for compatibility: 64-bit kernels have no use for SYSENTER's old number. */
    if (!callback || type == CALLBACKTYPE_sysenter_deprecated) {
        return -ENOSYS;
    }
    if (!is_canonical(address)) {
        return -EINVAL;
    }
    *callback = (struct callback){
        .address = address,
        .cs = GUEST_CS64,
        .mask_events = (flags & CALLBACKF_mask_events) != 0,
    };
    return 0;
}

long hypercall_set_callbacks(uint64_t event, uint64_t failsafe, uint64_t syscall)
{
    struct vcpu *v = current_vcpu();

    if (!is_canonical(event) || !is_canonical(failsafe) || !is_canonical(syscall)) {
        return -EINVAL;
    }
    v->event.address = event;
    v->failsafe.address = failsafe;
    v->syscall64.address = syscall;
    return 0;
}

static long unregister(struct vcpu *v, unsigned int type)
{
    struct callback *callback = callback_of(v, type);

    if (!callback || type == CALLBACKTYPE_sysenter_deprecated) {
        return -ENOSYS;
    }
    /* What a guest has asked for by instructions or events may come at any time. */
    if (type != CALLBACKTYPE_nmi) {
        return -EINVAL;
    }
    *callback = (struct callback){.address = 0};
    return 0;
}

long hypercall_callback_op(uint64_t cmd, gva_t argument)
{
    struct vcpu *v = current_vcpu();
    struct callback_register registration;
    struct callback_unregister removal;

    switch (cmd) {
    case CALLBACKOP_register:
        if (read_guest(&registration, argument, 0) != 0) {
            return -EFAULT;
        }
        return set(v, registration.type, registration.address, registration.flags);
    case CALLBACKOP_unregister:
        if (read_guest(&removal, argument, 0) != 0) {
            return -EFAULT;
        }
        return unregister(v, removal.type);
    default:
        return -ENOSYS;
    }
}
