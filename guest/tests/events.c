// SPDX-License-Identifier: Apache-2.0
// How an event becomes an upcall: the bits of shared_info and vcpu_info, as the comments of the
// public header xen.h describe them.

#include "clock.h"
#include "tap.h"
#include "user.h"

USER_CODE(user_wait, "1: cmpl $0, " USER_DATA_TEXT "\nje 1b\nint $0x80");
USER_CODE(user_int80, "int $0x80");

// An unmasked port whose events come from this vCPU itself.
static evtchn_port_t new_port(void)
{
    int port = event_bind_ipi(0);

    CHECK(port > 0);
    event_clear_pending((evtchn_port_t)port);
    event_clear_mask((evtchn_port_t)port);
    event_reset_counts();
    return (evtchn_port_t)port;
}

static void close_port(evtchn_port_t port)
{
    event_mask(port);
    CHECK_OK(event_close(port));
    event_clear_pending(port);
}

TEST("an event on an unmasked port is an upcall before the call returns")
{
    evtchn_port_t port = new_port();

    CHECK_OK(event_send(port));
    CHECK_EQ(event_upcalls(), 1);
    CHECK_EQ(event_count(port), 1);
    close_port(port);
}

TEST("an event sets the port's pending bit, its word's selector bit, and upcall_pending")
{
    evtchn_port_t port = new_port();

    upcalls_disable();
    CHECK_OK(event_send(port));
    CHECK(event_pending(port));
    CHECK(event_selected(port));
    CHECK(this_vcpu()->evtchn_upcall_pending != 0);
    upcalls_enable();
    close_port(port);
}

TEST("a masked vCPU takes no upcall; the event waits for the mask to go")
{
    evtchn_port_t port = new_port();

    upcalls_disable();
    CHECK_OK(event_send(port));
    CHECK_OK(sched_op(SCHEDOP_yield, NULL));
    CHECK_EQ(event_upcalls(), 0);
    upcalls_enable();
    CHECK_EQ(event_upcalls(), 1);
    CHECK_EQ(event_count(port), 1);
    close_port(port);
}

TEST("a masked port becomes pending without selector bit or upcall")
{
    evtchn_port_t port = new_port();

    event_mask(port);
    this_vcpu()->evtchn_pending_sel = 0;
    this_vcpu()->evtchn_upcall_pending = 0;
    CHECK_OK(event_send(port));
    CHECK(event_pending(port));
    CHECK(!event_selected(port));
    CHECK_EQ(this_vcpu()->evtchn_upcall_pending, 0);
    CHECK_EQ(event_upcalls(), 0);
    close_port(port);
}

TEST("the edge is lost while masked: clearing the mask bit alone brings no upcall")
{
    evtchn_port_t port = new_port();

    event_mask(port);
    CHECK_OK(event_send(port));
    event_clear_mask(port);
    CHECK_OK(sched_op(SCHEDOP_yield, NULL));
    CHECK_EQ(event_upcalls(), 0);
    CHECK(event_pending(port));
    close_port(port);
}

TEST("EVTCHNOP_unmask clears the mask bit and brings the upcall of a pending port")
{
    evtchn_port_t port = new_port();

    event_mask(port);
    CHECK_OK(event_send(port));
    CHECK_OK(event_unmask_call(port));
    CHECK(!event_masked(port));
    CHECK_EQ(event_upcalls(), 1);
    CHECK_EQ(event_count(port), 1);
    close_port(port);
}

TEST("EVTCHNOP_unmask of a port that is not pending brings none")
{
    evtchn_port_t port = new_port();

    event_mask(port);
    CHECK_OK(event_unmask_call(port));
    CHECK(!event_masked(port));
    CHECK_EQ(event_upcalls(), 0);
    close_port(port);
}

TEST("only the transition of pending counts: an event on a pending port is no second upcall")
{
    evtchn_port_t port = new_port();

    event_set_pending(port);
    CHECK_OK(event_send(port));
    CHECK_EQ(event_upcalls(), 0);
    CHECK(!event_selected(port));
    close_port(port);
}

TEST("two ports pending at once share an upcall")
{
    evtchn_port_t first = new_port(), second = new_port();

    upcalls_disable();
    CHECK_OK(event_send(first));
    CHECK_OK(event_send(second));
    upcalls_enable();
    CHECK_EQ(event_upcalls(), 1);
    CHECK_EQ(event_count(first), 1);
    CHECK_EQ(event_count(second), 1);
    close_port(first);
    close_port(second);
}

static struct {
    unsigned entries;
    uint8_t mask;
    struct trap_frame frame;
} upcall;

static bool note_upcall(struct trap_frame *frame)
{
    upcall.entries++;
    upcall.mask = this_vcpu()->evtchn_upcall_mask;
    upcall.frame = *frame;
    event_dispatch();
    return true;
}

TEST("an upcall's handler starts with upcalls masked, its frame with them unmasked")
{
    evtchn_port_t port = new_port();

    trap_set_handler(VECTOR_EVENT, note_upcall);
    CHECK_OK(event_send(port));
    trap_set_handler(VECTOR_EVENT, NULL);
    CHECK_EQ(upcall.mask, 1);
    CHECK_EQ(frame_saved_mask(&upcall.frame), 0);
    CHECK_EQ(upcall.frame.rflags & RFLAGS_IF, RFLAGS_IF);
    CHECK_EQ(this_vcpu()->evtchn_upcall_mask, 0);
    close_port(port);
}

TEST("an upcall interrupts a hypercall behind its end, with the result in RAX")
{
    evtchn_port_t port = new_port();

    trap_set_handler(VECTOR_EVENT, note_upcall);
    CHECK_OK(event_send(port));
    trap_set_handler(VECTOR_EVENT, NULL);
    CHECK_EQ(upcall.frame.rax, 0);
    CHECK(upcall.frame.rip >= POINTER(hypercall_page));
    CHECK(upcall.frame.rip < POINTER(hypercall_page) + PAGE_SIZE);
    close_port(port);
}

TEST("an upcall at a hypercall's end finds all other registers as the caller had them")
{
    evtchn_port_t port = new_port();
    struct evtchn_send send = {.port = port};
    const struct trap_frame *frame = &upcall.frame;

    trap_set_handler(VECTOR_EVENT, note_upcall);
    __asm__ volatile("mov $1, %%rdx\nmov $2, %%r10\nmov $3, %%r8\nmov $4, %%r9\nmov $5, %%rbx\n"
                     "mov $6, %%r12\nmov $7, %%r13\nmov $8, %%r14\nmov $9, %%r15\n"
                     "call hypercall_page + 32 * 32"
                     :
                     : "D"(EVTCHNOP_send), "S"(&send)
                     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                       "r15", "memory");
    trap_set_handler(VECTOR_EVENT, NULL);
    CHECK_EQ(event_upcalls(), 1);
    CHECK_EQ(frame->rdi, EVTCHNOP_send);
    CHECK_EQ(frame->rsi, POINTER(&send));
    CHECK_EQ(frame->rdx, 1);
    CHECK_EQ(frame->r10, 2);
    CHECK_EQ(frame->r8, 3);
    CHECK_EQ(frame->r9, 4);
    CHECK_EQ(frame->rbx, 5);
    CHECK_EQ(frame->r12, 6);
    CHECK_EQ(frame->r13, 7);
    CHECK_EQ(frame->r14, 8);
    CHECK_EQ(frame->r15, 9);
    CHECK_EQ(frame_selector(frame), KERNEL_CS);
    close_port(port);
}

TEST("an upcall that waited comes on the way to user mode, in user mode's frame")
{
    evtchn_port_t port = new_port();
    struct fault fault;

    user_init();
    CHECK_OK(trap_set_gate(0x80, 3, trap_stub(0x80)));
    upcall.entries = 0;
    trap_set_handler(VECTOR_EVENT, note_upcall);
    upcalls_disable();
    CHECK_OK(event_send(port));
    user_call(user_int80, &fault);
    trap_set_handler(VECTOR_EVENT, NULL);
    CHECK_TRAP(fault, 0x80);
    CHECK_EQ(upcall.entries, 1);
    CHECK_EQ(frame_selector(&upcall.frame), USER_CS);
    CHECK_EQ(upcall.frame.rip, user_address(user_int80));
    upcalls_enable();
    close_port(port);
}

static bool release_user(struct trap_frame *frame)
{
    *(volatile int *)user_data() = 1;
    return note_upcall(frame);
}

TEST("an upcall interrupts user mode that never enters the kernel by itself")
{
    int timer = event_bind_virq(VIRQ_TIMER, 0);
    struct fault fault;

    CHECK(timer > 0);
    CHECK_OK(vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL));
    event_clear_pending((evtchn_port_t)timer);
    event_clear_mask((evtchn_port_t)timer);
    *(volatile int *)user_data() = 0;
    upcall.entries = 0;
    trap_set_handler(VECTOR_EVENT, release_user);
    CHECK_OK(set_timer_op(clock_ns() + 20000000));
    user_call(user_wait, &fault);
    trap_set_handler(VECTOR_EVENT, NULL);
    CHECK_TRAP(fault, 0x80);
    CHECK(upcall.entries >= 1);
    CHECK_EQ(frame_selector(&upcall.frame), USER_CS);
    close_port((evtchn_port_t)timer);
}
