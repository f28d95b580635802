// SPDX-License-Identifier: Apache-2.0
// What other rooms are told of the machine at start of day.
#pragma once

#include "boot/boot_info.h"

/* Hands on the memory map, the command line and the way to sleep. Before domain 0 is built. */
void facts_hand_on(const struct boot_info *info);
