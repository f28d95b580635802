// SPDX-License-Identifier: Apache-2.0
// mmuext_op beside pinning: base pointers, flushes, clearing and copying frames (xen.h).

#include "tap.h"
#include "user.h"

USER_CODE(user_ud, "ud2");

static long with_mask(unsigned command, const void *va, const void *mask)
{
    struct mmuext_op op = {.cmd = command, .arg1.linear_addr = POINTER(va)};

    set_xen_guest_handle(op.arg2.vcpumask, mask);
    return mmuext_op(&op, 1, NULL, DOMID_SELF);
}

TEST("TLB_FLUSH_LOCAL and INVLPG_LOCAL are done")
{
    CHECK_OK(mmuext_address(MMUEXT_TLB_FLUSH_LOCAL, NULL));
    CHECK_OK(mmuext_address(MMUEXT_INVLPG_LOCAL, page_alloc()));
}

TEST("TLB_FLUSH_ALL and INVLPG_ALL are done")
{
    CHECK_OK(mmuext_address(MMUEXT_TLB_FLUSH_ALL, NULL));
    CHECK_OK(mmuext_address(MMUEXT_INVLPG_ALL, page_alloc()));
}

TEST("TLB_FLUSH_MULTI and INVLPG_MULTI take a bitmap of vCPUs")
{
    static uint64_t mask = 1;

    CHECK_OK(with_mask(MMUEXT_TLB_FLUSH_MULTI, NULL, &mask));
    CHECK_OK(with_mask(MMUEXT_INVLPG_MULTI, page_alloc(), &mask));
}

TEST("a bitmap may name vCPUs that do not exist")
{
    static uint64_t mask = UINT64_MAX;

    CHECK_OK(with_mask(MMUEXT_TLB_FLUSH_MULTI, NULL, &mask));
}

TEST("a bitmap that is not there gets -EINVAL")
{
    CHECK_ERR(with_mask(MMUEXT_TLB_FLUSH_MULTI, NULL, (void *)SPARE_VA), XEN_EINVAL);
    CHECK_ERR(with_mask(MMUEXT_INVLPG_MULTI, NULL, (void *)SPARE_VA), XEN_EINVAL);
}

TEST("INVLPG of an address that is not canonical is harmless")
{
    CHECK_OK(mmuext_address(MMUEXT_INVLPG_LOCAL, (void *)0x900000000000));
}

TEST("FLUSH_CACHE is done for a domain with I/O memory")
{
    CHECK_OK(mmuext_address(MMUEXT_FLUSH_CACHE, NULL));
    CHECK_OK(mmuext_address(MMUEXT_FLUSH_CACHE_GLOBAL, NULL));
}

TEST("CLEAR_PAGE clears a frame")
{
    uint64_t *page = page_alloc();

    page[0] = 1, page[511] = 2;
    CHECK_OK(mmuext_frame(MMUEXT_CLEAR_PAGE, virt_to_mfn(page)));
    CHECK_EQ(page[0], 0);
    CHECK_EQ(page[511], 0);
}

TEST("CLEAR_PAGE refuses a page table and a frame that is not the domain's")
{
    uint64_t table = virt_to_mfn(pte_lookup(page_alloc(), 1));

    CHECK(mmuext_frame(MMUEXT_CLEAR_PAGE, table) < 0);
    CHECK(mmuext_frame(MMUEXT_CLEAR_PAGE, 1ul << 40) < 0);
}

static long super_for(unsigned command, uint64_t mfn, domid_t whose)
{
    struct mmuext_op op = {.cmd = command, .arg1.mfn = mfn};

    return mmuext_op(&op, 1, NULL, whose);
}

TEST(
    "superpages are not to be had: MARK_SUPER and UNMARK_SUPER get -EOPNOTSUPP, whatever the frame")
{
    uint64_t own = virt_to_mfn(page_alloc());
    uint64_t frames[] = {own & ~511ul, own | 1, 1ul << 40, 0};

    for (unsigned i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        CHECK_ERR(super_for(MMUEXT_MARK_SUPER, frames[i], DOMID_SELF), XEN_EOPNOTSUPP);
        CHECK_ERR(super_for(MMUEXT_UNMARK_SUPER, frames[i], DOMID_SELF), XEN_EOPNOTSUPP);
    }
}

TEST("and so it is for frames of others; a domain that is not there comes first")
{
    CHECK_ERR(super_for(MMUEXT_MARK_SUPER, 0, DOMID_IO), XEN_EOPNOTSUPP);
    CHECK_ERR(super_for(MMUEXT_MARK_SUPER, 0, DOMID_XEN), XEN_EOPNOTSUPP);
    CHECK_ERR(super_for(MMUEXT_MARK_SUPER, 0, 1234), XEN_ESRCH);
}

TEST("the command after the last one gets -ENOSYS")
{
    CHECK_ERR(super_for(MMUEXT_UNMARK_SUPER + 1, 0, DOMID_SELF), XEN_ENOSYS);
}

TEST("COPY_PAGE copies a frame")
{
    uint64_t *from = page_alloc(), *to = page_alloc();
    struct mmuext_op op = {.cmd = MMUEXT_COPY_PAGE, .arg1.mfn = virt_to_mfn(to)};

    from[0] = 0x1111, from[511] = 0x2222;
    op.arg2.src_mfn = virt_to_mfn(from);
    CHECK_OK(mmuext_op(&op, 1, NULL, DOMID_SELF));
    CHECK_EQ(to[0], 0x1111);
    CHECK_EQ(to[511], 0x2222);
}

TEST("COPY_PAGE reads page tables but does not write them")
{
    uint64_t *page = page_alloc();
    const uint64_t *pte = pte_lookup(page, 1);
    struct mmuext_op op = {.cmd = MMUEXT_COPY_PAGE, .arg1.mfn = virt_to_mfn(page)};

    op.arg2.src_mfn = virt_to_mfn(pte);
    CHECK_OK(mmuext_op(&op, 1, NULL, DOMID_SELF));
    CHECK_EQ(page[table_index(POINTER(page), 1)] & PTE_FRAME, *pte & PTE_FRAME);
    op.arg1.mfn = virt_to_mfn(pte);
    op.arg2.src_mfn = virt_to_mfn(page);
    CHECK(mmuext_op(&op, 1, NULL, DOMID_SELF) < 0);
}

static uint64_t read_cr3(void)
{
    uint64_t cr3;

    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    return cr3;
}

TEST("NEW_BASEPTR with the base in use changes nothing")
{
    uint64_t base = read_cr3() >> PAGE_SHIFT;

    CHECK_OK(mmuext_frame(MMUEXT_NEW_BASEPTR, base));
    CHECK_EQ(read_cr3() >> PAGE_SHIFT, base);
}

// A second top-level table with the same kernel as the live one.
static uint64_t *second_base(void)
{
    uint64_t *l4 = page_alloc();
    const uint64_t *live = live_l4();

    for (unsigned slot = 0; slot < TABLE_ENTRIES; slot++) {
        l4[slot] = slot >= 256 && slot < 272 ? 0 : live[slot];
    }
    CHECK_OK(page_make_readonly(l4));
    return l4;
}

TEST("NEW_BASEPTR loads another top-level table, unpinned too, and back")
{
    uint64_t first = read_cr3() >> PAGE_SHIFT;
    uint64_t *l4 = second_base();

    CHECK_OK(mmuext_frame(MMUEXT_NEW_BASEPTR, virt_to_mfn(l4)));
    CHECK_EQ(read_cr3() >> PAGE_SHIFT, virt_to_mfn(l4));
    CHECK_OK(mmuext_frame(MMUEXT_NEW_BASEPTR, first));
    CHECK_EQ(read_cr3() >> PAGE_SHIFT, first);
    CHECK_OK(page_make_writable(l4));
}

TEST("the base in use cannot be made writable")
{
    CHECK(page_make_writable(live_l4()) < 0);
}

TEST("NEW_BASEPTR refuses a writable page, a lower table and a frame that is not the domain's")
{
    uint64_t base = read_cr3() >> PAGE_SHIFT;
    void *page = page_alloc();

    CHECK(mmuext_frame(MMUEXT_NEW_BASEPTR, virt_to_mfn(page)) < 0);
    CHECK(mmuext_frame(MMUEXT_NEW_BASEPTR, virt_to_mfn(pte_lookup(page, 1))) < 0);
    CHECK(mmuext_frame(MMUEXT_NEW_BASEPTR, 1ul << 40) < 0);
    CHECK_EQ(read_cr3() >> PAGE_SHIFT, base);
}

TEST("NEW_USER_BASEPTR sets what user mode sees")
{
    struct fault fault;

    user_init();
    user_call(user_ud, &fault);
    CHECK_TRAP(fault, VECTOR_UD);
}

TEST("NEW_USER_BASEPTR of 0 takes user mode's base away, and it can be set again")
{
    struct fault fault;

    CHECK_OK(mmuext_frame(MMUEXT_NEW_USER_BASEPTR, 0));
    CHECK_OK(mmuext_frame(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(user_l4())));
    user_call(user_ud, &fault);
    CHECK_TRAP(fault, VECTOR_UD);
}

TEST("NEW_USER_BASEPTR refuses a writable page")
{
    CHECK(mmuext_frame(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(page_alloc())) < 0);
}

TEST("a batch stops at the first operation refused, and pdone says how many were done")
{
    uint64_t *page = page_alloc(), *kept = page_alloc();
    struct mmuext_op batch[3] = {
        {.cmd = MMUEXT_CLEAR_PAGE, .arg1.mfn = virt_to_mfn(page)},
        {.cmd = MMUEXT_CLEAR_PAGE, .arg1.mfn = 1ul << 40},
        {.cmd = MMUEXT_CLEAR_PAGE, .arg1.mfn = virt_to_mfn(kept)},
    };
    unsigned done = 77;

    page[0] = 1, kept[0] = 1;
    CHECK(mmuext_op(batch, 3, &done, DOMID_SELF) < 0);
    CHECK_EQ(done, 1);
    CHECK_EQ(page[0], 0);
    CHECK_EQ(kept[0], 1);
}

TEST("a batch that is done whole says so")
{
    struct mmuext_op batch[2] = {{.cmd = MMUEXT_TLB_FLUSH_LOCAL}, {.cmd = MMUEXT_TLB_FLUSH_ALL}};
    unsigned done = 77;

    CHECK_OK(mmuext_op(batch, 2, &done, DOMID_SELF));
    CHECK_EQ(done, 2);
}

TEST("a command nobody knows gets -ENOSYS")
{
    CHECK_ERR(mmuext_frame(14, 0), XEN_ENOSYS);
    CHECK_ERR(mmuext_frame(99, 0), XEN_ENOSYS);
}

TEST("a batch that is not there gets -EFAULT")
{
    CHECK_ERR(mmuext_op((void *)SPARE_VA, 1, NULL, DOMID_SELF), XEN_EFAULT);
}
