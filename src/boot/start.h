// SPDX-License-Identifier: Apache-2.0
// The order of start.
#pragma once

#include "lib/compiler.h"

/*
 * Called by head.S on the first CPU, on its first stack: `magic` says which loader's structure
 * stands at physical address `info`.
 */
noreturn_fn void pavise_start(uint32_t magic, uint32_t info);
