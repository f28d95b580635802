// SPDX-License-Identifier: Apache-2.0
// A second vCPU: initialise, up, down, and events for it (public header vcpu.h).

#include "clock.h"
#include "image.h"
#include "tap.h"
#include "vcpus.h"

IMAGE_BOOT("vcpus=2");

#define MS 1000000ul

// What vCPU 1 does: note how it started, then count, and take itself down, for ever.
volatile uint64_t second_rdi, second_rsp, second_runs;
extern const char second_start[];
__asm__(".pushsection .text\n"
        "second_start: mov %rdi, second_rdi\nmov %rsp, second_rsp\n"
        "1: lock incq second_runs\n"
        "mov $2, %edi\nmov $1, %esi\nxor %edx, %edx\n" // VCPUOP_down of vCPU 1
        "call hypercall_page + 24 * 32\njmp 1b\n"
        ".popsection");

static char second_stack[4096] __attribute__((aligned(16)));
static struct vcpu_guest_context context;

// The ordinary first state, but for where it begins and what is in two registers.
static void prepare_context(void)
{
    vcpu_prepare_context(1, &context);
    context.user_regs.rip = POINTER(second_start);
    context.user_regs.rsp = POINTER(second_stack + sizeof(second_stack));
    context.user_regs.rdi = 0x5ec0d;
}

// Lets vCPU 1 have the processor until it has run so often, or for a second.
static bool wait_for_runs(uint64_t runs)
{
    return vcpu_wait_for(&second_runs, runs, 1000);
}

static bool wait_until_down(void)
{
    return vcpu_wait_down(1, 1000);
}

TEST("a vCPU that was not initialised is not up")
{
    CHECK_EQ(vcpu_op(VCPUOP_is_up, 1, NULL), 0);
}

TEST("a vCPU that was not initialised cannot be brought up")
{
    CHECK_ERR(vcpu_op(VCPUOP_up, 1, NULL), XEN_EINVAL);
}

TEST("a context that is not there gets -EFAULT")
{
    CHECK_ERR(vcpu_op(VCPUOP_initialise, 1, (void *)SPARE_VA), XEN_EFAULT);
}

TEST("a context whose page-table base is none is refused")
{
    prepare_context();
    context.ctrlreg[3] = xen_pfn_to_cr3(virt_to_mfn(second_stack));
    CHECK_ERR(vcpu_op(VCPUOP_initialise, 1, &context), XEN_EINVAL);
}

TEST("an initialised vCPU does not run, and is initialised once")
{
    prepare_context();
    CHECK_OK(vcpu_op(VCPUOP_initialise, 1, &context));
    CHECK_EQ(vcpu_op(VCPUOP_is_up, 1, NULL), 0);
    CHECK_ERR(vcpu_op(VCPUOP_initialise, 1, &context), XEN_EEXIST);
    CHECK_EQ(second_runs, 0);
}

TEST("VCPUOP_up starts it with the registers of its context")
{
    CHECK_OK(vcpu_op(VCPUOP_up, 1, NULL));
    CHECK(wait_for_runs(1));
    CHECK_EQ(second_rdi, 0x5ec0d);
    CHECK_EQ(second_rsp, POINTER(second_stack + sizeof(second_stack)));
}

TEST("a vCPU that takes itself down is not up")
{
    CHECK(wait_until_down());
    CHECK_EQ(second_runs, 1);
}

TEST("brought up again it goes on behind its call")
{
    CHECK_OK(vcpu_op(VCPUOP_up, 1, NULL));
    CHECK(wait_for_runs(2));
    CHECK(wait_until_down());
}

TEST("the run state of a vCPU that is down is offline")
{
    struct vcpu_runstate_info info;

    CHECK_OK(vcpu_op(VCPUOP_get_runstate_info, 1, &info));
    CHECK_EQ(info.state, RUNSTATE_offline);
    CHECK(info.time[RUNSTATE_offline] != 0);
}

TEST("an event for it is signalled in its vcpu_info, not in that of vCPU 0")
{
    int port = event_bind_ipi(1);
    struct vcpu_info *second = &shared_info->vcpu_info[1];

    CHECK(port > 0);
    second->evtchn_upcall_mask = 1;
    second->evtchn_upcall_pending = 0;
    event_reset_counts();
    event_clear_mask((evtchn_port_t)port);
    CHECK_OK(event_send((evtchn_port_t)port));
    CHECK_EQ(second->evtchn_upcall_pending, 1);
    CHECK_EQ(second->evtchn_pending_sel & 1, 1);
    CHECK_EQ(event_upcalls(), 0);
    event_mask((evtchn_port_t)port);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("its virtual interrupts are bound beside those of vCPU 0")
{
    int first = event_bind_virq(VIRQ_DEBUG, 0), second = event_bind_virq(VIRQ_DEBUG, 1);

    CHECK(first > 0);
    CHECK(second > 0);
    CHECK_OK(event_close((evtchn_port_t)first));
    CHECK_OK(event_close((evtchn_port_t)second));
}

TEST("a page table that is its base cannot be made writable while it is down")
{
    CHECK(page_make_writable(live_l4()) < 0);
}

TEST("another vCPU's periodic timer can be set, its single-shot timer cannot")
{
    struct vcpu_set_periodic_timer timer = {.period_ns = 10 * MS};

    CHECK_OK(vcpu_op(VCPUOP_set_periodic_timer, 1, &timer));
    CHECK_OK(vcpu_op(VCPUOP_stop_periodic_timer, 1, NULL));
    struct vcpu_set_singleshot_timer single = {.timeout_abs_ns = clock_ns() + MS};
    CHECK_ERR(vcpu_op(VCPUOP_set_singleshot_timer, 1, &single), XEN_EINVAL);
}

#define DATA_SEGMENT  0x00cff3000000fffful
#define DATA_SELECTOR 0x13 // entry 2, ring 3

static uint16_t read_ds(void)
{
    uint32_t ds;

    __asm__ volatile("mov %%ds, %0" : "=r"(ds));
    return (uint16_t)ds;
}

static void load_ds(uint32_t selector)
{
    __asm__ volatile("mov %0, %%ds" : : "r"(selector));
}

// vCPU 1 runs on the same processor in between, so the registers of vCPU 0 have to be loaded again.
TEST("a segment register that cannot be loaded any more is told to the failsafe callback")
{
    uint64_t *gdt = page_alloc(), frame;
    uint64_t runs = second_runs;
    struct fault fault;

    gdt[2] = DATA_SEGMENT;
    CHECK_OK(page_make_readonly(gdt));
    frame = virt_to_mfn(gdt);
    CHECK_OK(set_gdt(&frame, 512));
    load_ds(DATA_SELECTOR);
    CHECK_OK(update_descriptor(virt_to_maddr(&gdt[2]), 0));
    CHECK_EQ(read_ds(), DATA_SELECTOR);
    EXPECT_FAULT(&fault)
    {
        (void)vcpu_op(VCPUOP_up, 1, NULL);
        (void)wait_for_runs(runs + 1);
    }
    CHECK_TRAP(fault, VECTOR_FAILSAFE);
    CHECK_EQ(failsafe_selectors[0] & 0xffff, DATA_SELECTOR);
    CHECK_EQ(read_ds(), 0);
    CHECK(wait_for_runs(runs + 1));
    CHECK(wait_until_down());
}
