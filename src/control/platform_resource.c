// SPDX-License-Identifier: Apache-2.0
// XENPF_resource_op: a few model-specific registers of one CPU, in one go.
#include "abi/errno.h"
#include "arch/guest.h"
#include "arch/msr.h"
#include "base/cpu.h"
#include "base/cpu_call.h"
#include "control/platform_op.h"
#include "time/time.h"

#define MAX_RESOURCE_ENTRIES 3

#define MSR_IA32_TSC     0x10
#define MSR_QM_EVTSEL    0xc8d
#define MSR_QM_COUNTER   0xc8e
#define MSR_PKG_TEMP_LOW 0x1b1

/* Monitoring, which shows nothing of any domain's secrets but traffic; and time. */
static bool resource_allowed(const struct xenpf_resource_entry *entry)
{
    switch (entry->idx) {
    case MSR_IA32_TSC:
        return entry->u.cmd == XEN_RESOURCE_OP_MSR_READ;
    case MSR_QM_EVTSEL:
        return true;
    case MSR_QM_COUNTER:
    case MSR_PKG_TEMP_LOW:
        return entry->u.cmd == XEN_RESOURCE_OP_MSR_READ;
    default:
        return false;
    }
}

/* Leaves the entry's answer in it: its value, or in `ret` what is wrong. */
static int access_resource(struct xenpf_resource_entry *entry)
{
    if (entry->rsvd != 0) {
        return -EINVAL;
    }
    if (entry->u.cmd != XEN_RESOURCE_OP_MSR_READ && entry->u.cmd != XEN_RESOURCE_OP_MSR_WRITE) {
        return -EOPNOTSUPP;
    }
    if (!resource_allowed(entry)) {
        return -EPERM;
    }
    if (entry->idx == MSR_IA32_TSC) {
        entry->val = time_now_ns();
        return 0;
    }
    return entry->u.cmd == XEN_RESOURCE_OP_MSR_READ
               ? arch_rdmsr_safe((uint32_t)entry->idx, &entry->val)
               : arch_wrmsr_safe((uint32_t)entry->idx, entry->val);
}

struct resource_batch {
    struct xenpf_resource_entry entry[MAX_RESOURCE_ENTRIES];
    uint32_t count;
    uint32_t worked; /* how many of them, from the first */
};

/* On the CPU whose registers they are, nothing in between. */
static void access_resources(void *argument)
{
    struct resource_batch *b = argument;

    for (b->worked = 0; b->worked < b->count; b->worked++) {
        struct xenpf_resource_entry *entry = &b->entry[b->worked];
        int error = access_resource(entry);
        if (error != 0) {
            entry->u.ret = error;
            return;
        }
    }
}

/* The number of entries that worked; the one after them says why it did not. */
long platform_resource(const struct xenpf_resource_op *op)
{
    gva_t entries = gva((uint64_t)op->entries.p);
    struct resource_batch batch = {.count = op->nr_entries};

    if (op->nr_entries > MAX_RESOURCE_ENTRIES) {
        return -EINVAL;
    }
    if (op->cpu >= cpu_count || !cpu_is_online(op->cpu)) {
        return -ENODEV;
    }
    for (uint32_t i = 0; i < batch.count; i++) {
        if (read_guest(&batch.entry[i], entries, i) != 0) {
            return -EFAULT;
        }
    }
    cpu_call(1ULL << op->cpu, access_resources, &batch);
    for (uint32_t i = 0; i < MIN(batch.worked + 1, batch.count); i++) {
        if (write_guest(entries, i, &batch.entry[i]) != 0) {
            return -EFAULT;
        }
    }
    return batch.worked;
}
