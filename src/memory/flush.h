// SPDX-License-Identifier: Apache-2.0
// The flush clock: which CPUs may still hold a translation of a frame.
//
// The clock ticks with each complete TLB flush of any CPU. A frame is stamped when its last
// mapping of a type goes; a CPU that has flushed since then can't hold a stale one. So a flush is
// owed only when a frame changes its type or owner, and only by CPUs whose last flush is older.
#pragma once

#include "base/cpu.h"
#include "memory/frame.h"

/* Flush every CPU whose last complete flush is not younger than `stamp`. */
void flush_older_than(uint64_t stamp);

/* Called by the seam just before each complete local flush; returns nothing, never fails. */
static inline void flush_note_local(void)
{
    WRITE_ONCE(this_cpu()->flush_stamp, __atomic_add_fetch(&flush_clock, 1, __ATOMIC_SEQ_CST));
}

/* Before the frame's new use: whoever may remember the old one has forgotten it. */
static inline void flush_for_frame(const struct frame *f)
{
    flush_older_than(READ_ONCE(f->flush_stamp));
}
