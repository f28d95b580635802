// SPDX-License-Identifier: Apache-2.0
// From an address space of Pavise's own to domain 0.
#include "boot/launch.h"

#include "arch/clock.h"
#include "arch/cpu_start.h"
#include "arch/frames.h"
#include "arch/paging.h"
#include "base/log.h"
#include "base/panic.h"
#include "boot/console_screen.h"
#include "boot/cpus.h"
#include "boot/devices.h"
#include "boot/early_memory.h"
#include "boot/end.h"
#include "boot/facts.h"
#include "boot/faults.h"
#include "boot/irqs.h"
#include "boot/machine.h"
#include "boot/options.h"
#include "boot/rsdp.h"
#include "build/domain0.h"
#include "console/console.h"
#include "control/control.h"
#include "control/self_audit.h"
#include "domain/pages.h"
#include "event/event.h"
#include "grant/grant.h"
#include "hypercall/trace.h"
#include "memory/allocator.h"
#include "memory/low.h"
#include "mmu/m2p.h"
#include "mmu/types.h"
#include "pv/exit.h"
#include "pv/pv.h"
#include "pv/show.h"
#include "sched/sched.h"
#include "time/time.h"
#include "time/timer.h"

/* The first MiB is firmware's and the devices': domain 0 may map it like device memory. */
#define LOW_FRAMES 256

static const struct boot_info *boot;
static struct work_memory work;

/* ---- memory ---------------------------------------------------------------------------------- */

/* Until the allocator gets a frame it is nobody's memory: holes and devices, or Pavise's own. */
static void set_owner(uint64_t base, uint64_t bytes, domid_t owner)
{
    uint64_t end = MIN((base + bytes) >> PAGE_SHIFT, frame_count);

    for (uint64_t n = ROUND_UP(base, PAGE_SIZE) >> PAGE_SHIFT; n < end; n++) {
        frame_table[n].owner = owner;
    }
}

static void give(uint64_t base, uint64_t bytes)
{
    frames_add_range(maddr_to_mfn(maddr(base)), bytes >> PAGE_SHIFT);
}

/*
 * What unpacking domain 0's kernel takes has to be in one piece, so it is put aside before the
 * allocator gets the rest. It comes from as high as possible; below 4 GiB is for devices.
 */
static void put_work_memory_aside(uint64_t bytes)
{
    uint64_t size = ROUND_UP(bytes, PAGE_SIZE);
    uint64_t base = size == 0 ? 0 : early_memory_alloc(size, PAGE_SIZE, UINT64_MAX);

    if (size != 0 && base == 0) {
        panic("no %lu MiB of memory in one piece to unpack domain 0's kernel in",
              (unsigned long)(size >> 20));
    }
    work = (struct work_memory){maddr_to_mfn(maddr(base)), size >> PAGE_SHIFT, 0};
}

/* Page tables of Pavise's own come from the allocator once it has the memory. */
static uint64_t table_source(uint64_t bytes, uint64_t align, uint64_t limit)
{
    void *page = bytes == PAGE_SIZE && align <= PAGE_SIZE ? page_alloc() : NULL;

    return page ? mfn_to_maddr(virt_to_frame(page)).a : 0;
}

static mfn_t m2p_frame(uint64_t offset)
{
    uint64_t physical = paging_physical_of((const char *)m2p + offset);

    return physical == UINT64_MAX ? mfn(MFN_INVALID) : maddr_to_mfn(maddr(physical));
}

static void start_memory(void)
{
    frame_table = frame_table_base();
    frame_count = memory_map_usable_end(&boot->memory) >> PAGE_SHIFT;
    m2p = m2p_base();
    for (uint64_t n = 0; n < frame_count; n++) {
        frame_table[n].owner = DOMID_IO;
    }
    for (uint32_t i = 0; i < boot->memory.count; i++) {
        const struct memory_region *r = &boot->memory.regions[i];
        if (r->type == MEMORY_USABLE) {
            set_owner(r->base, r->bytes, DOMID_XEN);
        }
    }
    set_owner(0, LOW_FRAMES * PAGE_SIZE, DOMID_IO);
    frames_reset();
    early_memory_hand_over(give);
    paging_set_source(table_source, UINT64_MAX);
    m2p_publish(m2p_frame);
}

/* ---- rooms ----------------------------------------------------------------------------------- */

/*
 * Parts of domains are told in this order at creation, and in reverse at the end: page tables go
 * before the grants that they map.
 */
static void start_rooms(void)
{
    /* First of all: what guests see of the processor depends on what it saves for them. */
    arch_prepare_guests();
    domain_pages_init();
    time_init();
    sched_init();
    grant_init();
    mmu_init();
    event_init();
    pv_init(machine.tsc_hz);
    pv_show_init();
    if (options.trace) {
        hypercall_trace_start();
    }
    if (timers_init_cpu(0) != 0 || sched_init_cpu(0) != 0) {
        panic("no memory for the first CPU's timers and run queue");
    }
}

/* ---- domain 0 -------------------------------------------------------------------------------- */

static const void *module_bytes(const struct boot_module *m)
{
    return (const char *)frame_to_virt(maddr_to_mfn(maddr(m->base))) + m->base % PAGE_SIZE;
}

static struct domain0_request request_from_modules(void)
{
    struct domain0_request request = {0};

    if (boot->module_count == 0) {
        panic("no kernel for domain 0: the loader brought no module");
    }
    request.kernel = module_bytes(&boot->modules[0]);
    request.kernel_bytes = boot->modules[0].bytes;
    request.command_line = boot->modules[0].cmdline;
    if (boot->module_count > 1) {
        request.ramdisk = module_bytes(&boot->modules[1]);
        request.ramdisk_bytes = boot->modules[1].bytes;
    }
    return request;
}

/* Of more vCPUs than CPUs, several share one. */
static void pin_vcpus(struct domain *d)
{
    for (unsigned int id = 0; id < d->max_vcpus; id++) {
        (void)!sched_set_hard_affinity(d->vcpus[id], 1ULL << id % cpu_count);
    }
}

static void build(struct domain0_request *request)
{
    uint64_t available = (frames_free_count() + work.frames) << PAGE_SHIFT;
    uint64_t max;
    struct reason reason;

    request->pages = dom0_memory_bytes(&options.dom0_memory, available, &max) >> PAGE_SHIFT;
    request->max_pages = max == UINT64_MAX ? max : max >> PAGE_SHIFT;
    request->vcpus = dom0_vcpu_count(&options.dom0_vcpus, cpu_count);
    request->command_line = rsdp_tell_domain0(boot, request->command_line);
    console_screen_leave_to_domain0();
    request->vga = devices_display(boot);
    if (build_domain0(request, &work, &reason) != 0) {
        panic("domain 0: %s", reason.text);
    }
    if (work.used < work.frames) {
        frames_add_range(mfn_add(work.first, work.used), work.frames - work.used);
    }
    if (options.dom0_vcpus_pin) {
        pin_vcpus(domain0);
    }
    devices_give_to_domain0(domain0);
}

#define RESERVE_DIVISOR 256
#define RESERVE_MAX     1024UL /* frames: some forty small domains */

/* From now on there are guests, who leave it alone. */
static void keep_reserve(void)
{
    frames_set_reserve(MIN(frames_total_count() / RESERVE_DIVISOR, RESERVE_MAX));
}

/* Half of what domain 0 left is no cause for alarm, however little that is. */
static void watch_memory(void)
{
    memory_watch(MIN(options.low_mem_virq_limit >> PAGE_SHIFT, frames_free_count() / 2));
}

/* On the first CPU's final stack. */
static void launch_on_stack(void)
{
    struct domain0_request request = request_from_modules();

    machine_start();
    start_rooms();
    console_init();
    control_init();
    self_audit_init();
    irqs_start();
    devices_start();
    end_init();
    facts_hand_on(boot);
    cpus_start(boot);
    faults_start();
    build(&request);
    keep_reserve();
    watch_memory();
    log_info("%lu MiB are free; starting domain 0", (unsigned long)(frames_free_count() >> 8));
    console_start_domain0();
    start_domain0();
    arch_enter_guests();
}

void launch(const struct boot_info *info)
{
    struct domain0_request request;
    struct reason reason;
    uint64_t bytes;

    boot = info;
    request = request_from_modules();
    if (domain0_work_bytes(&request, &bytes, &reason) != 0) {
        panic("domain 0: %s", reason.text);
    }
    put_work_memory_aside(bytes);
    start_memory();
    machine_read_tables(info);
    arch_run_on_cpu_stack(launch_on_stack);
}
