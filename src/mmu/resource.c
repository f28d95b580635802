// SPDX-License-Identifier: Apache-2.0
// XENMEM_acquire_resource: pages that Pavise shares with a domain, for the tools that fill them in.
#include "mmu/memory_op.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "grant/grant.h"

typedef mfn_t (*frame_source_t)(struct domain *d, uint32_t index);

/* Control pages of device models, and traces, are of domains with hardware assistance only. */
static int find_source(const struct xen_mem_acquire_resource *r, frame_source_t *source)
{
    if (r->type == XENMEM_resource_ioreq_server || r->type == XENMEM_resource_vmtrace_buf) {
        return -EINVAL;
    }
    if (r->type != XENMEM_resource_grant_table) {
        return -EOPNOTSUPP;
    }
    switch (r->id) {
    case XENMEM_resource_grant_table_id_shared:
        *source = grant_shared_frame;
        return 0;
    case XENMEM_resource_grant_table_id_status:
        *source = grant_status_frame;
        return 0;
    default:
        return -EINVAL;
    }
}

/* A table grows when it is asked for: its size is what it can be. */
static uint32_t size_of(struct domain *d, frame_source_t source)
{
    uint32_t frames = 0;

    if (source == grant_shared_frame) {
        return grant_most_frames(d);
    }
    while (source(d, frames).n != MFN_INVALID) {
        frames++;
    }
    return frames;
}

static int list_frames(struct domain *d, frame_source_t source,
                       const struct xen_mem_acquire_resource *r)
{
    int error;

    if (r->frame > UINT32_MAX || r->nr_frames > UINT32_MAX - (uint32_t)r->frame) {
        return -EINVAL;
    }
    if (source == grant_shared_frame) {
        error = grant_have_frames(d, (uint32_t)r->frame + r->nr_frames);
        if (error != 0) {
            return error;
        }
    }
    for (uint32_t i = 0; i < r->nr_frames; i++) {
        xen_pfn_t frame = source(d, (uint32_t)r->frame + i).n;
        if (frame == MFN_INVALID) {
            return -EINVAL;
        }
        if (write_guest(gva((uint64_t)r->frame_list.p), i, &frame) != 0) {
            return -EFAULT;
        }
    }
    return 0;
}

static long acquire(struct domain *d, struct xen_mem_acquire_resource *r, gva_t argument)
{
    frame_source_t source;
    int error = find_source(r, &source);

    if (error != 0) {
        return error;
    }
    if (r->frame_list.p) {
        return list_frames(d, source, r);
    }
    if (r->nr_frames != 0) {
        return -EINVAL;
    }
    r->nr_frames = size_of(d, source);
    return write_guest(argument, 0, r) != 0 ? -EFAULT : 0;
}

/* The caller maps the frames as the domain's own, so it has to be allowed to map any of them. */
long memop_acquire_resource(gva_t argument)
{
    const struct domain *self = current_vcpu()->domain;
    struct xen_mem_acquire_resource r;
    struct domain *d;
    long result;

    if (read_guest(&r, argument, 0) != 0) {
        return -EFAULT;
    }
    if (r.pad != 0) {
        return -EINVAL;
    }
    d = domain_get(r.domid);
    if (!d) {
        return -ESRCH;
    }
    result = d != self && self->privileged ? acquire(d, &r, argument) : -EPERM;
    domain_put(d);
    return result;
}
