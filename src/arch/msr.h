// SPDX-License-Identifier: Apache-2.0
// Seam: model-specific registers of the CPU that runs this.
#pragma once

#include <stdint.h>

#include "lib/compiler.h"

// For registers that are known to exist: a fault here is the hypervisor's own mistake and a panic.
static inline uint64_t arch_rdmsr(uint32_t msr);
static inline void arch_wrmsr(uint32_t msr, uint64_t value);

// For the few registers whose write does not wait for earlier memory accesses (x2APIC, TSC
// deadline: manual 3A, 11.12.3), where those have to be visible first.
static inline void arch_wrmsr_ordered(uint32_t msr, uint64_t value);

// For registers that may be missing, or values that the processor may refuse. Return 0, or -EIO
// where the access faulted; a failed read stores 0.
static inline int must_check arch_rdmsr_safe(uint32_t msr, uint64_t *value);
static inline int must_check arch_wrmsr_safe(uint32_t msr, uint64_t value);

#include "impl/msr.h"
