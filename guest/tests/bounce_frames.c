// SPDX-License-Identifier: Apache-2.0
// What the hypervisor puts on the guest's stack when it bounces a trap (public header
// arch-x86/xen-x86_64.h; the handler's side of it is in guest/lib/entry.S).

#include "tap.h"
#include "user.h"

USER_CODE(user_ud, "mov $0xa1, %rax\nmov $0xc1, %rcx\nmov $0x11, %r11\nmov $0xf1, %r15\nud2");
USER_CODE(user_read, "mov 0x10, %rax");
USER_CODE(user_write_text, "movb $0, user_write_text(%rip)");

static struct {
    uint64_t frame_end;
    uint64_t rflags;
    uint16_t cs, ss;
    uint8_t mask;
} seen;

static void note(const struct trap_frame *frame)
{
    seen.frame_end = POINTER(frame) + sizeof(*frame);
    seen.mask = this_vcpu()->evtchn_upcall_mask;
    __asm__ volatile("pushfq\npop %0" : "=r"(seen.rflags));
    __asm__ volatile("mov %%cs, %0" : "=r"(seen.cs));
    __asm__ volatile("mov %%ss, %0" : "=r"(seen.ss));
}

// Takes #UD: notes how the handler was entered, and resumes behind the two bytes of ud2.
static bool note_and_skip(struct trap_frame *frame)
{
    note(frame);
    frame->rip += 2;
    return true;
}

// Takes #DB: ends the single step.
static bool note_and_stop_stepping(struct trap_frame *frame)
{
    note(frame);
    frame->rflags &= ~(RFLAGS_TF | RFLAGS_NT);
    return true;
}

static bool note_and_leave(struct trap_frame *frame)
{
    note(frame);
    return false;
}

static void undefined_noted(void)
{
    trap_set_handler(VECTOR_UD, note_and_skip);
    __asm__ volatile("ud2" : : : "memory");
    trap_set_handler(VECTOR_UD, NULL);
}

TEST("RCX and R11 of the interrupted code are on the stack")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("mov $0x1234567, %%rcx\nmov $0x7654321, %%r11\nud2"
                         :
                         :
                         : "rcx", "r11", "memory");
    }
    CHECK_TRAP(fault, VECTOR_UD);
    CHECK_EQ(fault.frame.rcx, 0x1234567);
    CHECK_EQ(fault.frame.r11, 0x7654321);
}

TEST("all other registers are as the interrupted code had them")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("mov $1, %%rax\nmov $2, %%rdx\nmov $3, %%rsi\nmov $4, %%rdi\n"
                         "mov $5, %%r8\nmov $6, %%r9\nmov $7, %%r10\nmov $8, %%r12\n"
                         "mov $9, %%r13\nmov $10, %%r14\nmov $11, %%r15\nmov $12, %%rbx\nud2"
                         :
                         :
                         : "rax", "rbx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r12", "r13",
                           "r14", "r15", "memory");
    }
    CHECK_TRAP(fault, VECTOR_UD);
    CHECK_EQ(fault.frame.rax, 1);
    CHECK_EQ(fault.frame.rdx, 2);
    CHECK_EQ(fault.frame.rsi, 3);
    CHECK_EQ(fault.frame.rdi, 4);
    CHECK_EQ(fault.frame.r8, 5);
    CHECK_EQ(fault.frame.r9, 6);
    CHECK_EQ(fault.frame.r10, 7);
    CHECK_EQ(fault.frame.r12, 8);
    CHECK_EQ(fault.frame.r13, 9);
    CHECK_EQ(fault.frame.r14, 10);
    CHECK_EQ(fault.frame.r15, 11);
    CHECK_EQ(fault.frame.rbx, 12);
}

TEST("the code selector from kernel mode has ring 0")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("ud2");
    }
    CHECK_EQ(frame_selector(&fault.frame), KERNEL_CS);
}

TEST("the stack selector from kernel mode is the one in use")
{
    struct fault fault;
    uint16_t ss;

    __asm__ volatile("mov %%ss, %0" : "=r"(ss));
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("ud2");
    }
    CHECK_EQ(fault.frame.ss & ~3ul, ss & ~3ul);
}

TEST("a frame from kernel mode goes below the stack in use, 16-byte aligned")
{
    struct fault fault;

    undefined_noted();
    CHECK_EQ(seen.frame_end & 15, 0);
    for (unsigned offset = 0; offset < 16; offset += 8) {
        uint64_t end = 0;
        trap_set_handler(VECTOR_UD, note_and_skip);
        EXPECT_FAULT(&fault)
        {
            __asm__ volatile("mov %%rsp, %%rdx\nsub $4096, %%rsp\nand $~15, %%rsp\n"
                             "sub %1, %%rsp\nmov %%rsp, %0\nud2\nmov %%rdx, %%rsp"
                             : "=&r"(end)
                             : "r"((uint64_t)offset)
                             : "rdx", "memory");
        }
        trap_set_handler(VECTOR_UD, NULL);
        CHECK_EQ(seen.frame_end, end & ~15ul);
    }
}

TEST("the handler runs on the flat kernel selectors")
{
    undefined_noted();
    CHECK_EQ(seen.cs, FLAT_KERNEL_CS);
    CHECK_EQ(seen.ss | 3, FLAT_KERNEL_SS);
}

TEST("the handler is entered with TF and NT clear and IF set")
{
    trap_set_handler(VECTOR_DB, note_and_stop_stepping);
    __asm__ volatile("pushfq\norl $0x4100, (%%rsp)\npopfq\nnop\nnop" : : : "memory", "cc");
    trap_set_handler(VECTOR_DB, NULL);
    CHECK_EQ(seen.rflags & (RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM), 0);
    CHECK_EQ(seen.rflags & RFLAGS_IF, RFLAGS_IF);
}

TEST("the flags of the interrupted code are in the frame")
{
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("xor %%eax, %%eax\nstc\nud2" : : : "rax", "cc");
    }
    CHECK_EQ(fault.frame.rflags & (RFLAGS_CF | RFLAGS_ZF), RFLAGS_CF | RFLAGS_ZF);
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("mov $1, %%eax\ntest %%eax, %%eax\nclc\nud2" : : : "rax", "cc");
    }
    CHECK_EQ(fault.frame.rflags & (RFLAGS_CF | RFLAGS_ZF), 0);
}

TEST("IF in the frame says that upcalls were not masked")
{
    struct fault fault;

    upcalls_allow();
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("ud2");
    }
    CHECK_EQ(fault.frame.rflags & RFLAGS_IF, RFLAGS_IF);
    CHECK_EQ(frame_saved_mask(&fault.frame), 0);
}

TEST("IF clear in the frame says that upcalls were masked")
{
    struct fault fault;

    upcalls_disable();
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("ud2");
    }
    upcalls_enable();
    CHECK_EQ(fault.frame.rflags & RFLAGS_IF, 0);
    CHECK_EQ(frame_saved_mask(&fault.frame), 1);
}

TEST("a gate without the interrupt flag leaves upcalls as they were")
{
    CHECK_OK(trap_set_gate(VECTOR_UD, 0, trap_stub(VECTOR_UD)));
    upcalls_allow();
    undefined_noted();
    CHECK_EQ(seen.mask, 0);
    trap_table_reset();
}

TEST("a gate with the interrupt flag masks upcalls")
{
    CHECK_OK(trap_set_gate(VECTOR_UD, 4, trap_stub(VECTOR_UD)));
    upcalls_allow();
    undefined_noted();
    CHECK_EQ(seen.mask, 1);
    CHECK_EQ(this_vcpu()->evtchn_upcall_mask, 0);
    trap_table_reset();
}

TEST("the reserved bits of the code selector's word are clear")
{
    struct fault fault;

    upcalls_disable();
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("ud2");
    }
    upcalls_enable();
    CHECK_EQ(fault.frame.cs & ~(0xfful << 32 | 0xffff), 0);
}

TEST("virtual I/O privilege is not in the frame without vm_assist's architectural_iopl")
{
    struct physdev_set_iopl iopl = {.iopl = 1};
    struct fault fault;

    CHECK_OK(physdev_op(PHYSDEVOP_set_iopl, &iopl));
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("ud2");
    }
    CHECK_EQ(fault.frame.rflags & RFLAGS_IOPL, 0);
}

TEST("a frame from user mode has ring 3 in its code selector")
{
    struct fault fault;

    user_init();
    user_call(user_ud, &fault);
    CHECK_TRAP(fault, VECTOR_UD);
    CHECK_EQ(frame_selector(&fault.frame), USER_CS);
    CHECK_EQ(fault.frame.ss, FLAT_USER_SS);
    CHECK_EQ(fault.frame.rsp, USER_STACK_TOP);
}

TEST("a frame from user mode has user mode's registers")
{
    struct fault fault;

    user_call(user_ud, &fault);
    CHECK_EQ(fault.frame.rax, 0xa1);
    CHECK_EQ(fault.frame.rcx, 0xc1);
    CHECK_EQ(fault.frame.r11, 0x11);
    CHECK_EQ(fault.frame.r15, 0xf1);
}

static void note_user_frame(uint64_t stack)
{
    struct fault fault;

    CHECK_OK(stack_switch(KERNEL_SS, stack));
    trap_set_handler(VECTOR_UD, note_and_leave);
    user_call(user_ud, &fault);
    trap_set_handler(VECTOR_UD, NULL);
    trap_init();
}

static char other_stack[4096] __attribute__((aligned(16)));

TEST("a frame from user mode goes to the top of the stack given by stack_switch")
{
    note_user_frame(POINTER(other_stack + sizeof(other_stack)));
    CHECK_EQ(seen.frame_end, other_stack + sizeof(other_stack));
}

TEST("a stack given by stack_switch is aligned down to 16 bytes for the frame")
{
    note_user_frame(POINTER(other_stack + sizeof(other_stack) - 8));
    CHECK_EQ(seen.frame_end, other_stack + sizeof(other_stack) - 16);
}

TEST("a page fault from user mode has U in its error code")
{
    struct fault fault;

    user_call(user_read, &fault);
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.cr2, 0x10);
    CHECK_EQ(fault.frame.error, PF_USER);
}

TEST("a write to a read-only page from user mode has U, W and P")
{
    struct fault fault;

    user_call(user_write_text, &fault);
    CHECK_TRAP(fault, VECTOR_PF);
    CHECK_EQ(fault.frame.error, PF_USER | PF_WRITE | PF_PRESENT);
}

TEST("upcalls that user mode had enabled are so after the way back")
{
    struct fault fault;

    upcalls_allow();
    user_call(user_ud, &fault);
    CHECK_EQ(fault.frame.rflags & RFLAGS_IF, RFLAGS_IF);
    CHECK_EQ(frame_saved_mask(&fault.frame), 0);
}
