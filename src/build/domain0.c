// SPDX-License-Identifier: Apache-2.0
// Domain 0: its kernel unpacked, its memory given, filled and typed, its first vCPU made ready.
#include "build/domain0.h"

#include "abi/errno.h"
#include "arch/frames.h"
#include "base/log.h"
#include "build/construct.h"
#include "build/kernel_file.h"
#include "build/kernel_image.h"
#include "build/layout.h"
#include "lib/string.h"
#include "memory/allocator.h"
#include "mmu/base.h"
#include "mmu/m2p.h"
#include "mmu/types.h"
#include "pv/flags.h"
#include "pv/selectors.h"

/* The domain's frames by number, while it is built. */
struct frame_map {
    mfn_t *frames;
    uint64_t count;
};

/* ---- the kernel ------------------------------------------------------------------------------ */

int domain0_work_bytes(const struct domain0_request *request, uint64_t *bytes,
                       struct reason *reason)
{
    struct kernel_file file;
    int error = kernel_file_open(&file, request->kernel, request->kernel_bytes, reason);

    *bytes = error == 0 ? file.memory_bytes : 0;
    return error;
}

static int read_kernel(const struct domain0_request *request, const struct work_memory *work,
                       struct kernel_image *kernel, struct reason *reason)
{
    struct kernel_file file;
    int error = kernel_file_open(&file, request->kernel, request->kernel_bytes, reason);

    if (error == 0 && file.memory_bytes > work->frames * PAGE_SIZE) {
        return refuse(reason, ENOMEM, "no %lu MiB of memory to unpack the kernel in",
                      (unsigned long)(file.memory_bytes >> 20));
    }
    if (error == 0 && file.memory_bytes != 0) {
        error = kernel_file_unpack(&file, frame_to_virt(work->first), reason);
    }
    if (error == 0) {
        error =
            kernel_image_open(kernel, file.elf, file.elf_bytes, PV_FEATURES_OFFERED, true, reason);
    }
    if (error == 0 && kernel->is_32bit) {
        error = refuse(reason, ENOEXEC, "kernel is 32-bit: only 64-bit kernels run as domain 0");
    }
    return error;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int give_block(struct domain *d, struct frame_map *map, mfn_t first, uint64_t count)
{
    int error = domain_assign_frames(d, first, count);

    for (uint64_t i = 0; error == 0 && i < count; i++) {
        m2p_set(mfn_add(first, i), map->count);
        map->frames[map->count++] = mfn_add(first, i);
    }
    return error;
}

/* The largest blocks there are, downwards: fewer, and contiguous for devices. */
static int give_from_allocator(struct domain *d, struct frame_map *map, uint64_t pages)
{
    int order = MAX_ORDER;

    while (map->count < pages && order >= 0) {
        mfn_t first = mfn(MFN_INVALID);
        int error;
        if (1ULL << order <= pages - map->count) {
            first = frames_alloc((unsigned int)order, 64);
        }
        if (first.n == MFN_INVALID) {
            order--;
            continue;
        }
        error = give_block(d, map, first, 1ULL << order);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

#define KEPT_FRAMES 8192UL

/*
 * What the allocator lacks comes from the memory that the kernel was unpacked in, as the domain's
 * last frames: construction touches only its first ones, so the two don't meet.
 */
static int give_memory(struct domain *d, const struct domain0_request *request,
                       struct work_memory *work, const struct layout *layout, struct frame_map *map,
                       struct reason *reason)
{
    uint64_t keep = MIN(frames_total_count() / 64, KEPT_FRAMES); /* for Pavise itself */
    uint64_t can = frames_free_count() > keep ? frames_free_count() - keep : 0;
    uint64_t from_allocator = MIN(request->pages, can);
    uint64_t missing = request->pages - from_allocator;
    int error;

    if (missing > work->frames || from_allocator < layout->used_pages) {
        return refuse(reason, ENOMEM, "%lu MiB for domain 0, and %lu MiB are free",
                      (unsigned long)(request->pages >> 8), (unsigned long)(can >> 8));
    }
    error = give_from_allocator(d, map, from_allocator);
    if (error == 0 && map->count < from_allocator) {
        missing = request->pages - map->count;
        error = missing > work->frames ? -ENOMEM : 0;
    }
    if (error == 0 && missing > 0) {
        error = give_block(d, map, work->first, missing);
        work->used = missing;
    }
    return error == 0 ? 0 : refuse(reason, -error, "memory for domain 0: error %d", error);
}

static mfn_t machine_frame(void *context, pfn_t frame)
{
    const struct frame_map *map = context;

    return map->frames[frame.n];
}

/* ---- the first vCPU -------------------------------------------------------------------------- */

static long type_tables(struct vcpu *v, mfn_t top)
{
    struct frame *f = frame_of(top);
    long result = base_take(v, top, mfn(0));

    /* Kernels unpin the tables they started on, so they are pinned. */
    if (result == 0) {
        result = table_get(v->domain, f, 4);
    }
    if (result == 0) {
        __atomic_fetch_or(&f->state, FRAME_PINNED, __ATOMIC_ACQ_REL);
    }
    return result;
}

static void set_registers(struct vcpu *v, const struct start_of_day *start)
{
    struct cpu_user_regs *regs = &v->regs;

    regs->rip = start->instruction_pointer;
    regs->rsp = start->stack_pointer;
    regs->rsi = start->start_info;
    regs->cs = GUEST_CS64;
    regs->ss = GUEST_SS;
    regs->ds = regs->es = GUEST_SS;
    regs->rflags = RFLAGS_IF | RFLAGS_FIXED;
    regs->entry_vector = ENTRY_NONE;
    v->kernel_sp = start->stack_pointer;
    v->kernel_ss = GUEST_SS;
}

/* Nobody is to be called before there is a handler: every vCPU starts with events masked. */
static void mask_events(struct domain *d)
{
    for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++) {
        d->shared->vcpu_info[i].evtchn_upcall_mask = 1;
    }
}

static int make_vcpus(struct domain *d, const struct start_of_day *start, struct reason *reason)
{
    mask_events(d);
    for (unsigned int id = 0; id < d->max_vcpus; id++) {
        if (!vcpu_create(d, id)) {
            return refuse(reason, ENOMEM, "no memory for vCPU %u of domain 0", id);
        }
    }
    if (type_tables(d->vcpus[0], start->top_table) != 0) {
        return refuse(reason, EINVAL, "the page tables of domain 0 are not valid");
    }
    set_registers(d->vcpus[0], start);
    d->vcpus[0]->initialised = true;
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Construction writes what it needs to and relies on zeros elsewhere. */
static void clear_used(const struct frame_map *map, const struct layout *layout)
{
    for (uint64_t i = 0; i < layout->used_pages; i++) {
        memset(frame_to_virt(map->frames[i]), 0, PAGE_SIZE);
    }
}

static int fill(struct domain *d, const struct domain0_request *request,
                const struct kernel_image *kernel, const struct layout *layout,
                struct frame_map *map, struct start_of_day *start)
{
    const struct construction construction = {
        .kernel = kernel,
        .layout = layout,
        .ramdisk = request->ramdisk,
        .values =
            {
                .shared_info = mfn_to_maddr(mfn(d->shared_mfn)),
                .flags = SIF_PRIVILEGED | SIF_INITDOMAIN,
                .command_line = request->command_line,
                .ramdisk_bytes = request->ramdisk_bytes,
                .vga = request->vga,
            },
        .memory = {map, machine_frame},
    };

    *start = construct_domain(&construction);
    return 0;
}

static void log_layout(const struct layout *layout, const struct kernel_image *kernel)
{
    log_info("domain 0: %s, %lu MiB, virtual base %#lx, entry %#lx", kernel->notes.guest_os,
             (unsigned long)(layout->nr_pages >> 8), (unsigned long)kernel->notes.virt_base,
             (unsigned long)kernel->notes.entry);
    log_debug("  kernel %#lx-%#lx, page tables %#lx-%#lx, stack %#lx-%#lx",
              (unsigned long)layout->kernel.start, (unsigned long)layout->kernel.end,
              (unsigned long)layout->page_tables.start, (unsigned long)layout->page_tables.end,
              (unsigned long)layout->stack.start, (unsigned long)layout->stack.end);
}

static int build(struct domain *d, const struct domain0_request *request, struct work_memory *work,
                 struct reason *reason)
{
    static struct kernel_image kernel;
    struct layout layout;
    struct frame_map map = {heap_new_array(mfn_t, request->pages), 0};
    struct start_of_day start;
    int error = map.frames ? 0 : refuse(reason, ENOMEM, "no memory for the frame list");

    if (error == 0) {
        error = read_kernel(request, work, &kernel, reason);
    }
    if (error == 0) {
        const struct layout_request wanted = {
            .notes = &kernel.notes,
            .is_domain0 = true,
            .kernel_start = kernel.virt_start,
            .kernel_end = kernel.virt_end,
            .ramdisk_bytes = request->ramdisk_bytes,
            .nr_pages = request->pages,
        };
        error = layout_compute(&wanted, &layout, reason);
    }
    if (error == 0) {
        error = give_memory(d, request, work, &layout, &map, reason);
    }
    if (error == 0) {
        log_layout(&layout, &kernel);
        clear_used(&map, &layout);
        error = fill(d, request, &kernel, &layout, &map, &start);
    }
    if (error == 0) {
        memset(frame_to_virt(work->first), 0, work->used * PAGE_SIZE);
        error = make_vcpus(d, &start, reason);
    }
    heap_free(map.frames);
    return error;
}

int build_domain0(const struct domain0_request *request, struct work_memory *work,
                  struct reason *reason)
{
    int error;
    struct domain *d = domain_create(0, request->vcpus, true, &error);

    if (!d) {
        return refuse(reason, -error, "domain 0 can't be created: error %d", error);
    }
    d->hardware = true;
    d->max_pages = request->max_pages;
    domain0 = d;
    return build(d, request, work, reason);
}

void start_domain0(void)
{
    vcpu_clear_pause(domain0->vcpus[0], VCPU_DOWN);
}
