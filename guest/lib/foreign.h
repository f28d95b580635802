// SPDX-License-Identifier: Apache-2.0
// A window on other domains' frames: domain 0 maps them into its own tables by mmu_update with a
// foreign domain, the way its builder and its tools reach another domain's memory.
#pragma once

#include "mm.h"

#define FOREIGN_PAGES 512

// Maps frames of `domid` side by side with these page-table flags. Their address, or NULL: the
// window is full or the hypervisor refuses; `error` (may be NULL) gets its answer.
void *foreign_map(domid_t domid, const xen_pfn_t *frames, unsigned count, uint64_t flags,
                  long *error);

// Ends a mapping that foreign_map made, and every cached translation of it.
void foreign_unmap(void *address, unsigned count);
