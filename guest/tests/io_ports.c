// SPDX-License-Identifier: Apache-2.0
// I/O ports: domain 0's kernel by its I/O privilege level, user mode by level or bitmap.

#include "tap.h"
#include "user.h"

#define POST_PORT  0x80
#define CMOS_INDEX 0x70
#define CMOS_DATA  0x71

USER_CODE(user_out, "mov $0x55, %al\nout %al, $0x80\nint $0x80");
USER_CODE(user_in, "in $0x80, %al\nint $0x80");

static void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static long set_iopl(unsigned level)
{
    struct physdev_set_iopl set = {.iopl = level};

    return physdev_op(PHYSDEVOP_set_iopl, &set);
}

static long set_bitmap(uint8_t *bitmap, unsigned ports)
{
    struct physdev_set_iobitmap set = {.nr_ports = ports};

    set_xen_guest_handle(set.bitmap, bitmap);
    return physdev_op(PHYSDEVOP_set_iobitmap, &set);
}

TEST("with level 1 domain 0's kernel reads and writes ports")
{
    struct fault fault;

    CHECK_OK(set_iopl(1));
    EXPECT_FAULT(&fault)
    {
        out8(POST_PORT, 0x55);
        (void)in8(POST_PORT);
    }
    CHECK(!fault.taken);
}

TEST("with level 0 a port access of the kernel is a protection fault")
{
    struct fault fault;

    CHECK_OK(set_iopl(0));
    EXPECT_FAULT(&fault)
    {
        out8(POST_PORT, 0x55);
    }
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_OK(set_iopl(1));
}

TEST("a level beyond 3 is refused")
{
    CHECK_ERR(set_iopl(4), XEN_EINVAL);
}

TEST("a byte written to a device comes back from it")
{
    out8(CMOS_INDEX, 0x0f);
    uint8_t before = in8(CMOS_DATA);
    out8(CMOS_INDEX, 0x0f);
    out8(CMOS_DATA, 0x5a);
    out8(CMOS_INDEX, 0x0f);
    CHECK_EQ(in8(CMOS_DATA), 0x5a);
    out8(CMOS_INDEX, 0x0f);
    out8(CMOS_DATA, before);
}

TEST("an access of a byte leaves the rest of RAX, one of 4 bytes clears its upper half")
{
    uint64_t rax = UINT64_MAX;

    __asm__ volatile("inb $0x80, %%al" : "+a"(rax));
    CHECK_EQ(rax >> 8, UINT64_MAX >> 8);
    rax = UINT64_MAX;
    __asm__ volatile("inl $0x80, %%eax" : "+a"(rax));
    CHECK_EQ(rax >> 32, 0);
}

TEST("string instructions reach memory")
{
    uint8_t bytes[4] = {0};
    void *to = bytes;
    uint64_t count = 4;

    out8(CMOS_INDEX, 0x0d);
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(CMOS_DATA) : "memory");
    CHECK_EQ(count, 0);
    CHECK(to == bytes + 4);
    CHECK_EQ(bytes[0] & 0x80, 0x80);
}

TEST("a string instruction that faults says where, with what was done counted")
{
    char *page = page_alloc();
    void *to = page + PAGE_SIZE - 2;
    struct fault fault;

    CHECK_OK(page_make_readonly(page));
    EXPECT_FAULT(&fault)
    {
        uint64_t count = 4;
        __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(POST_PORT) : "memory");
    }
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.cr2, POINTER(page) + PAGE_SIZE - 2);
    CHECK_EQ(fault.frame.rcx, 4);
}

TEST("the interrupt controllers are the hypervisor's: domain 0 reads all ones")
{
    CHECK_EQ(in8(0x20), 0xff);
    CHECK_EQ(in8(0x21), 0xff);
    CHECK_EQ(in8(0xa0), 0xff);
    CHECK_EQ(in8(0xa1), 0xff);
}

TEST("user mode with level 1 has no ports")
{
    struct fault fault;

    user_init();
    CHECK_OK(trap_set_gate(0x80, 3, trap_stub(0x80)));
    user_call(user_out, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.rip, user_address(user_out) + 2);
    CHECK(frame_from_user(&fault.frame));
}

TEST("user mode with level 3 has ports")
{
    struct fault fault;

    CHECK_OK(set_iopl(3));
    user_call(user_out, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_OK(set_iopl(1));
}

TEST("user mode has the ports whose bit in the bitmap is clear")
{
    static uint8_t bitmap[8192];
    struct fault fault;

    memset(bitmap, 0xff, sizeof(bitmap));
    bitmap[POST_PORT / 8] &= (uint8_t) ~(1u << POST_PORT % 8);
    CHECK_OK(set_bitmap(bitmap, 65536));
    user_call(user_in, &fault);
    CHECK_TRAP(fault, 0x80);
    bitmap[POST_PORT / 8] = 0xff;
    user_call(user_in, &fault);
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_OK(set_bitmap(NULL, 0));
}

TEST("a bitmap for more ports than there are is refused")
{
    CHECK_ERR(set_bitmap(NULL, 65537), XEN_EINVAL);
}
