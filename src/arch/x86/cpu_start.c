// SPDX-License-Identifier: Apache-2.0
// A CPU's last steps before guests run on it.
#include "arch/cpu_start.h"

#include "abi/errno.h"
#include "base/cpu.h"
#include "base/panic.h"
#include "fpu.h"
#include "interrupts.h"
#include "layout.h"
#include "memory/flush.h"
#include "mmu/types.h"
#include "paging.h"
#include "percpu.h"
#include "speculation.h"

static void (*continue_with)(void);

static void on_own_stack(void)
{
    percpu_load();
    continue_with();
    panic("start of day came back");
}

int arch_create_cpu(unsigned int id)
{
    struct cpu *cpu = percpu_create(id);

    if (!cpu) {
        return -ENOMEM;
    }
    cpu->flush_stamp = flush_clock;
    cpus[id] = cpu;
    return 0;
}

void arch_run_on_cpu_stack(void (*function)(void))
{
    if (paging_prepare_slot(PERCPU_BASE) != 0 || paging_prepare_slot(DEVICE_MAP_BASE) != 0) {
        panic("no memory for page tables");
    }
    if (arch_create_cpu(0) != 0) {
        panic("no memory for the first CPU's region");
    }
    cpu_count = 1;
    cpu_set_online(0, true);
    continue_with = function;
    percpu_run_on_stack(cpus[0], on_own_stack);
}

void arch_prepare_guests(void)
{
    speculation_patch_image();
    speculation_start_cpu();
    fpu_init();
    panic_set_stop_others(interrupts_stop_others);
    l4_template_set(&paging_root_table()[256]);
}

void arch_enter_guests(void)
{
    asm volatile("jmp return_to_guest");
    __builtin_unreachable();
}
