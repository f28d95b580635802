// SPDX-License-Identifier: Apache-2.0
// Programs in 32-bit and 16-bit segments of the guest's own: what is done for them by looking at
// their instructions goes by the segments' bases, limits and sizes.

#include "tap.h"
#include "user.h"

// Assembled for address 0: these run in segments that begin at their first byte.
USER_CODE(in_32, ".code32\nin $0x80, %al\ninc %ecx\nint $0x80\n.code64");
USER_CODE(in_16, ".code16\nin $0x80, %al\ninc %cx\nint $0x80\n.code64");
USER_CODE(ins_32, ".code32\nmov $0x80, %edx\nmov $4, %edi\ninsb\nint $0x80\n.code64");
USER_CODE(outs_32,
          ".code32\nmov $0x80, %edx\nmov $0x20, %esi\noutsb %fs:(%esi), %dx\nint $0x80\n.code64");

#define SEG_TYPE(t)      ((uint64_t)(t) << 40)
#define SEG_S            (1ul << 44)
#define SEG_DPL3         (3ul << 45)
#define SEG_PRESENT      (1ul << 47)
#define SEG_BIG          (1ul << 54)
#define SEG_BASE(b)      (((b)&0xfffffful) << 16 | ((b)&0xff000000ul) << 32)
#define SEG_LIMIT(bytes) (((bytes)-1) & 0xffff)
#define CODE(base, bytes) \
    (SEG_TYPE(10) | SEG_S | SEG_DPL3 | SEG_PRESENT | SEG_BASE(base) | SEG_LIMIT(bytes))
#define DATA(base, bytes) \
    (SEG_TYPE(2) | SEG_S | SEG_DPL3 | SEG_PRESENT | SEG_BIG | SEG_BASE(base) | SEG_LIMIT(bytes))
#define READ_ONLY SEG_TYPE(2)

#define SELECTOR(index) ((index)*8 | 3)
enum { CODE_INDEX = 1, DATA_INDEX = 2 };

static uint64_t *gdt;

static void describe(unsigned index, uint64_t descriptor)
{
    CHECK_OK(update_descriptor(virt_to_maddr(&gdt[index]), descriptor));
}

static void set_up(void)
{
    static uint8_t all_ports[8192];
    struct physdev_set_iobitmap ports = {.nr_ports = 65536};

    user_init();
    gdt = page_alloc();
    uint64_t frame = virt_to_mfn(gdt);
    CHECK_OK(page_make_readonly(gdt));
    CHECK_OK(set_gdt(&frame, 512));
    CHECK_OK(trap_set_gate(0x80, 3, trap_stub(0x80)));
    set_xen_guest_handle(ports.bitmap, all_ports);
    CHECK_OK(physdev_op(PHYSDEVOP_set_iobitmap, &ports));
}

static void load_data_segments(uint16_t es, uint16_t fs)
{
    __asm__ volatile("mov %0, %%es\nmov %1, %%fs" : : "r"((uint32_t)es), "r"((uint32_t)fs));
}

// Runs code from offset 0 of a segment at CODE_INDEX.
static void run(struct fault *exit)
{
    struct trap_frame start = user_start(in_32);

    start.rip = 0;
    start.cs = SELECTOR(CODE_INDEX);
    user_run(&start, 0, exit);
}

TEST("an instruction is read at its segment's base")
{
    struct fault fault;

    set_up();
    describe(CODE_INDEX, CODE(user_address(in_32), 64) | SEG_BIG);
    run(&fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rcx, 1);
    CHECK_EQ(fault.frame.rip, 5);
}

TEST("a 16-bit segment's code is 16-bit code")
{
    struct fault fault;

    describe(CODE_INDEX, CODE(user_address(in_16), 64));
    run(&fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rcx & 0xffff, 1);
}

TEST("what INS stores goes to ES and its base")
{
    struct fault fault;
    uint8_t *data = user_data();

    memset(data, 0xa5, 16);
    describe(CODE_INDEX, CODE(user_address(ins_32), 64) | SEG_BIG);
    describe(DATA_INDEX, DATA(USER_DATA, 64));
    load_data_segments(SELECTOR(DATA_INDEX), 0);
    run(&fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rdi & 0xffffffff, 5);
    CHECK_EQ(data[3], 0xa5);
    CHECK_EQ(data[5], 0xa5);
}

TEST("beyond its limit INS is a protection fault")
{
    struct fault fault;

    describe(DATA_INDEX, DATA(USER_DATA, 4));
    load_data_segments(SELECTOR(DATA_INDEX), 0);
    run(&fault);
    CHECK_TRAP(fault, VECTOR_GP);
    CHECK_EQ(fault.frame.error, 0);
    CHECK_EQ(fault.frame.rip, 10);
}

TEST("in a read-only segment too")
{
    struct fault fault;

    describe(DATA_INDEX, DATA(USER_DATA, 64) & ~READ_ONLY);
    load_data_segments(SELECTOR(DATA_INDEX), 0);
    run(&fault);
    CHECK_TRAP(fault, VECTOR_GP);
}

TEST("and where ES is null")
{
    struct fault fault;

    load_data_segments(0, 0);
    run(&fault);
    CHECK_TRAP(fault, VECTOR_GP);
}

TEST("what OUTS reads comes from the segment that it names")
{
    struct fault fault;

    describe(CODE_INDEX, CODE(user_address(outs_32), 64) | SEG_BIG);
    describe(DATA_INDEX, DATA(USER_DATA, 0x21) & ~READ_ONLY);
    load_data_segments(0, SELECTOR(DATA_INDEX));
    run(&fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(fault.frame.rsi & 0xffffffff, 0x21);
    describe(DATA_INDEX, DATA(USER_DATA, 0x20) & ~READ_ONLY);
    load_data_segments(0, SELECTOR(DATA_INDEX));
    run(&fault);
    CHECK_TRAP(fault, VECTOR_GP);
    load_data_segments(0, 0);
}
