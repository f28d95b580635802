// SPDX-License-Identifier: Apache-2.0
// domctl's commands, a class of them a file; domctl.c has the table.
//
// Each takes the operation as it was copied in, and leaves its answer there. `d` is the domain that
// the operation names, referenced (NULL where the command finds its own); one that is dying is not
// refused by itself. The caller is privileged, and no other CPU is in a domctl. HYPERCALL_RESTART:
// to be issued again with the same operation; what was done stays done.
#pragma once

#include "abi/xen.h"
#include "domain/domain.h"
#include "lib/compiler.h"

/*
 * One command at a time, whoever asks: one that waits for another vCPU to leave its CPU could else
 * wait for one that waits for it. It is never waited for.
 */
extern spinlock_t domctl_lock;

/* The domain's vCPU of that number; NULL: there is none (yet). */
static inline struct vcpu *domctl_vcpu(const struct domain *d, uint32_t id)
{
    return id < d->max_vcpus ? __atomic_load_n(&d->vcpus[id], __ATOMIC_ACQUIRE) : NULL;
}

/* domctl_create.c: XEN_DOMCTL_createdomain and the vCPUs that belong to it */
long domctl_create(struct domain *none, struct xen_domctl *op);
long domctl_max_vcpus(struct domain *d, struct xen_domctl *op);

/* domctl_life.c: running, not running, and the end */
long domctl_destroy(struct domain *d, struct xen_domctl *op);
long domctl_pause(struct domain *d, struct xen_domctl *op);
long domctl_unpause(struct domain *d, struct xen_domctl *op);
long domctl_resume(struct domain *d, struct xen_domctl *op);
long domctl_subscribe(struct domain *d, struct xen_domctl *op);

/* domctl_info.c: small properties of a domain */
long domctl_get_info(struct domain *none, struct xen_domctl *op);
long domctl_set_handle(struct domain *d, struct xen_domctl *op);
long domctl_set_time_offset(struct domain *d, struct xen_domctl *op);
long domctl_get_address_size(struct domain *d, struct xen_domctl *op);
long domctl_set_address_size(struct domain *d, struct xen_domctl *op);
long domctl_get_node_affinity(struct domain *d, struct xen_domctl *op);
long domctl_set_node_affinity(struct domain *d, struct xen_domctl *op);
long domctl_set_virq_handler(struct domain *d, struct xen_domctl *op);

/* domctl_vcpu.c: a vCPU's registers */
long domctl_set_context(struct domain *d, struct xen_domctl *op);
long domctl_get_context(struct domain *d, struct xen_domctl *op);
long domctl_send_trigger(struct domain *d, struct xen_domctl *op);

/* domctl_memory.c */
long domctl_max_memory(struct domain *d, struct xen_domctl *op);
long domctl_hypercall_page(struct domain *d, struct xen_domctl *op);

/* domctl_pages.c */
long domctl_page_info(struct domain *d, struct xen_domctl *op);
long domctl_shadow(struct domain *d, struct xen_domctl *op);

/* domctl_access.c: rights to devices */
long domctl_ioport_permission(struct domain *d, struct xen_domctl *op);
long domctl_iomem_permission(struct domain *d, struct xen_domctl *op);
long domctl_irq_permission(struct domain *d, struct xen_domctl *op);
long domctl_memory_mapping(struct domain *d, struct xen_domctl *op);

/* domctl_registers.c: what a vCPU's context has no room for */
long domctl_get_ext_context(struct domain *d, struct xen_domctl *op);
long domctl_set_ext_context(struct domain *d, struct xen_domctl *op);
long domctl_get_extended_state(struct domain *d, struct xen_domctl *op);
long domctl_set_extended_state(struct domain *d, struct xen_domctl *op);
long domctl_get_msrs(struct domain *d, struct xen_domctl *op);
long domctl_set_msrs(struct domain *d, struct xen_domctl *op);

/* domctl_policy.c: CPUID as the domain sees it */
long domctl_get_policy(struct domain *d, struct xen_domctl *op);
long domctl_set_policy(struct domain *d, struct xen_domctl *op);

/* domctl_time.c */
long domctl_get_tsc(struct domain *d, struct xen_domctl *op);
long domctl_set_tsc(struct domain *d, struct xen_domctl *op);

/* domctl_debug.c */
long domctl_set_debugging(struct domain *d, struct xen_domctl *op);
long domctl_debug_memory(struct domain *d, struct xen_domctl *op);
long domctl_debug_pause(struct domain *d, struct xen_domctl *op);
long domctl_debug_unpause(struct domain *d, struct xen_domctl *op);
long domctl_debug_status(struct domain *d, struct xen_domctl *op);

/* domctl_sched.c: where and how much a domain's vCPUs run */
long domctl_get_vcpu_info(struct domain *d, struct xen_domctl *op);
long domctl_set_affinity(struct domain *d, struct xen_domctl *op);
long domctl_get_affinity(struct domain *d, struct xen_domctl *op);
long domctl_scheduler(struct domain *d, struct xen_domctl *op);
