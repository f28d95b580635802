// SPDX-License-Identifier: Apache-2.0
// The rate of the time-stamp counter: from the processor if it says, else measured.
#pragma once

#include <stdint.h>

#include "platform/reference.h"

// What CPUID leaf 0x15 returned: EAX, EBX, ECX (processor manual 3A, 17.17.4: crystal * EBX / EAX).
// 0 where it does not say: measure then. On a virtual machine the leaf may be that of another
// machine; don't ask there.
uint64_t tsc_hz_from_cpuid(uint32_t denominator, uint32_t numerator, uint32_t crystal_hz);

struct tsc_rate {
    uint64_t hz;        // 0: it could not be measured
    uint32_t error_ppm; // at most, as far as reading the two counters goes
};

// Measures against a counter of known rate. Takes as long as it needs for 10 ppm, at least 10 ms
// and at most 45 ms (more only if the CPU was taken away from us for longer).
struct tsc_rate tsc_measure(const struct clock_reference *reference);

// Waits by the counter, whose rate is `tsc_hz`.
void tsc_wait_us(uint64_t tsc_hz, uint64_t microseconds);
