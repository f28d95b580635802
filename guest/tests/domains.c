// SPDX-License-Identifier: Apache-2.0
// How domains are made: createdomain, max_vcpus, max_mem and what each refuses (public header
// domctl.h).

#include "domu.h"
#include "foreign.h"
#include "tap.h"

static struct domu domu;

static long create_with(struct xen_domctl_createdomain config)
{
    long domid = domain_create(0, &config);

    if (domid >= 0) {
        (void)domain_destroy((domid_t)domid);
        (void)domain_wait_gone((domid_t)domid);
    }
    return domid;
}

#define CREATE_WITH(field, value)                                   \
    ({                                                              \
        struct xen_domctl_createdomain config_ = domain_defaults(); \
        config_.field = (value);                                    \
        create_with(config_);                                       \
    })

static domid_t create(void)
{
    struct xen_domctl_createdomain config = domain_defaults();

    return (domid_t)domain_create(0, &config);
}

static bool destroy(domid_t domid)
{
    return domain_destroy(domid) == 0 && domain_wait_gone(domid);
}

static long add_one(void *data)
{
    return *(int *)data + 1;
}

TEST("domain 0 builds a domain, and it runs")
{
    int number = 41;

    CHECK_OK(domu_start(&domu, NULL));
    CHECK_EQ(domu_call(&domu, add_one, &number, sizeof(number)), 42);
    CHECK(domu_kill(&domu));
}

TEST("another interface version is refused before anything is looked at")
{
    struct xen_domctl operation = {.cmd = XEN_DOMCTL_getdomaininfo,
                                   .interface_version = XEN_DOMCTL_INTERFACE_VERSION + 1};

    CHECK_ERR(hypercall1(__HYPERVISOR_domctl, POINTER(&operation)), XEN_EACCES);
    operation.interface_version = 0;
    CHECK_ERR(hypercall1(__HYPERVISOR_domctl, POINTER(&operation)), XEN_EACCES);
}

TEST("a command nobody knows gets -ENOSYS")
{
    struct xen_domctl operation = {0};

    CHECK_ERR(domctl(999, 0, &operation), XEN_ENOSYS);
}

TEST("an operation that cannot be read gets -EFAULT")
{
    CHECK_ERR(hypercall1(__HYPERVISOR_domctl, SPARE_VA), XEN_EFAULT);
}

TEST("a new domain is paused, has no memory and no vCPU")
{
    struct xen_domctl_getdomaininfo info;
    domid_t domid = create();

    CHECK_OK(domain_info(domid, &info));
    CHECK_EQ(info.flags & (XEN_DOMINF_dying | XEN_DOMINF_hvm_guest | XEN_DOMINF_shutdown), 0);
    CHECK(info.flags & XEN_DOMINF_paused);
    CHECK_EQ(info.tot_pages, 0);
    CHECK_EQ(info.nr_online_vcpus, 0);
    CHECK_EQ(info.max_vcpu_id, XEN_INVALID_MAX_VCPU_ID);
    CHECK_EQ(info.cpu_time, 0);
    CHECK(info.shared_info_frame != 0);
    CHECK(destroy(domid));
}

TEST("a domain gets the number that was asked for, if it is free")
{
    struct xen_domctl_createdomain config = domain_defaults();

    CHECK_EQ(domain_create(321, &config), 321);
    CHECK_ERR(domain_create(321, &config), XEN_EEXIST);
    CHECK(destroy(321));
    CHECK_EQ(domain_create(321, &config), 321);
    CHECK(destroy(321));
}

TEST("without a number, or with a reserved one, each domain gets one of its own")
{
    struct xen_domctl_createdomain config = domain_defaults();
    long first = domain_create(0, &config), second = domain_create(DOMID_INVALID, &config);
    long third = domain_create(DOMID_SELF, &config);

    CHECK(first > 0 && first < DOMID_FIRST_RESERVED);
    CHECK(second > 0 && second < DOMID_FIRST_RESERVED && second != first);
    CHECK(third > 0 && third < DOMID_FIRST_RESERVED && third != first && third != second);
    CHECK(destroy((domid_t)first));
    CHECK(destroy((domid_t)second));
    CHECK(destroy((domid_t)third));
}

TEST("a domain that was destroyed is not found any more")
{
    struct xen_domctl_getdomaininfo info;
    domid_t domid = create();

    CHECK(destroy(domid));
    CHECK_ERR(domain_info(domid, &info), XEN_ESRCH);
    CHECK_ERR(domain_destroy(domid), XEN_ESRCH);
    CHECK_ERR(domain_pause(domid), XEN_ESRCH);
    CHECK_ERR(domain_unpause(domid), XEN_ESRCH);
    CHECK_ERR(domain_max_mem(domid, 100), XEN_ESRCH);
    CHECK_ERR(domain_max_vcpus(domid, 1), XEN_ESRCH);
}

TEST("flags nobody knows are refused, and those a PV domain cannot have")
{
    CHECK_ERR(CREATE_WITH(flags, 1u << 30), XEN_EINVAL);
    CHECK_ERR(CREATE_WITH(flags, XEN_DOMCTL_CDF_hap), XEN_EINVAL);
}

TEST("a domain that is not PV is refused")
{
    CHECK(CREATE_WITH(flags, XEN_DOMCTL_CDF_hvm) < 0);
}

TEST("IOMMU options without an IOMMU are refused")
{
    CHECK_ERR(CREATE_WITH(iommu_opts, XEN_DOMCTL_IOMMU_no_sharept), XEN_EINVAL);
    CHECK_ERR(CREATE_WITH(iommu_opts, 1u << 20), XEN_EINVAL);
}

TEST("a domain of no vCPUs, or of too many, is refused")
{
    CHECK_ERR(CREATE_WITH(max_vcpus, 0), XEN_EINVAL);
    CHECK_ERR(CREATE_WITH(max_vcpus, 100000), XEN_EINVAL);
    CHECK_ERR(CREATE_WITH(max_vcpus, UINT32_MAX), XEN_EINVAL);
}

TEST("a grant table version that does not exist is refused")
{
    CHECK_ERR(CREATE_WITH(grant_opts, 0), XEN_EINVAL);
    CHECK_ERR(CREATE_WITH(grant_opts, 3), XEN_EINVAL);
    CHECK_ERR(CREATE_WITH(grant_opts, 0x10 | XEN_DOMCTL_GRANT_version(1)), XEN_EINVAL);
}

TEST("emulated devices are not for PV domains")
{
    CHECK_ERR(CREATE_WITH(arch.emulation_flags, XEN_X86_EMU_LAPIC), XEN_EOPNOTSUPP);
    CHECK_ERR(CREATE_WITH(arch.emulation_flags, 1u << 31), XEN_EINVAL);
}

TEST("architecture flags nobody knows are refused")
{
    CHECK_ERR(CREATE_WITH(arch.misc_flags, 1u << 31), XEN_EINVAL);
}

TEST("a trace buffer is refused where the processor cannot trace")
{
    CHECK_ERR(CREATE_WITH(vmtrace_size, PAGE_SIZE), XEN_EINVAL);
}

TEST("a CPU pool that does not exist is refused")
{
    CHECK(CREATE_WITH(cpupool_id, 77) < 0);
}

TEST("the handle it is created with is the domain's, until it gets another")
{
    struct xen_domctl_createdomain config = domain_defaults();
    struct xen_domctl_getdomaininfo info;
    struct xen_domctl operation = {0};
    domid_t domid;

    memset(config.handle, 0x5a, sizeof(config.handle));
    domid = (domid_t)domain_create(0, &config);
    CHECK_OK(domain_info(domid, &info));
    CHECK_EQ(memcmp(info.handle, config.handle, sizeof(config.handle)), 0);
    memset(operation.u.setdomainhandle.handle, 0xa5, sizeof(xen_domain_handle_t));
    CHECK_OK(domctl(XEN_DOMCTL_setdomainhandle, domid, &operation));
    CHECK_OK(domain_info(domid, &info));
    CHECK_EQ(info.handle[15], 0xa5);
    CHECK(destroy(domid));
}

TEST("max_vcpus takes the number of createdomain and no other")
{
    struct xen_domctl_createdomain config = domain_defaults();
    struct xen_domctl_getdomaininfo info;
    domid_t domid;

    config.max_vcpus = 3;
    domid = (domid_t)domain_create(0, &config);
    CHECK_ERR(domain_max_vcpus(domid, 0), XEN_EINVAL);
    CHECK_ERR(domain_max_vcpus(domid, 2), XEN_EINVAL);
    CHECK_ERR(domain_max_vcpus(domid, 4), XEN_EINVAL);
    CHECK_OK(domain_max_vcpus(domid, 3));
    CHECK_OK(domain_info(domid, &info));
    CHECK_EQ(info.max_vcpu_id, 2);
    CHECK_EQ(info.nr_online_vcpus, 0);
    CHECK_OK(domain_max_vcpus(domid, 3));
    CHECK(destroy(domid));
}

TEST("max_vcpus of the caller itself is refused")
{
    CHECK_ERR(domain_max_vcpus(0, 1), XEN_EINVAL);
}

// ---- memory -----------------------------------------------------------------------------------
static long populate(domid_t domid, unsigned count)
{
    static xen_pfn_t frames[64];
    struct xen_memory_reservation reservation = {.nr_extents = count, .domid = domid};

    for (unsigned i = 0; i < count; i++) {
        frames[i] = i;
    }
    set_xen_guest_handle(reservation.extent_start, frames);
    return memory_op(XENMEM_populate_physmap, &reservation);
}

TEST("a domain gets no more memory than max_mem allows")
{
    struct xen_domctl_getdomaininfo info;
    domid_t domid = create();

    CHECK_EQ(populate(domid, 1), 0);
    CHECK_OK(domain_max_mem(domid, 20 * 4));
    CHECK_EQ(populate(domid, 12), 12);
    CHECK_EQ(populate(domid, 12), 8);
    CHECK_EQ(populate(domid, 1), 0);
    CHECK_OK(domain_info(domid, &info));
    CHECK_EQ(info.tot_pages, 20);
    CHECK_EQ(info.max_pages, 20);
    CHECK(destroy(domid));
}

TEST("max_mem below what a domain has takes nothing away and lets nothing be added")
{
    struct xen_domctl_getdomaininfo info;
    domid_t domid = create();

    CHECK_OK(domain_max_mem(domid, 20 * 4));
    CHECK_EQ(populate(domid, 10), 10);
    CHECK_OK(domain_max_mem(domid, 5 * 4));
    CHECK_EQ(populate(domid, 1), 0);
    CHECK_OK(domain_info(domid, &info));
    CHECK_EQ(info.tot_pages, 10);
    CHECK_EQ(info.max_pages, 5);
    CHECK(destroy(domid));
}

TEST("all of a domain's memory comes back with its end")
{
    uint64_t before = free_frames_settled();
    domid_t domid = create();

    CHECK_OK(domain_max_vcpus(domid, 1));
    CHECK_OK(domain_max_mem(domid, 64 * 4));
    CHECK_EQ(populate(domid, 64), 64);
    CHECK(free_frames() <= before - 64);
    CHECK(destroy(domid));
    CHECK(free_frames_return_to(before));
}

// Whether a new domain's one frame is zero at first. It leaves something there.
static bool frame_is_zero(uint8_t fill)
{
    struct xen_memory_reservation reservation = {.nr_extents = 1, .domid = create()};
    domid_t domid = reservation.domid;
    xen_pfn_t frame = 0;
    uint8_t *page;
    bool zero = true;

    set_xen_guest_handle(reservation.extent_start, &frame);
    CHECK_OK(domain_max_mem(domid, 4));
    CHECK_EQ(memory_op(XENMEM_populate_physmap, &reservation), 1);
    page = foreign_map(domid, &frame, 1, PTE_KERNEL_RW, NULL);
    for (unsigned i = 0; page != NULL && i < PAGE_SIZE; i++) {
        zero = zero && page[i] == 0;
    }
    memset(page, fill, PAGE_SIZE);
    foreign_unmap(page, 1);
    CHECK(destroy(domid));
    return zero;
}

TEST("new memory is zero, whatever the last owner left there")
{
    for (unsigned i = 0; i < 8; i++) {
        CHECK(frame_is_zero(0xa5));
    }
}

TEST("memory that nobody has is not given")
{
    domid_t domid = create();
    struct xen_memory_reservation reservation = {
        .nr_extents = 1, .extent_order = 9, .domid = domid};
    xen_pfn_t frame = 0;

    set_xen_guest_handle(reservation.extent_start, &frame);
    CHECK_OK(domain_max_mem(domid, 1024));
    CHECK_EQ(memory_op(XENMEM_populate_physmap, &reservation), 0);
    CHECK(destroy(domid));
}

// ---- who may ----------------------------------------------------------------------------------
static long try_domctl(void *data)
{
    struct xen_domctl *operation = data;

    return hypercall1(__HYPERVISOR_domctl, POINTER(operation));
}

static long try_sysctl(void *data)
{
    return hypercall1(__HYPERVISOR_sysctl, POINTER(data));
}

TEST("domain 0 neither ends nor pauses itself")
{
    CHECK_ERR(domain_destroy(0), XEN_EINVAL);
    CHECK_ERR(domain_pause(0), XEN_EINVAL);
}

TEST("no other domain may make, look at or end domains")
{
    static const uint32_t commands[] = {
        XEN_DOMCTL_createdomain,   XEN_DOMCTL_destroydomain,  XEN_DOMCTL_pausedomain,
        XEN_DOMCTL_unpausedomain,  XEN_DOMCTL_getdomaininfo,  XEN_DOMCTL_max_mem,
        XEN_DOMCTL_getvcpucontext, XEN_DOMCTL_setvcpucontext, XEN_DOMCTL_max_vcpus,
        XEN_DOMCTL_getvcpuinfo,    XEN_DOMCTL_hypercall_init, XEN_DOMCTL_setdomainhandle,
    };
    struct xen_domctl operation;

    CHECK_OK(domu_start(&domu, NULL));
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        operation = (struct xen_domctl){.cmd = commands[i],
                                        .interface_version = XEN_DOMCTL_INTERFACE_VERSION};
        CHECK_ERR(domu_call(&domu, try_domctl, &operation, sizeof(operation)), XEN_EPERM);
        operation.domain = domu.domain.domid;
        CHECK_ERR(domu_call(&domu, try_domctl, &operation, sizeof(operation)), XEN_EPERM);
    }
}

TEST("no other domain may ask for the machine's state")
{
    struct xen_sysctl operation = {.cmd = XEN_SYSCTL_physinfo,
                                   .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

    CHECK_ERR(domu_call(&domu, try_sysctl, &operation, sizeof(operation)), XEN_EPERM);
    CHECK(domu_kill(&domu));
}
