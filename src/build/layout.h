// SPDX-License-Identifier: Apache-2.0
// Where each thing lies when a domain starts: the rules of "Start-of-day memory layout" in
// <xen/xen.h>, as pure computation. Nothing here touches the domain.
//
// The initial region maps pseudo-physical frame 0 at its start and goes on one to one. With the
// notes MOD_START_PFN and INIT_P2M the ramdisk and the frame list are not in it: their frames
// follow those of the region, and the frame list gets a range of its own with page tables of its
// own.
#pragma once

#include "build/notes.h"
#include "build/reason.h"
#include "build/table_shape.h"
#include "lib/address.h"
#include "lib/compiler.h"

struct layout_request {
    const struct kernel_notes *notes;
    bool is_32bit;
    bool is_domain0; /* no xenstore and console pages; console info shares start_info's page */
    uint64_t kernel_start, kernel_end; /* virtual */
    uint64_t ramdisk_bytes;
    uint64_t nr_pages; /* that the domain has */
};

struct layout {
    bool is_32bit;
    uint64_t nr_pages;

    /* The initial region and what is in it, in this order, the ends rounded up to pages. */
    struct span region;
    struct span kernel;
    struct span ramdisk; /* empty with MOD_START_PFN */
    struct span p2m;     /* the frame list; outside of the region with INIT_P2M */
    struct span start_info;
    struct span xenstore; /* empty in domain 0, and console too */
    struct span console;
    struct span page_tables; /* the top one first */
    struct span stack;

    /* Frames behind the region, in this order. */
    bool ramdisk_is_unmapped;
    bool p2m_is_apart;
    pfn_t ramdisk_pfn; /* also where it is mapped */
    uint64_t ramdisk_frames;
    pfn_t p2m_tables_pfn; /* tables that map the frame list alone */
    uint64_t p2m_tables_frames;
    pfn_t p2m_pfn; /* also where it is in the region */
    uint64_t p2m_frames;

    uint64_t used_pages; /* the frames up to here are spoken for */
};

/*
 * -ENOMEM, with the reason, where the domain is too small (layout->used_pages says what is needed);
 * -ENOEXEC where something would not fit the address space or lie in the hypervisor's part of it.
 */
must_check int layout_compute(const struct layout_request *request, struct layout *layout,
                              struct reason *reason);

/* The frame behind an address of the region. */
static inline pfn_t layout_pfn(const struct layout *layout, uint64_t address)
{
    return pfn((address - layout->region.start) >> PAGE_SHIFT);
}

static inline uint64_t span_frames(struct span span)
{
    return (span.end - span.start) >> PAGE_SHIFT;
}

/* Width of an entry of the frame list. */
static inline uint64_t p2m_entry_bytes(bool is_32bit)
{
    return is_32bit ? sizeof(uint32_t) : sizeof(uint64_t);
}
