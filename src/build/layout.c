// SPDX-License-Identifier: Apache-2.0
// Laying out a domain's start of day.
#include "build/layout.h"

#include "abi/errno.h"
#include "abi/xen.h"

// The region ends on a multiple of this, at least PADDING behind the last element.
#define REGION_ALIGN (4UL << 20)
#define PADDING      (512UL << 10)

// No machine has more memory. Every size below is checked against it first, so a few of them on top
// of each other wrap around the address space at most once, and then end before they start.
#define MOST_BYTES (1UL << 46)

#define CANONICAL_LOW_END 0x0000800000000000UL
#define HYPERVISOR_START_32BIT \
    0xf5800000UL // HYPERVISOR_VIRT_START_PAE, <xen/arch-x86/xen-x86_32.h>

// The next `bytes`, rounded up to pages.
static struct span take(uint64_t *cursor, uint64_t bytes)
{
    struct span span = {.start = *cursor, .end = *cursor + ROUND_UP(bytes, PAGE_SIZE)};

    *cursor = span.end;
    return span;
}

// The page tables lie in the region that they map, so their number depends on itself. It only grows
// with the region: the first number that suffices for itself is found from below.
static void place_tables_and_stack(struct layout *layout, uint64_t cursor)
{
    uint64_t tables = 0, needed = 1;

    do {
        uint64_t at = cursor;
        tables = needed;
        layout->page_tables = take(&at, tables * PAGE_SIZE);
        layout->stack = take(&at, PAGE_SIZE);
        layout->region.end = ROUND_UP(at + PADDING, REGION_ALIGN);
        if (layout->region.end <= layout->region.start) {
            return; // Around the end of the address space: refused by the caller.
        }
        needed = tables_for_region(layout->region, layout->is_32bit);
    } while (tables != needed);
}

static uint64_t p2m_bytes(const struct layout_request *request)
{
    return request->nr_pages * p2m_entry_bytes(request->is_32bit);
}

static void place_addresses(const struct layout_request *request, struct layout *layout)
{
    uint64_t cursor = ROUND_UP(request->kernel_end, PAGE_SIZE);

    layout->region.start = request->notes->virt_base;
    layout->kernel = (struct span){ROUND_DOWN(request->kernel_start, PAGE_SIZE), cursor};
    layout->ramdisk = take(&cursor, layout->ramdisk_is_unmapped ? 0 : request->ramdisk_bytes);
    layout->p2m = take(&cursor, layout->p2m_is_apart ? 0 : p2m_bytes(request));
    layout->start_info = take(&cursor, PAGE_SIZE);
    layout->xenstore = take(&cursor, request->is_domain0 ? 0 : PAGE_SIZE);
    layout->console = take(&cursor, request->is_domain0 ? 0 : PAGE_SIZE);
    place_tables_and_stack(layout, cursor);
    if (layout->p2m_is_apart) {
        uint64_t apart = request->notes->init_p2m;
        layout->p2m = take(&apart, p2m_bytes(request));
    }
}

// Numbers the frames: those of the region are where it maps them, the others follow.
static void place_frames(const struct layout_request *request, struct layout *layout)
{
    uint64_t next = span_frames(layout->region);

    layout->ramdisk_frames = ROUND_UP(request->ramdisk_bytes, PAGE_SIZE) >> PAGE_SHIFT;
    layout->ramdisk_pfn = layout_pfn(layout, layout->ramdisk.start);
    if (layout->ramdisk_is_unmapped) {
        layout->ramdisk_pfn = pfn(next);
        next += layout->ramdisk_frames;
    }
    layout->p2m_frames = span_frames(layout->p2m);
    layout->p2m_pfn = layout_pfn(layout, layout->p2m.start);
    if (layout->p2m_is_apart) {
        layout->p2m_tables_pfn = pfn(next);
        layout->p2m_tables_frames = tables_added_for(layout->p2m, layout->region);
        next += layout->p2m_tables_frames;
        layout->p2m_pfn = pfn(next);
        next += layout->p2m_frames;
    }
    layout->used_pages = next;
}

static bool overlap(struct span a, struct span b)
{
    return a.start < b.end && b.start < a.end;
}

// Whether a guest may have this span: canonical, and not where the hypervisor is.
static bool is_guest_space(struct span span, bool is_32bit)
{
    const struct span not_the_guests = {CANONICAL_LOW_END, HYPERVISOR_VIRT_END};

    if (span.start >= span.end) {
        return false;
    }
    return is_32bit ? span.end <= HYPERVISOR_START_32BIT : !overlap(span, not_the_guests);
}

static int check_request(const struct layout_request *request, struct reason *reason)
{
    const struct kernel_notes *notes = request->notes;

    if (request->nr_pages == 0 || request->nr_pages > MOST_BYTES >> PAGE_SHIFT ||
        request->ramdisk_bytes > MOST_BYTES) {
        return refuse(reason, ENOMEM, "domain has no memory, or its ramdisk is larger than any");
    }
    if (request->kernel_start < notes->virt_base || request->kernel_end < request->kernel_start ||
        request->kernel_end - notes->virt_base > MOST_BYTES) {
        return refuse(reason, ENOMEM, "kernel lies beyond the end of any memory");
    }
    if (notes->has_init_p2m && (request->is_32bit || notes->init_p2m % PAGE_SIZE != 0)) {
        return refuse(reason, ENOEXEC, "kernel's INIT_P2M is not an address that can be mapped");
    }
    return 0;
}

static int check_addresses(const struct layout *layout, struct reason *reason)
{
    if (!is_guest_space(layout->region, layout->is_32bit)) {
        return refuse(reason, ENOEXEC,
                      "kernel, ramdisk and frame list do not fit the guest's address space");
    }
    if (layout->p2m_is_apart &&
        (!is_guest_space(layout->p2m, layout->is_32bit) || overlap(layout->p2m, layout->region))) {
        return refuse(reason, ENOEXEC,
                      "kernel's INIT_P2M is in the way of itself or the hypervisor");
    }
    return 0;
}

// Bytes as MiB, rounded up.
static unsigned long mib(uint64_t pages)
{
    return ROUND_UP(pages << PAGE_SHIFT, 1UL << 20) >> 20;
}

int layout_compute(const struct layout_request *request, struct layout *layout,
                   struct reason *reason)
{
    *layout = (struct layout){
        .is_32bit = request->is_32bit,
        .nr_pages = request->nr_pages,
        .ramdisk_is_unmapped = request->ramdisk_bytes != 0 && request->notes->mod_start_pfn,
        .p2m_is_apart = request->notes->has_init_p2m,
    };
    int error = check_request(request, reason);
    if (error != 0) {
        return error;
    }
    place_addresses(request, layout);
    error = check_addresses(layout, reason);
    if (error != 0) {
        return error;
    }
    place_frames(request, layout);
    if (layout->used_pages > request->nr_pages) {
        return refuse(reason, ENOMEM,
                      "too little memory: kernel and ramdisk take %lu MiB, the domain has %lu MiB",
                      mib(layout->used_pages), (unsigned long)(request->nr_pages >> 8));
    }
    return 0;
}
