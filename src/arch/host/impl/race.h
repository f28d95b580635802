// SPDX-License-Identifier: Apache-2.0
// Other CPUs come when a test says so.
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Called at each window, and (`waits`) at each turn of a wait loop; NULL: nobody comes. */
extern void (*host_race_window)(bool waits);

static inline void race_window(void)
{
    if (host_race_window != NULL) {
        host_race_window(false);
    }
}
