// SPDX-License-Identifier: Apache-2.0
// The page tables that a domain starts on.
#pragma once

#include "build/layout.h"
#include "build/memory.h"

/*
 * Writes the tables into the frames that the layout has for them: the region one to one, the frame
 * list where it lies apart. All is read-write but the tables themselves, which are read-only. The
 * top one is at layout->page_tables.start. Entries for the hypervisor's own range are left empty,
 * and no type is taken on any frame: validating and pinning them is the page-table room's.
 */
void initial_tables_write(const struct layout *layout, const struct guest_memory *memory);
