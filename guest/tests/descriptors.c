// SPDX-License-Identifier: Apache-2.0
// Descriptor tables: set_gdt, update_descriptor, SET_LDT, and what they may hold.

#include "tap.h"
#include "user.h"

USER_CODE(user_int80, "int $0x80");

// Bits of a segment descriptor (processor manual, segment descriptors).
#define SEG_LIMIT   0x000f00000000fffful
#define SEG_TYPE(t) ((uint64_t)(t) << 40)
#define SEG_S       (1ul << 44)
#define SEG_DPL(d)  ((uint64_t)(d) << 45)
#define SEG_PRESENT (1ul << 47)
#define SEG_LONG    (1ul << 53)
#define SEG_BIG     (1ul << 54)
#define SEG_PAGES   (1ul << 55)
#define DATA_SEGMENT \
    (SEG_LIMIT | SEG_TYPE(2) | SEG_S | SEG_DPL(3) | SEG_PRESENT | SEG_BIG | SEG_PAGES)
#define CODE_SEGMENT \
    (SEG_LIMIT | SEG_TYPE(10) | SEG_S | SEG_DPL(3) | SEG_PRESENT | SEG_LONG | SEG_PAGES)

#define SELECTOR(index)     ((index)*8 | 3)
#define LDT_SELECTOR(index) ((index)*8 | 4 | 3)
#define GDT_ENTRIES         512

static uint64_t *gdt;

static long load_gdt(uint64_t *table, unsigned entries)
{
    uint64_t frame = virt_to_mfn(table);

    return set_gdt(&frame, entries);
}

static long write_descriptor(const uint64_t *entry, uint64_t descriptor)
{
    return update_descriptor(virt_to_maddr(entry), descriptor);
}

static void load_fs(uint16_t selector, struct fault *fault)
{
    EXPECT_FAULT(fault)
    {
        __asm__ volatile("mov %0, %%fs" : : "r"((uint32_t)selector));
    }
}

static void expect_loads(uint16_t selector)
{
    struct fault fault;

    load_fs(selector, &fault);
    CHECK(!fault.taken);
    load_fs(0, &fault);
}

static void expect_trap(uint16_t selector, unsigned vector, uint64_t error)
{
    struct fault fault;

    load_fs(selector, &fault);
    CHECK_TRAP(fault, vector);
    CHECK_EQ(fault.frame.error, error);
}

TEST("set_gdt takes a read-only page of descriptors")
{
    gdt = page_alloc();
    gdt[1] = DATA_SEGMENT;
    CHECK_OK(page_make_readonly(gdt));
    CHECK_OK(load_gdt(gdt, GDT_ENTRIES));
    expect_loads(SELECTOR(1));
}

TEST("a descriptor page cannot be made writable")
{
    CHECK(page_make_writable(gdt) < 0);
}

TEST("set_gdt refuses a page that is mapped writable")
{
    CHECK(load_gdt(page_alloc(), GDT_ENTRIES) < 0);
    expect_loads(SELECTOR(1));
}

TEST("set_gdt refuses more entries than lie below the hypervisor's own")
{
    uint64_t frame = virt_to_mfn(gdt);

    CHECK_ERR(set_gdt(&frame, FIRST_RESERVED_GDT_ENTRY + 1), XEN_EINVAL);
}

TEST("set_gdt refuses a frame that is not the domain's")
{
    uint64_t frame = 1ul << 40;

    CHECK_ERR(set_gdt(&frame, GDT_ENTRIES), XEN_EINVAL);
}

TEST("set_gdt refuses a list that is not there")
{
    CHECK_ERR(set_gdt((void *)SPARE_VA, GDT_ENTRIES), XEN_EFAULT);
}

TEST("the flat segments of the hypervisor stay in every GDT")
{
    expect_loads(FLAT_RING3_DS32);
    uint16_t cs;
    __asm__ volatile("mov %%cs, %0" : "=r"(cs));
    CHECK_EQ(cs, FLAT_KERNEL_CS);
}

TEST("update_descriptor writes an entry of the GDT in use")
{
    CHECK_OK(write_descriptor(&gdt[2], DATA_SEGMENT));
    CHECK_EQ(gdt[2] & ~SEG_TYPE(1), DATA_SEGMENT);
    expect_loads(SELECTOR(2));
}

TEST("update_descriptor writes an entry that is not present, whatever it holds")
{
    CHECK_OK(write_descriptor(&gdt[3], 0x1234));
    CHECK_EQ(gdt[3], 0x1234);
}

#define CALL_GATE 12

TEST("update_descriptor refuses every system descriptor but a call gate")
{
    for (unsigned type = 1; type < 16; type++) {
        if (type == CALL_GATE) {
            continue;
        }
        CHECK_ERR(write_descriptor(&gdt[4], SEG_LIMIT | SEG_TYPE(type) | SEG_DPL(3) | SEG_PRESENT),
                  XEN_EINVAL);
    }
    CHECK_EQ(gdt[4], 0);
}

// The processor would follow one to any ring and address.
TEST("update_descriptor refuses a call gate")
{
    if (differs_on_oracle("the reference takes a call gate, and emulates calls through it")) {
        return;
    }
    CHECK_ERR(write_descriptor(&gdt[4], SEG_LIMIT | SEG_TYPE(CALL_GATE) | SEG_DPL(3) | SEG_PRESENT),
              XEN_EINVAL);
}

TEST("update_descriptor does not let ring 0 in")
{
    (void)write_descriptor(&gdt[5], (CODE_SEGMENT & ~SEG_DPL(3)));
    CHECK((gdt[5] & SEG_PRESENT) == 0 || (gdt[5] & SEG_DPL(3)) != 0);
}

TEST("update_descriptor writes a writable page too")
{
    uint64_t *page = page_alloc();

    CHECK_OK(write_descriptor(&page[9], DATA_SEGMENT));
    CHECK_EQ(page[9] & ~SEG_TYPE(1), DATA_SEGMENT);
}

TEST("update_descriptor refuses a page table, a foreign frame and a crooked address")
{
    const uint64_t *pte = pte_lookup(gdt, 1);

    CHECK(update_descriptor(pte_maddr(pte), 0) < 0);
    CHECK(update_descriptor(1ul << 50, 0) < 0);
    CHECK(update_descriptor(virt_to_maddr(&gdt[3]) + 4, 0) < 0);
}

TEST("a selector of no descriptor is a protection fault with it as error code")
{
    CHECK_OK(write_descriptor(&gdt[6], 0));
    expect_trap(SELECTOR(6), VECTOR_GP, 6 * 8);
}

TEST("a segment that is not present is vector 11 with the selector as error code")
{
    CHECK_OK(write_descriptor(&gdt[7], DATA_SEGMENT & ~SEG_PRESENT));
    expect_trap(SELECTOR(7), VECTOR_NP, 7 * 8);
}

TEST("a stack segment that is not present is vector 12 with the selector as error code")
{
    struct fault fault;

    CHECK_OK(write_descriptor(&gdt[7], DATA_SEGMENT & ~SEG_PRESENT));
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("mov %0, %%ss" : : "r"(SELECTOR(7)));
    }
    CHECK_TRAP(fault, VECTOR_SS);
    CHECK_EQ(fault.frame.error, 7 * 8);
}

TEST("set_gdt of no entries leaves the flat segments alone, and frees the page")
{
    CHECK_OK(set_gdt(NULL, 0));
    expect_trap(SELECTOR(1), VECTOR_GP, 8);
    expect_loads(FLAT_RING3_DS32);
    CHECK_OK(page_make_writable(gdt));
}

TEST("a page with a descriptor that is not allowed does not become a GDT")
{
    gdt[8] = SEG_LIMIT | SEG_TYPE(9) | SEG_PRESENT;
    CHECK_OK(page_make_readonly(gdt));
    CHECK(load_gdt(gdt, GDT_ENTRIES) < 0);
    CHECK_OK(page_make_writable(gdt));
    gdt[8] = 0;
}

static long set_ldt(const void *base, unsigned entries)
{
    struct mmuext_op op = {
        .cmd = MMUEXT_SET_LDT, .arg1.linear_addr = POINTER(base), .arg2.nr_ents = entries};

    return mmuext_op(&op, 1, NULL, DOMID_SELF);
}

TEST("SET_LDT gives a table whose selectors load")
{
    uint64_t *ldt = page_alloc();

    ldt[1] = DATA_SEGMENT;
    CHECK_OK(page_make_readonly(ldt));
    CHECK_OK(set_ldt(ldt, 16));
    expect_loads(LDT_SELECTOR(1));
    CHECK(page_make_writable(ldt) < 0);
}

TEST("a page of the LDT need not be good before it is used")
{
    uint64_t *ldt = page_alloc();

    ldt[1] = DATA_SEGMENT;
    CHECK_OK(set_ldt(ldt, 16));
    CHECK_OK(page_make_readonly(ldt));
    expect_loads(LDT_SELECTOR(1));
}

TEST("a page of the LDT that is writable or missing is a page fault where it should be")
{
    uint64_t *ldt = page_alloc();
    struct fault fault;

    ldt[1] = DATA_SEGMENT;
    CHECK_OK(set_ldt(ldt, 16));
    load_fs(LDT_SELECTOR(1), &fault);
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.cr2, POINTER(ldt) + 8);
    CHECK_OK(set_ldt((void *)SPARE_VA, 16));
    load_fs(LDT_SELECTOR(2), &fault);
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.cr2, SPARE_VA + 16);
    CHECK_EQ(fault.frame.error & PF_USER, 0);
}

TEST("a return to a code segment in the LDT finds its page")
{
    uint64_t *ldt = page_alloc();
    struct trap_frame frame;
    struct fault fault;

    user_init();
    CHECK_OK(trap_set_gate(0x80, 3, trap_stub(0x80)));
    ldt[1] = CODE_SEGMENT;
    CHECK_OK(page_make_readonly(ldt));
    CHECK_OK(set_ldt(ldt, 16));
    frame = user_start(user_int80);
    frame.cs = LDT_SELECTOR(1);
    user_run(&frame, 0, &fault);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(frame_selector(&fault.frame), LDT_SELECTOR(1));
}

TEST("a return to a code segment whose page of the LDT is missing is a page fault")
{
    struct trap_frame frame = user_start(user_int80);
    struct fault fault;

    CHECK_OK(set_ldt((void *)SPARE_VA, 16));
    frame.cs = LDT_SELECTOR(1);
    user_run(&frame, 0, &fault);
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.cr2, SPARE_VA + 8);
    CHECK_EQ(fault.frame.rip, user_address(user_int80));
}

TEST("a selector beyond the LDT's end is a protection fault")
{
    CHECK_OK(set_ldt((void *)SPARE_VA, 16));
    expect_trap(LDT_SELECTOR(16), VECTOR_GP, 16 * 8 | 4);
}

TEST("SET_LDT of no entries takes the table away")
{
    CHECK_OK(set_ldt(NULL, 0));
    expect_trap(LDT_SELECTOR(1), VECTOR_GP, 8 | 4);
}

TEST("SET_LDT refuses a base that is not aligned to a page, and more than 8192 entries")
{
    CHECK_ERR(set_ldt((void *)8, 16), XEN_EINVAL);
    CHECK_ERR(set_ldt(NULL, 8193), XEN_EINVAL);
}
