// SPDX-License-Identifier: Apache-2.0
// Rights to the machine that domain 0 gives to and takes from another domain: I/O ports, device
// memory, interrupts (public header domctl.h).

#include "domu.h"
#include "tap.h"

#define FREE_PORT 0x3cc // the graphics card's; not all ones when it is read
#define NOTHING   0xff  // what a port without a right reads as
#define NO_PORT   0xff  // what is read where there is no right
#define VGA_FRAME 0xb8
#define FIRST_BAD 0x10000
#define SOME_IRQ  9

static struct domu domu;

#define IN_DOMU(function, data) domu_call(&domu, (function), &(data), sizeof(data))

static long port_right(uint32_t first, uint32_t count, bool allow)
{
    struct xen_domctl operation = {0};

    operation.u.ioport_permission.first_port = first;
    operation.u.ioport_permission.nr_ports = count;
    operation.u.ioport_permission.allow_access = allow;
    return domctl(XEN_DOMCTL_ioport_permission, domu.domain.domid, &operation);
}

static long memory_right(uint64_t first, uint64_t count, bool allow)
{
    struct xen_domctl operation = {0};

    operation.u.iomem_permission.first_mfn = first;
    operation.u.iomem_permission.nr_mfns = count;
    operation.u.iomem_permission.allow_access = allow;
    return domctl(XEN_DOMCTL_iomem_permission, domu.domain.domid, &operation);
}

static long irq_right(uint32_t irq, bool allow)
{
    struct xen_domctl operation = {0};

    operation.u.irq_permission.pirq = irq;
    operation.u.irq_permission.allow_access = allow;
    return domctl(XEN_DOMCTL_irq_permission, domu.domain.domid, &operation);
}

// ---- what the other domain tries --------------------------------------------------------------
static long read_port(void *data)
{
    struct physdev_set_iopl iopl = {.iopl = 1};
    long error = physdev_op(PHYSDEVOP_set_iopl, &iopl);
    uint8_t byte;

    __asm__ volatile("inb %w1, %0" : "=a"(byte) : "d"(*(uint32_t *)data));
    return error != 0 ? error : byte;
}

static long map_memory(void *data)
{
    static const uint64_t *pte;
    struct mmu_update request;

    if (pte == NULL) {
        pte = pte_lookup(map_spare(SPARE_VA), 1);
    }
    request.ptr = pte_maddr(pte);
    request.val = *(uint64_t *)data << PAGE_SHIFT | PTE_KERNEL_RW | PTE_PCD;
    long error = mmu_update(&request, 1, NULL, DOMID_SELF);
    request.val = 0;
    (void)mmu_update(&request, 1, NULL, DOMID_SELF);
    return error;
}

// ---- ports ------------------------------------------------------------------------------------
static uint32_t free_port = FREE_PORT;

TEST("a new domain has no port: it reads nothing there")
{
    CHECK(read_port(&free_port) != NOTHING);
    CHECK_OK(domu_start(&domu, NULL));
    CHECK_EQ(IN_DOMU(read_port, free_port), NOTHING);
}

TEST("a port it was given it uses, and no other beside it")
{
    uint32_t next = FREE_PORT - 2;

    CHECK_OK(port_right(FREE_PORT, 1, true));
    CHECK_EQ(IN_DOMU(read_port, free_port), read_port(&free_port));
    CHECK_EQ(IN_DOMU(read_port, next), NOTHING);
}

TEST("a port that was taken from it is gone")
{
    CHECK_OK(port_right(FREE_PORT, 1, false));
    CHECK_EQ(IN_DOMU(read_port, free_port), NOTHING);
}

static long read_without_iopl(void *data)
{
    uint8_t byte;

    __asm__ volatile("inb %w1, %0" : "=a"(byte) : "d"(*(uint32_t *)data));
    return byte;
}

TEST("without the privilege of I/O it is a fault, right or no right")
{
    CHECK_OK(port_right(FREE_PORT, 1, true));
    CHECK(domu_kill(&domu));
    CHECK_OK(domu_start(&domu, NULL));
    CHECK_EQ(IN_DOMU(read_without_iopl, free_port), DOMU_TRAPPED);
    CHECK_EQ(domu.mailbox->vector, VECTOR_GP);
}

TEST("a range of no ports, or one beyond all, is refused")
{
    CHECK_ERR(port_right(FREE_PORT, 0, true), XEN_EINVAL);
    CHECK_ERR(port_right(FIRST_BAD, 1, true), XEN_EINVAL);
    CHECK_ERR(port_right(FIRST_BAD - 1, 2, true), XEN_EINVAL);
    CHECK_ERR(port_right(UINT32_MAX, 2, true), XEN_EINVAL);
}

TEST("domain 0 gives no port that it has not itself")
{
    // The interrupt controllers are the hypervisor's.
    CHECK_ERR(port_right(0x20, 1, true), XEN_EPERM);
    CHECK_ERR(port_right(0xa0, 2, true), XEN_EPERM);
}

// ---- device memory ----------------------------------------------------------------------------
TEST("a new domain maps no device memory; what it was given it maps")
{
    uint64_t frame = VGA_FRAME;

    CHECK(IN_DOMU(map_memory, frame) < 0);
    CHECK_OK(memory_right(VGA_FRAME, 1, true));
    CHECK_OK(IN_DOMU(map_memory, frame));
    frame = VGA_FRAME + 1;
    CHECK(IN_DOMU(map_memory, frame) < 0);
}

TEST("what was taken from it it does not map again")
{
    uint64_t frame = VGA_FRAME;

    CHECK_OK(memory_right(VGA_FRAME, 1, false));
    CHECK(IN_DOMU(map_memory, frame) < 0);
}

TEST("a range that wraps is refused, and memory that domain 0 has not itself")
{
    CHECK_ERR(memory_right(UINT64_MAX, 2, true), XEN_EINVAL);
    CHECK_ERR(memory_right(0xfee00, 1, true), XEN_EPERM);
}

// ---- interrupts -------------------------------------------------------------------------------
TEST("an interrupt that domain 0 has is given and taken; one that it has not, or that is none, not")
{
    struct physdev_map_pirq map = {
        .domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = SOME_IRQ, .pirq = SOME_IRQ};
    struct evtchn_bind_pirq bind = {.pirq = SOME_IRQ};

    CHECK_ERR(irq_right(SOME_IRQ, true), XEN_EPERM);
    CHECK_OK(physdev_op(PHYSDEVOP_map_pirq, &map));
    CHECK_OK(irq_right(SOME_IRQ, true));
    CHECK(domu_event_op(&domu, EVTCHNOP_bind_pirq, &bind, sizeof(bind)) < 0);
    CHECK_OK(irq_right(SOME_IRQ, false));
    CHECK_ERR(irq_right(UINT32_MAX, true), XEN_EINVAL);
    CHECK_ERR(irq_right(100000, true), XEN_EINVAL);
}

TEST("rights end with the domain: the next has none")
{
    CHECK_OK(port_right(FREE_PORT, 1, true));
    CHECK(domu_kill(&domu));
    CHECK_ERR(port_right(FREE_PORT, 1, true), XEN_ESRCH);
    CHECK_ERR(memory_right(VGA_FRAME, 1, true), XEN_ESRCH);
    CHECK_ERR(irq_right(SOME_IRQ, true), XEN_ESRCH);
    CHECK_OK(domu_start(&domu, NULL));
    CHECK_EQ(IN_DOMU(read_port, free_port), NOTHING);
    CHECK(domu_kill(&domu));
}
