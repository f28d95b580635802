// SPDX-License-Identifier: Apache-2.0
// Traps as the tests see them: handlers by vector, and code that is allowed to fault.
#pragma once

#include "guest.h"

// The 256 vectors of the trap table, then the callbacks; entry.S has the same.
enum {
    VECTOR_DE = 0,
    VECTOR_DB = 1,
    VECTOR_BP = 3,
    VECTOR_OF = 4,
    VECTOR_UD = 6,
    VECTOR_NM = 7,
    VECTOR_TS = 10,
    VECTOR_NP = 11,
    VECTOR_SS = 12,
    VECTOR_GP = 13,
    VECTOR_PF = 14,
    VECTOR_MF = 16,
    VECTOR_AC = 17,
    VECTOR_XF = 19,
    VECTOR_EVENT = 256,
    VECTOR_SYSCALL,
    VECTOR_FAILSAFE,
    VECTOR_NMI,
    VECTOR_SYSENTER,
    VECTOR_SYSCALL32,
    VECTOR_COUNT
};

// Page-fault error code (processor manual, interrupt 14).
#define PF_PRESENT 0x1
#define PF_WRITE   0x2
#define PF_USER    0x4
#define PF_FETCH   0x10

#define RFLAGS_CF   (1ul << 0)
#define RFLAGS_ONE  (1ul << 1)
#define RFLAGS_ZF   (1ul << 6)
#define RFLAGS_TF   (1ul << 8)
#define RFLAGS_IF   (1ul << 9)
#define RFLAGS_DF   (1ul << 10)
#define RFLAGS_IOPL (3ul << 12)
#define RFLAGS_NT   (1ul << 14)
#define RFLAGS_RF   (1ul << 16)
#define RFLAGS_VM   (1ul << 17)
#define RFLAGS_AC   (1ul << 18)
#define RFLAGS_VIF  (1ul << 19)
#define RFLAGS_VIP  (1ul << 20)
#define RFLAGS_ID   (1ul << 21)

// The kernel's code selector as a bounce frame shows it and iret takes it: ring 0 stands for
// kernel mode, ring 3 for user mode (public header xen-x86_64.h, HYPERVISOR_iret).
#define KERNEL_CS (FLAT_KERNEL_CS & ~3u)
#define USER_CS   FLAT_USER_CS
#define KERNEL_SS FLAT_KERNEL_SS

// Every entry brought to one shape by entry.S. `cs` holds the word of the bounce frame: selector,
// and in bits 32 to 39 the upcall mask that was saved. On the way out `error` is what the iret
// hypercall takes as its flags.
struct trap_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

static inline uint16_t frame_selector(const struct trap_frame *frame)
{
    return (uint16_t)frame->cs;
}

static inline uint8_t frame_saved_mask(const struct trap_frame *frame)
{
    return (uint8_t)(frame->cs >> 32);
}

static inline bool frame_from_user(const struct trap_frame *frame)
{
    return (frame->cs & 3) == 3;
}

// Handlers may change the frame; returning true resumes at it, false means "not mine".
typedef bool trap_handler_t(struct trap_frame *frame);
void trap_set_handler(unsigned vector, trap_handler_t *handler);

// Installs the table, the callbacks and the stack that entries from user mode use.
void trap_init(void);

// One gate of the trap table: `flags` as in struct trap_info. trap_table_reset puts back all of
// trap_init's.
long trap_set_gate(unsigned vector, uint8_t flags, uint64_t address);
void trap_table_reset(void);

// Where the stub of a vector is, and the callbacks' entry points.
uint64_t trap_stub(unsigned vector);
extern char event_entry[], syscall_entry[], failsafe_entry[], nmi_entry[];
extern char sysenter_entry[], syscall32_entry[];

// DS ES FS GS as the last failsafe callback had them.
extern const uint64_t failsafe_selectors[4];

// Sends the vCPU to a frame in any mode; does not come back. Events must be masked.
void frame_resume(struct trap_frame *frame) __attribute__((noreturn));

// Code that may fault:
//
//     struct fault fault;
//     EXPECT_FAULT(&fault) { ... }
//     if (fault.taken) ... fault.frame.vector ...
//
// The first trap that no handler takes, or that comes from user mode, ends the block; the frame and
// the CR2 of the moment are in `fault`. The block must not be left by break, return or goto.
struct fault {
    struct {
        uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip;
    } resume;
    struct fault *outer;
    uint64_t taken;
    struct trap_frame frame;
    uint64_t cr2;
    // The vCPU's mask as the handler found it.
    uint8_t upcall_mask;
};

int fault_try(struct fault *fault) __attribute__((returns_twice));
int fault_end(void);

#define EXPECT_FAULT(fault) for (int caught_ = fault_try(fault); !caught_; caught_ = fault_end())

// A line per register, as TAP diagnostics.
void frame_print(const struct trap_frame *frame, uint64_t cr2);
