// SPDX-License-Identifier: Apache-2.0
// The foreigndom argument of mmu_update: who owns the mapped frames (FD, low half) and the page
// tables (PFD, high half).

#include "tap.h"

#define LOCAL_APIC_PAGE 0xfee00000ul
#define VGA_TEXT_PAGE   0xb8000ul

#define TABLES_OF(d) (((d) + 1u) << 16)

static long update_for(unsigned foreigndom, uint64_t value)
{
    static const uint64_t *pte;
    struct mmu_update request;

    if (pte == NULL) {
        pte = pte_lookup(map_spare(SPARE_VA), 1);
    }
    request = (struct mmu_update){.ptr = pte_maddr(pte), .val = value};
    return mmu_update(&request, 1, NULL, foreigndom);
}

TEST("DOMID_SELF maps the domain's own frames")
{
    CHECK_OK(update_for(DOMID_SELF, pte_of(page_alloc(), PTE_KERNEL_RW)));
    CHECK_OK(update_for(DOMID_SELF, 0));
}

TEST("the domain's own number is not another name for DOMID_SELF")
{
    CHECK_ERR(update_for(0, pte_of(page_alloc(), PTE_KERNEL_RW)), XEN_ESRCH);
    CHECK_ERR(update_for(DOMID_SELF | TABLES_OF(DOMID_SELF), 0), XEN_ESRCH);
}

TEST("DOMID_IO maps I/O memory that the domain may have")
{
    CHECK_OK(update_for(DOMID_IO, VGA_TEXT_PAGE | PTE_KERNEL_RW));
    CHECK_OK(update_for(DOMID_SELF, 0));
}

TEST("DOMID_IO maps nothing of the domain's own")
{
    CHECK(update_for(DOMID_IO, pte_of(page_alloc(), PTE_KERNEL_RW)) < 0);
}

TEST("domain 0 maps I/O memory without naming DOMID_IO too")
{
    CHECK_OK(update_for(DOMID_SELF, VGA_TEXT_PAGE | PTE_KERNEL_RW));
    CHECK_OK(update_for(DOMID_SELF, 0));
}

TEST("the local APIC is the hypervisor's: not even domain 0 maps it writable")
{
    CHECK(update_for(DOMID_IO, LOCAL_APIC_PAGE | PTE_KERNEL_RW) < 0);
    CHECK(update_for(DOMID_SELF, LOCAL_APIC_PAGE | PTE_KERNEL_RW) < 0);
}

TEST("DOMID_XEN maps no frame of the domain's own")
{
    CHECK(update_for(DOMID_XEN, pte_of(page_alloc(), PTE_KERNEL_RW)) < 0);
}

TEST("DOMID_INVALID, DOMID_COW and DOMID_IDLE are no domains")
{
    CHECK_ERR(update_for(DOMID_INVALID, 0), XEN_ESRCH);
    CHECK_ERR(update_for(DOMID_COW, 0), XEN_ESRCH);
    CHECK_ERR(update_for(DOMID_IDLE, 0), XEN_ESRCH);
}

TEST("a domain that does not exist is refused before anything is done")
{
    CHECK_ERR(update_for(77, 0), XEN_ESRCH);
}

TEST("page tables of a domain that does not exist are refused")
{
    CHECK_ERR(update_for(DOMID_SELF | TABLES_OF(77), 0), XEN_ESRCH);
}

TEST("mmuext_op refuses a domain that does not exist")
{
    struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};

    CHECK_ERR(mmuext_op(&op, 1, NULL, 77), XEN_ESRCH);
    CHECK_ERR(mmuext_op(&op, 1, NULL, DOMID_INVALID), XEN_ESRCH);
}

TEST("update_va_mapping_otherdomain maps I/O memory for DOMID_IO")
{
    const char *spare = (const char *)SPARE_VA;

    CHECK_OK(
        update_va_mapping_otherdomain(spare, VGA_TEXT_PAGE | PTE_KERNEL_RW, UVMF_INVLPG, DOMID_IO));
    CHECK_EQ(virt_to_mfn(spare), VGA_TEXT_PAGE >> PAGE_SHIFT);
    CHECK_OK(update_va_mapping(spare, 0, UVMF_INVLPG));
}

TEST("update_va_mapping_otherdomain refuses a domain that does not exist")
{
    CHECK_ERR(update_va_mapping_otherdomain((void *)SPARE_VA, 0, UVMF_INVLPG, 77), XEN_ESRCH);
}
