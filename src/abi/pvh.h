// SPDX-License-Identifier: Apache-2.0
// What a PVH loader hands over, as the public header has it.
#pragma once

#include <stdint.h>

#include <xen/arch-x86/hvm/start_info.h>

_Static_assert(sizeof(struct hvm_start_info) == 56, "version 1");
_Static_assert(sizeof(struct hvm_modlist_entry) == 32, "as drawn");
_Static_assert(sizeof(struct hvm_memmap_table_entry) == 24, "as drawn");
