// SPDX-License-Identifier: Apache-2.0
// Telling that memory runs out (VIRQ_ENOMEM, "low on heap memory").
//
// It is told when fewer frames are free than a level, again at each half of that, and when a frame
// is refused; and not again before there is a quarter more than the level. So nobody can make it a
// storm by asking in vain. The allocator's lock guards all of this.
#pragma once

#include "lib/compiler.h"

/* Start of day: the level, in frames. 0: nothing is told. */
void memory_watch(uint64_t level);

/* So many frames are free now, after an allocation or a return. Raises WORK_MEMORY_LOW. */
void memory_watch_taken(uint64_t free);
void memory_watch_freed(uint64_t free);
/* Not one frame was to be had, by whoever asked. */
void memory_watch_refused(void);
