// SPDX-License-Identifier: Apache-2.0
// The assists that a guest may turn on (vm_assist): the VMASST_TYPE_* of the interface's xen.h.
#pragma once

#include "abi/xen.h"

#define VM_ASSIST_BIT(name) (1UL << VMASST_TYPE_##name)

#define VM_ASSISTS                                                             \
    (VM_ASSIST_BIT(4gb_segments) | VM_ASSIST_BIT(4gb_segments_notify) |        \
     VM_ASSIST_BIT(writable_pagetables) | VM_ASSIST_BIT(pae_extended_cr3) |    \
     VM_ASSIST_BIT(architectural_iopl) | VM_ASSIST_BIT(runstate_update_flag) | \
     VM_ASSIST_BIT(m2p_strict))
