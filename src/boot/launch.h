// SPDX-License-Identifier: Apache-2.0
// From an address space of Pavise's own to domain 0: the second half of the order of start.
#pragma once

#include "boot/boot_info.h"
#include "lib/compiler.h"

/* Memory is mapped, the log works; does not return. */
noreturn_fn void launch(const struct boot_info *info);
