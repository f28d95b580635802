// SPDX-License-Identifier: Apache-2.0
// The smallest domain. What is in the sections .tiny runs there alone: it must not call or touch
// anything outside.

#include "tiny.h"
#include "image.h"

#define TINY_CODE __attribute__((section(".tiny"), used))
#define TINY_DATA __attribute__((section(".tiny.data")))

void tiny_main(const struct start_info *info);
extern const char tiny_start[];

// The first instruction finds start_info in RSI.
__asm__(".pushsection .tiny, \"ax\", @progbits\n"
        "tiny_start: mov %rsi, %rdi\njmp tiny_main\n"
        ".popsection");

static char tiny_shared[PAGE_SIZE] __attribute__((section(".tiny.shared"), aligned(PAGE_SIZE)));
TINY_DATA static evtchn_port_t tiny_port = TINY_PORT;
TINY_DATA static struct sched_poll tiny_poll = {.nr_ports = 1};
TINY_DATA static struct evtchn_send tiny_send = {.port = TINY_PORT};

static inline __attribute__((always_inline)) void tiny_call(uint64_t number, uint64_t a1,
                                                            uint64_t a2, uint64_t a3)
{
    __asm__ volatile("syscall"
                     : "+a"(number), "+D"(a1), "+S"(a2), "+d"(a3)
                     :
                     : "rcx", "r11", "memory");
}

TINY_CODE void tiny_main(const struct start_info *info)
{
    struct shared_info *shared = (struct shared_info *)tiny_shared;

    set_xen_guest_handle(tiny_poll.ports, &tiny_port);
    tiny_call(__HYPERVISOR_update_va_mapping, POINTER(tiny_shared),
              info->shared_info | PTE_KERNEL_RW, UVMF_INVLPG);
    for (;;) {
        tiny_call(__HYPERVISOR_sched_op, SCHEDOP_poll, POINTER(&tiny_poll), 0);
        __atomic_fetch_and(&shared->evtchn_pending[0], ~(1ul << TINY_PORT), __ATOMIC_SEQ_CST);
        tiny_call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, POINTER(&tiny_send), 0);
    }
}

struct domain_plan plan_tiny(void)
{
    return (struct domain_plan){
        .config = domain_defaults(),
        .image_start = image_tiny_start,
        .image_end = image_tiny_end,
        .image_zero = image_tiny_end,
        .entry = POINTER(tiny_start),
    };
}
