// SPDX-License-Identifier: Apache-2.0
// Builds a domain whose kernel is a part of this very image, or all of it, at the same addresses:
// functions and variables are where they are here, so that a test can name what runs there.
// docs/domain-life.md tells the steps.
#pragma once

#include "domctl.h"
#include "mm.h"

// Frames of one domain, at most. A domain has as few as its plan needs.
#define DOMAIN_FRAMES 192

// What a domain is made of. The bootstrap region begins with the pages of the image and goes on in
// the order of the public header: frame list, start_info, page tables, stack, spare pages.
struct domain_plan {
    struct xen_domctl_createdomain config;
    domid_t wanted; // 0: any
    const char *image_start, *image_end;
    const char *image_zero; // from here on the image is zeroes, as .bss is
    uint64_t entry;
    const char *hypercall_page; // in the image; NULL: the hypervisor fills in none
    unsigned mapped_pages;      // spare ones, mapped behind the stack
    unsigned unmapped_pages;    // spare ones, only in the frame list
};

// All of this image, started at its entry point: domu_main (domu.h) runs there.
struct domain_plan plan_whole_image(void);

// A domain as built. `frames` is in order of pfn, from `first_pfn` on: below, where this image's
// load address leaves a hole, the domain has no memory.
struct domain {
    domid_t domid;
    uint64_t shared_info_mfn, start_info;
    uint64_t first_pfn, frame_count;
    uint64_t l4_mfn;
    xen_pfn_t frames[DOMAIN_FRAMES];
};

// Creates and fills a domain; it is paused, vCPU 0 is ready to run. On failure (a negative errno
// value) a line on the console says which step, and nothing is left.
long domain_build(struct domain *domain, const struct domain_plan *plan);

// The frame behind one of its addresses in the bootstrap region.
xen_pfn_t domain_frame(const struct domain *domain, const void *va);
