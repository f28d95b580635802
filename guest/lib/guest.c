// SPDX-License-Identifier: Apache-2.0
// From the entry point to guest_main and on to power-off.

#include "guest.h"
#include "domu.h"
#include "event.h"
#include "mm.h"
#include "trap.h"

struct start_info *start_info;

// A page of the image whose frame is replaced by the real shared_info.
static char shared_info_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
struct shared_info *const shared_info = (struct shared_info *)shared_info_page;

static struct vcpu_info *vcpu;

void guest_start(struct start_info *info);

struct vcpu_info *this_vcpu(void)
{
    return vcpu;
}

void vcpu_moved(struct vcpu_info *to)
{
    vcpu = to;
}

void print(const char *format, ...)
{
    char line[512];
    va_list arguments;
    size_t length;

    va_start(arguments, format);
    length = format_v(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (is_initial_domain()) {
        (void)console_io(CONSOLEIO_write, (unsigned)length, line);
    } else {
        domu_print(line, length);
    }
}

bool is_initial_domain(void)
{
    return (start_info->flags & SIF_INITDOMAIN) != 0;
}

bool running_on_oracle(void)
{
    return strstr((const char *)start_info->cmd_line, "hypervisor=oracle") != NULL;
}

uint64_t boot_option(const char *name, uint64_t otherwise)
{
    const char *at = strstr((const char *)start_info->cmd_line, name);
    uint64_t value = 0;

    if (at == NULL) {
        return otherwise;
    }
    for (at += strlen(name); *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (uint64_t)(*at - '0');
    }
    return value;
}

// The last line is for whoever reads the console of a machine that only halts.
void guest_shutdown(unsigned reason)
{
    struct sched_shutdown shutdown = {.reason = reason};

    print("# end of image\n");
    (void)sched_op(SCHEDOP_shutdown, &shutdown);
    for (;;) {
        (void)sched_op(SCHEDOP_block, NULL);
    }
}

void guest_start(struct start_info *info)
{
    start_info = info;
    vcpu = &shared_info->vcpu_info[0];
    trap_init();
    mm_init();
    if (update_va_mapping(shared_info_page, start_info->shared_info | PTE_KERNEL_RW, UVMF_INVLPG) !=
        0) {
        print("Bail out! shared_info cannot be mapped\n");
        guest_shutdown(SHUTDOWN_crash);
    }
    event_init();
    if (is_initial_domain()) {
        guest_main();
    } else {
        domu_main();
    }
    guest_shutdown(SHUTDOWN_poweroff);
}
