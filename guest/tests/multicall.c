// SPDX-License-Identifier: Apache-2.0
// multicall: several calls in one (public header xen.h).

#include "tap.h"

static struct multicall_entry call(uint64_t op, uint64_t a0, uint64_t a1)
{
    return (struct multicall_entry){.op = op, .args = {a0, a1}};
}

static struct multicall_entry version_call(void)
{
    return call(__HYPERVISOR_xen_version, XENVER_version, 0);
}

TEST("each entry gets its own result, the call itself 0")
{
    struct multicall_entry calls[3] = {
        version_call(), call(__HYPERVISOR_xen_version, XENVER_pagesize, 0), version_call()};

    CHECK_OK(multicall(calls, 3));
    CHECK_EQ(calls[0].result, xen_version(XENVER_version, NULL));
    CHECK_EQ(calls[1].result, 4096);
    CHECK_EQ(calls[2].result, calls[0].result);
}

TEST("an entry that fails does not keep the next from being done")
{
    struct multicall_entry calls[3] = {call(__HYPERVISOR_xen_version, 99, 0), call(11, 0, 0),
                                       version_call()};

    CHECK_OK(multicall(calls, 3));
    CHECK_EQ(calls[0].result, -(uint64_t)XEN_ENOSYS);
    CHECK_EQ(calls[1].result, -(uint64_t)XEN_ENOSYS);
    CHECK_EQ(calls[2].result >> 16, 4);
}

TEST("arguments of an entry are as they were afterwards")
{
    struct multicall_entry calls[1] = {version_call()};

    calls[0].args[5] = 0x1234;
    CHECK_OK(multicall(calls, 1));
    CHECK_EQ(calls[0].op, __HYPERVISOR_xen_version);
    CHECK_EQ(calls[0].args[0], XENVER_version);
    CHECK_EQ(calls[0].args[5], 0x1234);
}

TEST("mappings and flushes of one call are done in order")
{
    char *page = page_alloc(), *other = page_alloc();
    struct mmuext_op flush = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};
    struct multicall_entry calls[3] = {
        {.op = __HYPERVISOR_update_va_mapping,
         .args = {POINTER(page), pte_of(other, PTE_KERNEL_RW), UVMF_NONE}},
        {.op = __HYPERVISOR_mmuext_op, .args = {POINTER(&flush), 1, 0, DOMID_SELF}},
        version_call()};

    other[0] = 9;
    CHECK_OK(multicall(calls, 3));
    CHECK_EQ(calls[0].result, 0);
    CHECK_EQ(calls[1].result, 0);
    CHECK_EQ(*(volatile char *)page, 9);
}

TEST("a multicall inside a multicall is refused")
{
    struct multicall_entry inner = version_call();
    struct multicall_entry calls[2] = {call(__HYPERVISOR_multicall, POINTER(&inner), 1),
                                       version_call()};

    CHECK_OK(multicall(calls, 2));
    CHECK_EQ(calls[0].result, -(uint64_t)XEN_EINVAL);
    CHECK_EQ(calls[1].result >> 16, 4);
}

TEST("more entries than any batch are done whole")
{
    enum { COUNT = 300 };
    static struct multicall_entry calls[COUNT];
    unsigned wrong = 0;

    for (unsigned i = 0; i < COUNT; i++) {
        calls[i] = version_call();
    }
    CHECK_OK(multicall(calls, COUNT));
    for (unsigned i = 0; i < COUNT; i++) {
        wrong += calls[i].result >> 16 != 4;
    }
    CHECK_EQ(wrong, 0);
}

TEST("no entries are done at once")
{
    CHECK_OK(multicall(NULL, 0));
}

TEST("entries that are not there get -EFAULT")
{
    CHECK_ERR(multicall((void *)SPARE_VA, 1), XEN_EFAULT);
}

TEST("entries whose end is not there are done up to there, then -EFAULT")
{
    char *page = page_alloc();
    struct multicall_entry *last = (struct multicall_entry *)(page + PAGE_SIZE) - 1;
    void *gap = map_spare(SPARE_VA);

    CHECK_OK(update_va_mapping(gap, pte_of(page, PTE_KERNEL_RW), UVMF_INVLPG));
    CHECK_OK(update_va_mapping((char *)gap + PAGE_SIZE, 0, UVMF_INVLPG));
    *last = version_call();
    last = (struct multicall_entry *)((char *)gap + PAGE_SIZE) - 1;
    CHECK_ERR(multicall(last, 2), XEN_EFAULT);
}

TEST("an entry on a read-only page cannot take its result")
{
    struct multicall_entry *calls = page_alloc();

    calls[0] = version_call();
    CHECK_OK(page_make_readonly(calls));
    CHECK_ERR(multicall(calls, 1), XEN_EFAULT);
    CHECK_EQ(calls[0].result, 0);
}
