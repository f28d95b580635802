// SPDX-License-Identifier: Apache-2.0
// The page-table calls, by the interface's names. Argument rules: base/hypercall.h.
#pragma once

#include "lib/address.h"
#include "lib/compiler.h"

long hypercall_mmu_update(gva_t requests, uint64_t count, gva_t done_out, uint64_t foreigndom);
long hypercall_mmuext_op(gva_t ops, uint64_t count, gva_t done_out, uint64_t foreigndom);
long hypercall_memory_op(uint64_t cmd, gva_t argument);
long hypercall_update_va_mapping(uint64_t va, uint64_t value, uint64_t flags);
long hypercall_update_va_mapping_otherdomain(uint64_t va, uint64_t value, uint64_t flags,
                                             uint64_t domid);
