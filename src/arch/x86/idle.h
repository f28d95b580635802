// SPDX-License-Identifier: Apache-2.0
// What waiting has to know of a CPU's alarm.
#pragma once

#include "lib/compiler.h"

/* The alarm that this CPU has set, which another timer may have to stand in for. */
void idle_note_alarm(uint64_t tsc);
