// SPDX-License-Identifier: Apache-2.0
// The instruction that wrote to a read-only page table, carried out for the guest.
#pragma once

#include "domain/vcpu.h"

/*
 * The current vCPU's kernel took a write fault at `address`. True: it was a write to one of its
 * level-1 tables, and it is done, RIP moved on. False: it is the guest's own fault to handle.
 */
must_check bool pv_write_page_table(struct vcpu *v, uint64_t address);
