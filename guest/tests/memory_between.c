// SPDX-License-Identifier: Apache-2.0
// What domain 0 settles about another domain's memory, and what only translated guests have (public
// header memory.h): claims, memory maps, resources mapped; physmap, populate on demand, sharing.

#include "domu.h"
#include "foreign.h"
#include "tap.h"

static struct domu domu;

struct e820_entry {
    uint64_t addr, size;
    uint32_t type;
} __attribute__((packed));

static long claim(domid_t domid, uint64_t pages)
{
    struct xen_memory_reservation request = {.nr_extents = pages, .domid = domid};

    return memory_op(XENMEM_claim_pages, &request);
}

static uint64_t claimed(void)
{
    struct xen_domctl_getdomaininfo info;

    CHECK_OK(domain_info(domu.domain.domid, &info));
    return info.outstanding_pages;
}

TEST("a domain to look at is built")
{
    CHECK_OK(domu_start(&domu, NULL));
    CHECK_OK(domain_max_mem(domu.domain.domid, (domu.domain.frame_count + 64) * 4));
}

// ---- claims -----------------------------------------------------------------------------------
TEST("a claim is of what is missing from the number, and shows")
{
    CHECK_OK(claim(domu.domain.domid, domu.domain.frame_count + 32));
    CHECK(claimed() >= 32);
    CHECK_OK(claim(domu.domain.domid, 0));
    CHECK_EQ(claimed(), 0);
}

TEST("a claim beyond the domain's maximum, or a second one, is refused")
{
    CHECK_ERR(claim(domu.domain.domid, domu.domain.frame_count + 1000), XEN_EINVAL);
    CHECK_OK(claim(domu.domain.domid, domu.domain.frame_count + 16));
    CHECK_ERR(claim(domu.domain.domid, domu.domain.frame_count + 17), XEN_EINVAL);
    CHECK_OK(claim(domu.domain.domid, 0));
    // -ESRCH here, -EINVAL on the reference, where the header says nothing.
    CHECK(claim(77, 1) < 0);
}

TEST("of more than the machine has free nothing is claimed")
{
    CHECK_OK(domain_max_mem(domu.domain.domid, 1ul << 32));
    CHECK_ERR(claim(domu.domain.domid, 1ul << 24), XEN_ENOMEM);
    CHECK_EQ(claimed(), 0);
}

// ---- memory maps ------------------------------------------------------------------------------
static struct xen_foreign_memory_map map_of_one(struct e820_entry *entry)
{
    struct xen_foreign_memory_map request = {.domid = domu.domain.domid, .map.nr_entries = 1};

    set_xen_guest_handle(request.map.buffer, entry);
    return request;
}

static long first_entry_size(void *data)
{
    struct e820_entry entries[4];
    struct xen_memory_map map = {.nr_entries = 4};
    long error;

    set_xen_guest_handle(map.buffer, entries);
    error = memory_op(XENMEM_memory_map, &map);
    return error != 0 ? error : (long)entries[0].size;
}

TEST("the memory map that domain 0 sets is the one that the domain reads")
{
    static struct e820_entry entry = {.addr = 0, .size = 0x1234000, .type = 1};
    struct xen_foreign_memory_map request = map_of_one(&entry);
    int none = 0;

    CHECK_ERR(domu_call(&domu, first_entry_size, &none, 0), XEN_ENOSYS);
    CHECK_OK(memory_op(XENMEM_set_memory_map, &request));
    CHECK_EQ(domu_call(&domu, first_entry_size, &none, 0), 0x1234000);
}

TEST("a map of too many entries, one that cannot be read, or of no domain is refused")
{
    static struct e820_entry entry;
    struct xen_foreign_memory_map request = map_of_one(&entry);

    request.map.nr_entries = 100000;
    CHECK_ERR(memory_op(XENMEM_set_memory_map, &request), XEN_EINVAL);
    request = map_of_one((struct e820_entry *)SPARE_VA);
    CHECK_ERR(memory_op(XENMEM_set_memory_map, &request), XEN_EFAULT);
    request = map_of_one(&entry);
    request.domid = 77;
    CHECK_ERR(memory_op(XENMEM_set_memory_map, &request), XEN_ESRCH);
}

// ---- resources --------------------------------------------------------------------------------
static struct xen_mem_acquire_resource grant_frames(unsigned count, xen_pfn_t *list)
{
    struct xen_mem_acquire_resource request = {.domid = domu.domain.domid,
                                               .type = XENMEM_resource_grant_table,
                                               .id = XENMEM_resource_grant_table_id_shared,
                                               .nr_frames = count};

    set_xen_guest_handle(request.frame_list, list);
    return request;
}

TEST("the size of a domain's grant table is told, and its frames")
{
    static xen_pfn_t list[2];
    struct xen_mem_acquire_resource request = grant_frames(0, NULL);

    CHECK_OK(memory_op(XENMEM_acquire_resource, &request));
    CHECK(request.nr_frames != 0);
    request = grant_frames(1, list);
    CHECK_OK(memory_op(XENMEM_acquire_resource, &request));
    CHECK(list[0] != 0);
}

TEST("a frame of it can be mapped by domain 0")
{
    xen_pfn_t frame = 0;
    struct xen_mem_acquire_resource request = grant_frames(1, &frame);
    void *page;

    CHECK_OK(memory_op(XENMEM_acquire_resource, &request));
    page = foreign_map(domu.domain.domid, &frame, 1, PTE_KERNEL_RW, NULL);
    CHECK(page != NULL);
    if (page != NULL) {
        foreign_unmap(page, 1);
    }
}

TEST("resources that are none, padding that is not zero, and no domain are refused")
{
    xen_pfn_t frame;
    struct xen_mem_acquire_resource request = grant_frames(1, &frame);

    request.type = 99;
    CHECK(memory_op(XENMEM_acquire_resource, &request) < 0);
    request = grant_frames(1, &frame);
    request.id = 99;
    CHECK_ERR(memory_op(XENMEM_acquire_resource, &request), XEN_EINVAL);
    request = grant_frames(1, &frame);
    request.pad = 1;
    CHECK_ERR(memory_op(XENMEM_acquire_resource, &request), XEN_EINVAL);
    request = grant_frames(1, &frame);
    request.domid = 77;
    CHECK_ERR(memory_op(XENMEM_acquire_resource, &request), XEN_ESRCH);
}

// ---- what only translated guests have ---------------------------------------------------------
TEST("the last pseudo-physical frame is beyond all that the domain has")
{
    domid_t domid = DOMID_SELF;

    CHECK(memory_op(XENMEM_maximum_gpfn, &domid) >= 0);
    domid = 77;
    CHECK_ERR(memory_op(XENMEM_maximum_gpfn, &domid), XEN_ESRCH);
}

TEST("frames are not put into a physmap that there is not")
{
    struct xen_add_to_physmap add = {.domid = domu.domain.domid, .space = XENMAPSPACE_gmfn};
    struct xen_add_to_physmap_batch batch = {.domid = domu.domain.domid,
                                             .space = XENMAPSPACE_gmfn_foreign,
                                             .size = 1,
                                             .u.foreign_domid = DOMID_SELF};
    struct xen_remove_from_physmap remove = {.domid = domu.domain.domid};

    CHECK(memory_op(XENMEM_add_to_physmap, &add) < 0);
    CHECK(memory_op(XENMEM_add_to_physmap_batch, &batch) < 0);
    CHECK(memory_op(XENMEM_remove_from_physmap, &remove) < 0);
}

TEST("nothing is populated on demand, and nothing is shared")
{
    struct xen_pod_target target = {.domid = domu.domain.domid};

    CHECK(memory_op(XENMEM_get_pod_target, &target) < 0);
    CHECK(memory_op(XENMEM_set_pod_target, &target) < 0);
    CHECK_EQ(memory_op(XENMEM_get_sharing_freed_pages, NULL), 0);
    CHECK_EQ(memory_op(XENMEM_get_sharing_shared_pages, NULL), 0);
}

TEST("there is no list for 32-bit tools, no virtual NUMA and no reserved memory of devices to tell")
{
    struct xen_machphys_mfn_list list = {.max_extents = 1};
    struct xen_vnuma_topology_info numa = {.domid = DOMID_SELF};
    struct xen_reserved_device_memory_map reserved = {.nr_entries = 0};

    CHECK(memory_op(XENMEM_machphys_compat_mfn_list, &list) <= 0);
    CHECK(memory_op(XENMEM_get_vnumainfo, &numa) < 0);
    CHECK(memory_op(XENMEM_reserved_device_memory_map, &reserved) <= 0);
}

static long try_claim(void *data)
{
    return claim(*(domid_t *)data, 1);
}

TEST("no other domain claims memory")
{
    domid_t domid = domu.domain.domid;

    CHECK_ERR(domu_call(&domu, try_claim, &domid, sizeof(domid)), XEN_EPERM);
    CHECK(domu_kill(&domu));
}
