// SPDX-License-Identifier: Apache-2.0
// The life of page tables: fill, link, make read-only, pin, load, and the way back (xen.h).

#include "tap.h"

static void *data;

// Tables of a small address space: one page of data at address 0, through four levels.
struct space {
    uint64_t *table[5];
};

static void build(struct space *space)
{
    data = data != NULL ? data : page_alloc();
    for (unsigned level = 1; level <= 4; level++) {
        space->table[level] = page_alloc();
    }
    space->table[1][0] = pte_of(data, PTE_USER_RW);
    for (unsigned level = 2; level <= 4; level++) {
        space->table[level][0] = pte_of(space->table[level - 1], PTE_TABLE);
    }
}

static void protect(struct space *space, unsigned highest)
{
    for (unsigned level = 1; level <= highest; level++) {
        CHECK_OK(page_make_readonly(space->table[level]));
    }
}

static long pin(const void *table, unsigned level)
{
    return mmuext_frame(MMUEXT_PIN_L1_TABLE + level - 1, virt_to_mfn(table));
}

static long unpin(const void *table)
{
    return mmuext_frame(MMUEXT_UNPIN_TABLE, virt_to_mfn(table));
}

TEST("tables filled, linked, read-only at every level can be pinned by their top")
{
    struct space space;

    build(&space);
    protect(&space, 4);
    CHECK_OK(pin(space.table[4], 4));
    CHECK_OK(unpin(space.table[4]));
}

TEST("each level can be pinned by itself")
{
    struct space space;

    build(&space);
    protect(&space, 4);
    for (unsigned level = 1; level <= 4; level++) {
        CHECK_OK(pin(space.table[level], level));
        CHECK_OK(unpin(space.table[level]));
    }
}

TEST("one table still writable, at any level, keeps the tree from being pinned")
{
    for (unsigned writable = 1; writable <= 4; writable++) {
        struct space space;
        build(&space);
        protect(&space, 4);
        CHECK_OK(page_make_writable(space.table[writable]));
        CHECK(pin(space.table[4], 4) < 0);
    }
}

TEST("a table that was refused is ordinary memory again")
{
    struct space space;

    build(&space);
    protect(&space, 4);
    CHECK_OK(page_make_writable(space.table[2]));
    CHECK(pin(space.table[4], 4) < 0);
    for (unsigned level = 1; level <= 4; level++) {
        CHECK_OK(page_make_writable(space.table[level]));
    }
}

TEST("no table of a pinned tree can be made writable")
{
    struct space space;

    build(&space);
    protect(&space, 4);
    CHECK_OK(pin(space.table[4], 4));
    for (unsigned level = 1; level <= 4; level++) {
        CHECK(page_make_writable(space.table[level]) < 0);
    }
    CHECK_OK(unpin(space.table[4]));
}

TEST("after unpinning all tables of the tree can be made writable")
{
    struct space space;

    build(&space);
    protect(&space, 4);
    CHECK_OK(pin(space.table[4], 4));
    CHECK_OK(unpin(space.table[4]));
    for (unsigned level = 1; level <= 4; level++) {
        CHECK_OK(page_make_writable(space.table[level]));
    }
}

TEST("a table pinned below a pinned tree outlives the tree")
{
    struct space space;

    build(&space);
    protect(&space, 4);
    CHECK_OK(pin(space.table[4], 4));
    CHECK_OK(pin(space.table[1], 1));
    CHECK_OK(unpin(space.table[4]));
    CHECK(page_make_writable(space.table[1]) < 0);
    CHECK_OK(page_make_writable(space.table[2]));
    CHECK_OK(unpin(space.table[1]));
    CHECK_OK(page_make_writable(space.table[1]));
}

TEST("a table is pinned once; a second time is refused")
{
    struct space space;

    build(&space);
    protect(&space, 4);
    CHECK_OK(pin(space.table[1], 1));
    CHECK_ERR(pin(space.table[1], 1), XEN_EINVAL);
    CHECK_OK(unpin(space.table[1]));
}

TEST("unpinning what is not pinned is refused")
{
    struct space space;

    build(&space);
    protect(&space, 4);
    CHECK_ERR(unpin(space.table[1]), XEN_EINVAL);
    CHECK_ERR(unpin(data), XEN_EINVAL);
}

TEST("a table in use at one level cannot be pinned at another")
{
    struct space space;

    build(&space);
    protect(&space, 4);
    CHECK_OK(pin(space.table[2], 2));
    CHECK(pin(space.table[1], 2) < 0);
    CHECK(pin(space.table[2], 1) < 0);
    CHECK_OK(unpin(space.table[2]));
}

TEST("an entry for a frame that is not the domain's keeps a table from being pinned")
{
    uint64_t *table = page_alloc();

    table[511] = 1ul << 45 | PTE_USER_RO;
    CHECK_OK(page_make_readonly(table));
    CHECK(pin(table, 1) < 0);
    CHECK_OK(page_make_writable(table));
}

TEST("a table that maps itself writable is refused, read-only it is not")
{
    uint64_t *table = page_alloc();

    table[0] = pte_of(table, PTE_KERNEL_RW);
    CHECK_OK(page_make_readonly(table));
    CHECK(pin(table, 1) < 0);
    CHECK_OK(page_make_writable(table));
    table[0] = pte_of(table, PTE_KERNEL_RO);
    CHECK_OK(page_make_readonly(table));
    CHECK_OK(pin(table, 1));
    CHECK_OK(unpin(table));
}

TEST("a top-level table may map itself read-only: a linear page table")
{
    uint64_t *table = page_alloc();

    table[300] = pte_of(table, PTE_KERNEL_RO);
    CHECK_OK(page_make_readonly(table));
    long error = pin(table, 4);
    if (error == 0) {
        CHECK_OK(unpin(table));
    }
    CHECK_OK(error);
}

TEST("a top-level table may not map itself writable")
{
    uint64_t *table = page_alloc();

    table[300] = pte_of(table, PTE_TABLE);
    CHECK_OK(page_make_readonly(table));
    CHECK(pin(table, 4) < 0);
}

TEST("the hypervisor's slots of a table that is pinned become the hypervisor's")
{
    uint64_t *table = page_alloc();

    table[256] = pte_of(data, PTE_TABLE);
    table[271] = 0x1234000;
    CHECK_OK(page_make_readonly(table));
    CHECK_OK(pin(table, 4));
    CHECK(table[256] != pte_of(data, PTE_TABLE));
    CHECK_OK(unpin(table));
}

TEST("entries of a pinned table can be changed by mmu_update")
{
    struct space space;

    build(&space);
    protect(&space, 4);
    CHECK_OK(pin(space.table[4], 4));
    CHECK_OK(pte_write(&space.table[1][5], pte_of(data, PTE_USER_RO)));
    CHECK_EQ(space.table[1][5] & PTE_FRAME, pte_of(data, 0));
    CHECK_OK(pte_write(&space.table[2][0], 0));
    CHECK_OK(page_make_writable(space.table[1]));
    CHECK_OK(unpin(space.table[4]));
}

TEST("a data page keeps its writable mappings through all of it")
{
    CHECK_OK(page_make_readonly(data));
    CHECK_OK(page_make_writable(data));
}

TEST("pinning a frame that is not the domain's is refused")
{
    CHECK(mmuext_frame(MMUEXT_PIN_L1_TABLE, 1ul << 40) < 0);
    CHECK(mmuext_frame(MMUEXT_UNPIN_TABLE, 1ul << 40) < 0);
}
