// SPDX-License-Identifier: Apache-2.0
// Exceptions while Pavise starts. Those of code that expects to fault go on at their fixup, any
// other is a panic.

#include "early_idt.h"

#include "base/log.h"
#include "base/panic.h"
#include "exception_table.h"
#include "instructions.h"

#define EXCEPTIONS       32
#define STUB_BYTES       16
#define SELECTOR_CODE64  0x08 /* head.S */
#define GATE_INTERRUPT64 0x8e /* present, ring 0, 64-bit interrupt gate */

/* As the stubs push it. */
struct early_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t stack;
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};

extern const char early_exception_stubs[];
void early_exception(struct early_frame *frame);

static struct gate early_idt[EXCEPTIONS];

static void print_early_frame(const void *registers)
{
    const struct early_frame *f = registers;

    log_always("rip %016lx  rsp %016lx  rfl %016lx", f->rip, f->rsp, f->rflags);
    log_always("rax %016lx  rbx %016lx  rcx %016lx", f->rax, f->rbx, f->rcx);
    log_always("rdx %016lx  rsi %016lx  rdi %016lx", f->rdx, f->rsi, f->rdi);
    log_always("rbp %016lx  r8  %016lx  r9  %016lx", f->rbp, f->r8, f->r9);
    log_always("r10 %016lx  r11 %016lx  r12 %016lx", f->r10, f->r11, f->r12);
    log_always("r13 %016lx  r14 %016lx  r15 %016lx", f->r13, f->r14, f->r15);
    log_always("cr0 %016lx  cr2 %016lx  cr3 %016lx", read_cr0(), read_cr2(), read_cr3());
    log_always("cr4 %016lx  cs %04lx  ss %04lx", read_cr4(), f->cs, f->ss);
}

void early_exception(struct early_frame *frame)
{
    uint64_t fixup = exception_table_find(frame->rip);

    if (fixup != 0) {
        frame->rip = fixup;
        return;
    }
    struct panic_site site = {.instruction = frame->rip,
                              .frame_pointer = frame->rbp,
                              .registers = frame,
                              .print_registers = print_early_frame};
    panic_at(&site, "exception %lu (error code %#lx, address %#lx) while starting", frame->vector,
             frame->error, read_cr2());
}

void early_idt_load(void)
{
    for (unsigned int vector = 0; vector < EXCEPTIONS; vector++) {
        uint64_t stub = (uint64_t)early_exception_stubs + vector * STUB_BYTES;
        early_idt[vector] = (struct gate){
            .offset_low = (uint16_t)stub,
            .selector = SELECTOR_CODE64,
            .type = GATE_INTERRUPT64,
            .offset_middle = (uint16_t)(stub >> 16),
            .offset_high = (uint32_t)(stub >> 32),
        };
    }
    const struct descriptor_pointer pointer = {sizeof(early_idt) - 1, (uint64_t)early_idt};
    lidt(&pointer);
}
