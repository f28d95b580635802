// SPDX-License-Identifier: Apache-2.0
// The trap table and what happens on every entry from the hypervisor.

#include "trap.h"
#include "event.h"

// entry.S
extern const char trap_stubs[];
extern char bounce_stack_end[];
extern struct fault *fault_innermost;
void trap_dispatch(struct trap_frame *frame);

#define STUB_BYTES   16
#define GATE_VECTORS 256

struct fault *fault_innermost;

static trap_handler_t *handlers[VECTOR_COUNT];

_Static_assert(offsetof(struct fault, resume.rip) == 56, "entry.S fault_try");
_Static_assert(offsetof(struct fault, outer) == 64, "entry.S fault_try");
_Static_assert(offsetof(struct fault, taken) == 72, "entry.S fault_try");
_Static_assert(offsetof(struct trap_frame, error) == 16 * 8, "entry.S trap_enter");

void trap_set_handler(unsigned vector, trap_handler_t *handler)
{
    handlers[vector] = handler;
}

uint64_t trap_stub(unsigned vector)
{
    return POINTER(trap_stubs) + vector * STUB_BYTES;
}

long trap_set_gate(unsigned vector, uint8_t flags, uint64_t address)
{
    struct trap_info table[2] = {
        {.vector = (uint8_t)vector, .flags = flags, .cs = FLAT_KERNEL_CS, .address = address},
    };

    return set_trap_table(table);
}

// Everyone may raise #BP and #OF by their instructions; the rest is for the processor only. #PF
// comes with events masked, so that CR2 is read before an upcall can cause another one.
void trap_table_reset(void)
{
    static struct trap_info table[GATE_VECTORS + 1];

    for (unsigned vector = 0; vector < GATE_VECTORS; vector++) {
        bool open = vector == VECTOR_BP || vector == VECTOR_OF;
        table[vector] = (struct trap_info){
            .vector = (uint8_t)vector,
            .flags = (uint8_t)((open ? 3 : 0) | (vector == VECTOR_PF ? 4 : 0)),
            .cs = FLAT_KERNEL_CS,
            .address = trap_stub(vector),
        };
    }
    (void)set_trap_table(table);
}

void trap_init(void)
{
    trap_table_reset();
    (void)set_callbacks(POINTER(event_entry), POINTER(failsafe_entry), POINTER(syscall_entry));
    (void)stack_switch(KERNEL_SS, POINTER(bounce_stack_end));
}

void frame_print(const struct trap_frame *frame, uint64_t cr2)
{
    print("# vector %lu error %lx cs:rip %lx:%016lx rflags %lx ss:rsp %lx:%016lx cr2 %lx\n",
          frame->vector, frame->error, frame->cs, frame->rip, frame->rflags, frame->ss, frame->rsp,
          cr2);
    print("# rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", frame->rax, frame->rbx, frame->rcx,
          frame->rdx);
    print("# rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", frame->rsi, frame->rdi, frame->rbp,
          frame->r8);
    print("# r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", frame->r9, frame->r10, frame->r11,
          frame->r12);
    print("# r13 %016lx r14 %016lx r15 %016lx\n", frame->r13, frame->r14, frame->r15);
}

static void crash(const struct trap_frame *frame, uint64_t cr2)
{
    print("Bail out! a trap nobody expected\n");
    frame_print(frame, cr2);
    guest_shutdown(SHUTDOWN_crash);
}

// Turns the frame into a return to fault_try's caller, in kernel mode, with the upcall mask that
// was in force there.
static void catch_fault(struct fault *fault, struct trap_frame *frame, uint64_t cr2)
{
    bool masked = frame_from_user(frame) || frame_saved_mask(frame) != 0;

    fault->frame = *frame;
    fault->cr2 = cr2;
    fault->upcall_mask = this_vcpu()->evtchn_upcall_mask;
    fault->taken = 1;
    fault_innermost = fault->outer;

    frame->rbx = fault->resume.rbx;
    frame->rbp = fault->resume.rbp;
    frame->r12 = fault->resume.r12;
    frame->r13 = fault->resume.r13;
    frame->r14 = fault->resume.r14;
    frame->r15 = fault->resume.r15;
    frame->rsp = fault->resume.rsp;
    frame->rip = fault->resume.rip;
    frame->rax = 1;
    frame->cs = KERNEL_CS;
    frame->ss = KERNEL_SS;
    frame->rflags = RFLAGS_ONE | (masked ? 0 : RFLAGS_IF);
}

void trap_dispatch(struct trap_frame *frame)
{
    uint64_t cr2 = this_vcpu()->arch.cr2;
    trap_handler_t *handler = handlers[frame->vector];

    if (handler != NULL && handler(frame)) {
        return;
    }
    if (frame->vector == VECTOR_EVENT) {
        event_dispatch();
        return;
    }
    if (fault_innermost == NULL) {
        crash(frame, cr2);
    }
    catch_fault(fault_innermost, frame, cr2);
}

int fault_end(void)
{
    fault_innermost = fault_innermost->outer;
    return 1;
}
