// SPDX-License-Identifier: Apache-2.0
// Other vCPUs of the image's own domain.

#include "vcpus.h"

#include "clock.h"
#include "mm.h"
#include "trap.h"

#define STACK_PAGES 2
#define MS          1000000ul

static struct job {
    void (*function)(void *argument);
    void *argument;
    bool initialised;
} jobs[VCPUS_MAX];

// Only those that are used: every page of an image is one more in the domains that run it too.
static char *stack_end(unsigned id)
{
    static char *ends[VCPUS_MAX];

    if (ends[id] == NULL) {
        ends[id] = (char *)pages_alloc(STACK_PAGES) + STACK_PAGES * PAGE_SIZE;
    }
    return ends[id];
}

// Where each begins, and goes on each time it is brought up again.
static void work(uint64_t id)
{
    for (;;) {
        jobs[id].function(jobs[id].argument);
        (void)vcpu_op(VCPUOP_down, (unsigned)id, NULL);
    }
}

void vcpu_prepare_context(unsigned id, struct vcpu_guest_context *context)
{
    memset(context, 0, sizeof(*context));
    context->flags = VGCF_in_kernel;
    context->user_regs.rip = POINTER(work);
    // As after a call: the compiler counts on it.
    context->user_regs.rsp = POINTER(stack_end(id) - 8);
    context->user_regs.rdi = id;
    context->user_regs.cs = FLAT_KERNEL_CS;
    context->user_regs.ss = FLAT_KERNEL_SS;
    context->user_regs.rflags = RFLAGS_IF;
    context->kernel_ss = FLAT_KERNEL_SS;
    context->kernel_sp = context->user_regs.rsp;
    context->event_callback_eip = POINTER(event_entry);
    context->failsafe_callback_eip = POINTER(failsafe_entry);
    context->syscall_callback_eip = POINTER(syscall_entry);
    context->ctrlreg[3] = xen_pfn_to_cr3(virt_to_mfn(live_l4()));
}

long vcpu_start(unsigned id, void (*function)(void *argument), void *argument)
{
    static struct vcpu_guest_context context;
    long error = 0;

    jobs[id].function = function;
    jobs[id].argument = argument;
    if (!jobs[id].initialised) {
        if (id < XEN_LEGACY_MAX_VCPUS) {
            shared_info->vcpu_info[id].evtchn_upcall_mask = 1;
        }
        vcpu_prepare_context(id, &context);
        error = vcpu_op(VCPUOP_initialise, id, &context);
    }
    if (error == 0) {
        jobs[id].initialised = true;
        error = vcpu_op(VCPUOP_up, id, NULL);
    }
    return error;
}

static void give_way(void)
{
    struct sched_poll poll = {.timeout = clock_ns() + MS / 4};

    (void)sched_op(SCHEDOP_poll, &poll);
}

bool vcpu_wait_down(unsigned id, unsigned milliseconds)
{
    uint64_t give_up = clock_ns() + milliseconds * MS;

    while (vcpu_op(VCPUOP_is_up, id, NULL) != 0 && clock_ns() < give_up) {
        give_way();
    }
    return vcpu_op(VCPUOP_is_up, id, NULL) == 0;
}

bool vcpu_wait_for(const volatile uint64_t *word, uint64_t value, unsigned milliseconds)
{
    uint64_t give_up = clock_ns() + milliseconds * MS;

    while (*word < value && clock_ns() < give_up) {
        give_way();
    }
    return *word >= value;
}
