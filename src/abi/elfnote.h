// SPDX-License-Identifier: Apache-2.0
// The notes by which a kernel says how it wants to be started: XEN_ELFNOTE_*.
#pragma once

#include <xen/elfnote.h>
