// SPDX-License-Identifier: Apache-2.0
// Calls on other CPUs: make each CPU of a set run a function, and wait until all have, or not.
//
// The function runs wherever its CPU happens to be: in an interrupt of a guest or of the idle loop,
// or in the middle of a wait for a lock or for another call (cpu_relax()). So it is short, takes no
// lock and waits for nothing; debug builds panic if it takes one. In return, the caller may hold
// any lock, and no two CPUs can wait for each other: whoever waits answers meanwhile, and whoever
// does not wait comes to a guest, to the idle loop or to a wait soon. A CPU that is offline answers
// too.
#pragma once

#include <stdint.h>

/*
 * Run `function` on each CPU of the bitmap, the caller's own too if it is named; those that have
 * not started are none. Returns when all have. Any context but a call's function or an NMI's
 * handler.
 */
void cpu_call(uint64_t cpus, void (*function)(void *argument), void *argument);

/*
 * The same, but does not wait for the others. `argument` must live on until they have run; a later
 * call, by any CPU, is not begun before that.
 */
void cpu_call_nowait(uint64_t cpus, void (*function)(void *argument), void *argument);

/* Make the call that is addressed to this CPU, if any: from its interrupt, and in each wait. */
void cpu_serve_call(void);
