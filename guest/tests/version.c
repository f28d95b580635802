// SPDX-License-Identifier: Apache-2.0
// xen_version: who the hypervisor is and what it offers (public header version.h).

#include "tap.h"

static bool ends_within(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\0') {
            return true;
        }
    }
    return false;
}

TEST("the version is 4.17")
{
    CHECK_EQ(xen_version(XENVER_version, NULL), 4 << 16 | 17);
}

TEST("the extra version is a terminated string")
{
    xen_extraversion_t extra;

    memset(extra, 0xff, sizeof(extra));
    CHECK_OK(xen_version(XENVER_extraversion, extra));
    CHECK(ends_within(extra, sizeof(extra)));
}

TEST("compile information is terminated strings")
{
    struct xen_compile_info info;

    memset(&info, 0xff, sizeof(info));
    CHECK_OK(xen_version(XENVER_compile_info, &info));
    CHECK(ends_within(info.compiler, sizeof(info.compiler)));
    CHECK(ends_within(info.compile_by, sizeof(info.compile_by)));
    CHECK(ends_within(info.compile_domain, sizeof(info.compile_domain)));
    CHECK(ends_within(info.compile_date, sizeof(info.compile_date)));
}

TEST("the capabilities name 64-bit guests of interface 3.0")
{
    static xen_capabilities_info_t capabilities;

    CHECK_OK(xen_version(XENVER_capabilities, capabilities));
    CHECK(strstr(capabilities, "xen-3.0-x86_64") != NULL);
}

TEST("the change set is a terminated string")
{
    xen_changeset_info_t changeset;

    memset(changeset, 0xff, sizeof(changeset));
    CHECK_OK(xen_version(XENVER_changeset, changeset));
    CHECK(ends_within(changeset, sizeof(changeset)));
}

TEST("the hypervisor's range starts where the header says")
{
    struct xen_platform_parameters parameters;

    CHECK_OK(xen_version(XENVER_platform_parameters, &parameters));
    CHECK_EQ(parameters.virt_start, HYPERVISOR_VIRT_START);
}

static uint32_t features(unsigned submap)
{
    struct xen_feature_info info = {.submap_idx = submap};

    CHECK_OK(xen_version(XENVER_get_features, &info));
    return info.submap;
}

TEST("features: PRESERVE_AD, clearing of pages, available PTE bits of grants, domain 0")
{
    uint32_t map = features(0);

    CHECK(map & 1u << XENFEAT_mmu_pt_update_preserve_ad);
    CHECK(map & 1u << XENFEAT_highmem_assist);
    CHECK(map & 1u << XENFEAT_gnttab_map_avail_bits);
    CHECK(map & 1u << XENFEAT_dom0);
}

TEST("features a PV guest does not have: translated memory, ring 0")
{
    uint32_t map = features(0);

    CHECK_EQ(map & 1u << XENFEAT_auto_translated_physmap, 0);
    CHECK_EQ(map & 1u << XENFEAT_supervisor_mode_kernel, 0);
    CHECK_EQ(map & 1u << XENFEAT_writable_descriptor_tables, 0);
}

TEST("a domain that works with machine frames is told that it is direct-mapped")
{
    CHECK(features(0) & 1u << XENFEAT_direct_mapped);
    CHECK_EQ(features(0) & 1u << XENFEAT_not_direct_mapped, 0);
}

TEST("a feature map beyond the last is refused")
{
    struct xen_feature_info info = {.submap_idx = XENFEAT_NR_SUBMAPS};

    CHECK_ERR(xen_version(XENVER_get_features, &info), XEN_EINVAL);
}

TEST("the page size is 4096")
{
    CHECK_EQ(xen_version(XENVER_pagesize, NULL), 4096);
}

TEST("domain 0's handle is zero")
{
    xen_domain_handle_t handle, zero = {0};

    memset(handle, 0xff, sizeof(handle));
    CHECK_OK(xen_version(XENVER_guest_handle, handle));
    CHECK_EQ(memcmp(handle, zero, sizeof(handle)), 0);
}

TEST("the hypervisor's command line names its console")
{
    static xen_commandline_t line;

    CHECK_OK(xen_version(XENVER_commandline, line));
    CHECK(strstr(line, "console=com1") != NULL);
}

TEST("a build id without room gets its size, with too little -ENOBUFS")
{
    static uint32_t room[32];
    struct xen_build_id *id = (struct xen_build_id *)room;
    long size = xen_version(XENVER_build_id, NULL);

    CHECK(size > 0 && size <= 64);
    id->len = 1;
    CHECK_ERR(xen_version(XENVER_build_id, id), XEN_ENOBUFS);
    id->len = 64;
    CHECK_EQ(xen_version(XENVER_build_id, id), size);
}

TEST("a sub-command nobody knows gets -ENOSYS")
{
    CHECK_ERR(xen_version(99, NULL), XEN_ENOSYS);
}
