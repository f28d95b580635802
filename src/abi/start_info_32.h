// SPDX-License-Identifier: Apache-2.0
// struct start_info as 32-bit guests see it.
#pragma once

#include <stdint.h>

#include <xen/foreign/x86_32.h>

_Static_assert(sizeof(struct start_info_x86_32) == 1112, "as a 32-bit compiler lays it out");
