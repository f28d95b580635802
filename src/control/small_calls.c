// SPDX-License-Identifier: Apache-2.0
// Calls that are short here: NMI callbacks, vm_assist, and those whose subject Pavise does not
// have (hardware-virtualised guests, security modules, kexec, transcendent memory, profiling).
#include "abi/errno.h"
#include "abi/rare.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "control/hypercalls.h"
#include "control/machine.h"
#include "domain/domain.h"
#include "pv/assists.h"
#include "pv/bounce.h"

/* ---- nmi_op: <xen/nmi.h>; only domain 0's first vCPU is told of the machine's NMIs ----------- */

static long register_nmi_callback(struct vcpu *v, gva_t argument)
{
    struct xennmi_callback op;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    if (!guest_range_ok(gva(op.handler_address), 1)) {
        return -EINVAL;
    }
    v->nmi = (struct callback){.address = op.handler_address};
    return 0;
}

long hypercall_nmi_op(uint64_t cmd, gva_t argument)
{
    struct vcpu *v = current_vcpu();

    if (!v->domain->hardware || v->id != 0) {
        return -EINVAL;
    }
    switch ((uint32_t)cmd) {
    case XENNMI_register_callback:
        return register_nmi_callback(v, argument);
    case XENNMI_unregister_callback:
        v->nmi = (struct callback){0};
        return 0;
    default:
        return -ENOSYS;
    }
}

/* ---- vm_assist: the VMASST_TYPE_* of xen.h ----------------------------------------------------
 */

long hypercall_vm_assist(uint64_t cmd, uint64_t type)
{
    struct domain *d = current_vcpu()->domain;
    uint32_t number = (uint32_t)type;

    if (number >= 64 || (VM_ASSISTS >> number & 1) == 0) {
        return -EINVAL;
    }
    switch ((uint32_t)cmd) {
    case VMASST_CMD_enable:
        __atomic_fetch_or(&d->vm_assist, 1UL << number, __ATOMIC_SEQ_CST);
        pv_refresh_careful(current_vcpu());
        return 0;
    case VMASST_CMD_disable:
        __atomic_fetch_and(&d->vm_assist, ~(1UL << number), __ATOMIC_SEQ_CST);
        pv_refresh_careful(current_vcpu());
        return 0;
    default:
        return -ENOSYS;
    }
}

/* ---- hvm_op: there are no hardware-virtualised domains ----------------------------------------
 */

static long hvm_parameter(gva_t argument)
{
    struct xen_hvm_param op;
    struct domain *d;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    d = domain_get_self_or(op.domid);
    if (!d) {
        return -ESRCH;
    }
    domain_put(d);
    return -EINVAL; /* it has none: it is paravirtual */
}

long hypercall_hvm_op(uint64_t cmd, gva_t argument)
{
    switch ((uint32_t)cmd) {
    case HVMOP_set_param:
    case HVMOP_get_param:
        return hvm_parameter(argument);
    case HVMOP_flush_tlbs:
    case HVMOP_pagetable_dying:
    case HVMOP_get_time:
    case HVMOP_xentrace:
    case HVMOP_get_mem_type:
    case HVMOP_set_evtchn_upcall_vector:
    case HVMOP_guest_request_vm_event:
    case HVMOP_altp2m:
        return -EINVAL;
    default:
        return -ENOSYS;
    }
}

/* ---- kexec_op: where things lie can be asked, images can't be loaded ----------------------------
 */

static long get_kexec_range(gva_t argument)
{
    struct xen_kexec_range op;

    if (read_guest(&op, argument, 0) != 0) {
        return -EFAULT;
    }
    op.start = op.size = 0;
    switch (op.range) {
    case KEXEC_RANGE_MA_CRASH: /* no memory is set aside */
    case KEXEC_RANGE_MA_VMCOREINFO:
    case KEXEC_RANGE_MA_XENHEAP:
        break;
    case KEXEC_RANGE_MA_XEN:
        op.start = machine_facts.image_start;
        op.size = machine_facts.image_bytes;
        break;
    case KEXEC_RANGE_MA_CPU:
        return op.nr < 0 || (unsigned int)op.nr >= cpu_count ? -ERANGE : -EINVAL;
    default:
        return -EINVAL;
    }
    return write_guest(argument, 0, &op);
}

/* For what names an image that is loaded: `absent` where the type is right, as none ever is. */
static long kexec_image(gva_t argument, long absent)
{
    uint8_t type;

    if (read_guest(&type, argument, 0) != 0) {
        return -EFAULT;
    }
    return type == KEXEC_TYPE_DEFAULT || type == KEXEC_TYPE_CRASH ? absent : -EINVAL;
}

long hypercall_kexec_op(uint64_t cmd, gva_t argument)
{
    if (!current_vcpu()->domain->privileged) {
        return -EPERM;
    }
    switch ((uint32_t)cmd) {
    case KEXEC_CMD_kexec_get_range:
        return get_kexec_range(argument);
    case KEXEC_CMD_kexec_status:
        return kexec_image(argument, 0);
    case KEXEC_CMD_kexec_unload:
    case KEXEC_CMD_kexec:
        return kexec_image(argument, -ENOENT);
    default:
        return -ENOSYS;
    }
}

/* ---- what is not there at all -------------------------------------------------------------------
 */

long hypercall_xsm_op(gva_t argument)
{
    return -ENOSYS;
}

long hypercall_tmem_op(gva_t argument)
{
    return -ENOSYS;
}

long hypercall_xenoprof_op(uint64_t cmd, gva_t argument)
{
    return -ENOSYS;
}
