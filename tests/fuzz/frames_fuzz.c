// SPDX-License-Identifier: Apache-2.0
// Frames and what they load: bounces of every kind, IRET with any frame, callbacks, stacks,
// segments, descriptors and debug registers, and privileged instructions of random bytes, in any
// order. After each, what the processor would be given to run the guest has no privilege in it.
//
// Input: bytes that everything takes its numbers from; it ends when they do, or when the guest
// dies.
#include <stdlib.h>

#include "../unit/pv_fixture.h"
#include "mmu/ldt.h"
#include "input.h"
#include "must.h"
#include "operations.h"
#include "pv/bounce.h"
#include "pv/exit.h"
#include "pv/hypercalls.h"
#include "pv/traps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAMES 4

static mfn_t frames[FRAMES];

/* ---- numbers --------------------------------------------------------------------------------- */

static uint64_t take_address(void)
{
    switch (take(8)) {
    case 0:
        return NON_CANONICAL + take(64);
    case 1:
        return 0xffff800000000000UL + take(64) * PAGE_SIZE; /* the hypervisor's range */
    case 2:
        return UINT64_MAX - take(64);
    case 3:
        return take_bytes(8);
    case 4:
        return HANDLER + take(64);
    case 5:
        return (uint64_t)code + take(64);
    default:
        return (uint64_t)stack + take(65) * 64;
    }
}

static uint64_t take_selector(void)
{
    static const uint64_t known[] = {GUEST_CS64,
                                     GUEST_CS64 & ~3UL,
                                     GUEST_CS32,
                                     GUEST_SS,
                                     GUEST_SS & ~3UL,
                                     0,
                                     3,
                                     0x8,
                                     0x10,
                                     0x2b,
                                     0xe008,
                                     0xe010};
    uint32_t which = take(16);

    return which < ARRAY_SIZE(known) ? known[which] : take_bytes(2);
}

static uint64_t take_flags(void)
{
    return take(2) ? take_bytes(8) : RFLAGS_FIXED | (uint64_t)take(2) << 9 | take(4) << 12;
}

static uint64_t take_descriptor(void)
{
    return take(2) ? take_bytes(8) : 0x00af9a000000ffffUL ^ (uint64_t)take(256) << 40;
}

/* ---- what the guest asks for ------------------------------------------------------------------
 */

static void set_random_gate(void)
{
    struct trap_info gates[2] = {{.vector = (uint8_t)take(64),
                                  .flags = (uint8_t)take(8),
                                  .cs = (uint16_t)take_selector(),
                                  .address = take_address()},
                                 {0}};

    memcpy(data, gates, sizeof(gates));
    (void)hypercall_set_trap_table(gva((uint64_t)data));
}

static void return_by_iret(void)
{
    struct iret_context frame = {.rax = take(2),
                                 .rcx = take(2),
                                 .flags = take(4) ? 0 : take_bytes(4),
                                 .rip = take_address(),
                                 .cs = take_selector(),
                                 .rflags = take_flags(),
                                 .rsp = take_address(),
                                 .ss = take_selector()};

    v->regs.rsp = take(16) ? (uint64_t)stack_end - sizeof(frame) - 8 * take(3) : take_address();
    memcpy(stack_end - sizeof(frame), &frame, sizeof(frame));
    (void)hypercall_iret();
}

static void register_callback(void)
{
    struct callback_register callback = {
        .type = (uint16_t)take(9), .flags = (uint16_t)take(4), .address = take_address()};

    memcpy(data, &callback, sizeof(callback));
    (void)hypercall_callback_op(take(3), gva((uint64_t)data));
}

static void change_descriptors(void)
{
    uint64_t list[2] = {frames[take(FRAMES)].n, frames[take(FRAMES)].n};

    if (take(2)) {
        (void)hypercall_update_descriptor(mfn_to_maddr(frames[take(FRAMES)]).a + take(512) * 8 +
                                              (take(8) ? 0 : take(8)),
                                          take_descriptor());
        return;
    }
    memcpy(data, list, sizeof(list));
    (void)hypercall_set_gdt(gva((uint64_t)data), take(3) * 400);
}

/* A store of the guest's own, where it has the page writable. */
static void scribble_on_frame(void)
{
    mfn_t m = frames[take(FRAMES)];

    if (frame_get_writable(frame_of(m), guest_domain->id)) {
        entries(m)[take(512)] = take_descriptor();
        frame_put_writable(frame_of(m));
    }
}

static void small_call(void)
{
    switch (take(6)) {
    case 0:
        (void)hypercall_stack_switch(take_selector(), take_address());
        break;
    case 1:
        (void)hypercall_set_callbacks(take_address(), take_address(), take_address());
        break;
    case 2:
        (void)hypercall_fpu_taskswitch(take(2));
        break;
    case 3:
        (void)hypercall_set_debugreg(take(9), take(2) ? take_address() : take_bytes(4));
        break;
    case 4:
        (void)hypercall_get_debugreg(take(9));
        break;
    default:
        (void)hypercall_set_segment_base(take(5), take(2) ? take_address() : take_selector());
        break;
    }
}

/* ---- what happens to it -----------------------------------------------------------------------
 */

static void raise_exception(void)
{
    static const uint8_t vectors[] = {0, 1, 3, 4, 6, 7, 10, 11, 12, 13, 13, 13, 13, 14, 16, 17, 19};
    uint8_t bytes[16];

    for (unsigned int i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)take_bytes(1);
    }
    if (take(4)) {
        put_code(bytes, sizeof(bytes));
    }
    v->regs.entry_vector = vectors[take(ARRAY_SIZE(vectors))];
    v->regs.error_code = take(2) ? 0 : (uint32_t)take_bytes(2);
    v->regs.rax = take_bytes(2);
    v->regs.rcx = take_bytes(2);
    v->regs.rdx = take_bytes(1);
    host_fault_address = take_address();
    exception_from_guest(v);
}

static void bounce(void)
{
    switch (take(9)) {
    case 0:
        pv_bounce_trap(v, take(32), (uint32_t)take_bytes(2));
        break;
    case 1:
        pv_bounce_page_fault(v, take_address(), take(32));
        break;
    case 2:
        if (v->info->evtchn_upcall_mask == 0 && v->event.address != 0) {
            pv_bounce_event(v);
        }
        break;
    case 3:
        if (pv_has_nmi_handler(v)) {
            pv_bounce_nmi(v);
        }
        break;
    case 4:
        if (!vcpu_in_kernel(v) && v->sysenter.address != 0) {
            pv_bounce_sysenter(v);
        }
        break;
    case 5:
        if (v->failsafe.address != 0) {
            pv_bounce_failsafe(v);
        }
        break;
    case 6:
        if (!vcpu_in_kernel(v)) {
            pv_syscall(v);
        }
        break;
    case 7:
        if (!vcpu_in_kernel(v)) {
            pv_syscall32(v);
        }
        break;
    default:
        v->iret_fault_code = (uint64_t)(take(2) ? 13 : 14) << 32 | (uint32_t)take_bytes(2);
        pv_iret_fault(v);
        break;
    }
}

/* A guest without a stack to be entered on is dead at once; most steps should not end so. */
static void find_stacks(void)
{
    if (take(16) != 0) {
        v->kernel_sp = (uint64_t)stack_end - 64UL * take(8);
        v->regs.rsp = (uint64_t)stack_end - 64UL * take(8);
    }
}

static void step(void)
{
    find_stacks();
    switch (take(12)) {
    case 0:
        set_random_gate();
        break;
    case 1:
    case 2:
    case 3:
        return_by_iret();
        break;
    case 4:
        register_callback();
        break;
    case 5:
        change_descriptors();
        break;
    case 6:
        scribble_on_frame();
        break;
    case 7:
        small_call();
        break;
    case 8:
    case 9:
        raise_exception();
        break;
    default:
        bounce();
        break;
    }
}

/* ---- what must hold ---------------------------------------------------------------------------
 */

/* Not present, or a segment of ring 3. */
static void check_descriptor(uint64_t d)
{
    MUST((d & 1UL << 47) == 0 || ((d & 1UL << 44) != 0 && (d & 3UL << 45) == 3UL << 45));
}

static void check_tables(void)
{
    for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++) {
        mfn_t m = v->gdt_frames[i];
        for (unsigned int slot = 0; m.n != MFN_INVALID && slot < 512; slot++) {
            check_descriptor(entries(m)[slot]);
        }
    }
}

static void check_registers(void)
{
    const struct cpu_user_regs *r = &v->regs;

    MUST((r->cs & 3) == 3);
    MUST((r->ss & 3) == 3);
    MUST((r->rflags & (RFLAGS_NOT_FOR_GUESTS | RFLAGS_IF | RFLAGS_FIXED)) ==
         (RFLAGS_IF | RFLAGS_FIXED));
    MUST(vcpu_in_kernel(v) || v->user_cr3 != 0);
    /* SYSRET has no other selectors to load. */
    if (r->entry_vector == ENTRY_SYSCALL) {
        MUST(r->cs == GUEST_CS64 && r->ss == GUEST_SS);
    }
    /* General detection would trap Pavise's own accesses; breakpoints are for the guest's range. */
    MUST((v->debug_registers[7] & 1UL << 13) == 0);
    for (unsigned int i = 0; i < 4; i++) {
        MUST(v->debug_registers[i] < HYPERVISOR_VIRT_START ||
             v->debug_registers[i] >= HYPERVISOR_VIRT_END);
    }
}

/* ---- one input ------------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    input_begin(bytes, size);
    fixture_setup(NULL);
    v->user_cr3 = NO_TABLE;
    for (unsigned int i = 0; i < FRAMES; i++) {
        frames[i] = new_frame();
    }
    for (unsigned int vector = 0; vector < 32; vector++) {
        set_gate(vector, 3, vector % 2 != 0);
    }
    while (input.size > 0 && !crashed()) {
        step();
        fuzz_operations++;
        if (!crashed()) {
            check_registers();
            check_tables();
        }
    }
    gdt_drop(v);
    fixture_teardown(NULL);
    return 0;
}
