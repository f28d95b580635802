// SPDX-License-Identifier: Apache-2.0
// Other vCPUs of the image's own domain: each runs a function of C on a stack of its own, with its
// upcalls masked, and takes itself down when the function returns.
#pragma once

#include "guest.h"

#define VCPUS_MAX 64

// Initialises the vCPU the first time and brings it up: 0 or an error. It is down, or was never up.
long vcpu_start(unsigned id, void (*function)(void *argument), void *argument);

// The vCPU's first state, as vcpu_start() gives it: for tests of VCPUOP_initialise itself.
void vcpu_prepare_context(unsigned id, struct vcpu_guest_context *context);

// Waits until it is down, for so many milliseconds at most: whether it is.
bool vcpu_wait_down(unsigned id, unsigned milliseconds);

// Gives up the CPU until another vCPU makes `word` not less than `value`, or so long at most.
bool vcpu_wait_for(const volatile uint64_t *word, uint64_t value, unsigned milliseconds);
