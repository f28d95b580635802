// SPDX-License-Identifier: Apache-2.0
// Reading two counters as if at once.
#include "platform/reference.h"

#include "arch/clock.h"

enum { ATTEMPTS = 12 };

static struct clock_pair read_once(uint64_t (*read)(void))
{
    uint64_t before = arch_read_tsc();
    uint64_t counter = read();
    uint64_t after = arch_read_tsc();

    return (struct clock_pair){before + (after - before) / 2, counter, after - before};
}

struct clock_pair clock_read_pair(uint64_t (*read)(void))
{
    struct clock_pair best = read_once(read);

    for (unsigned i = 1; i < ATTEMPTS; i++) {
        struct clock_pair pair = read_once(read);
        if (pair.bracket_ticks < best.bracket_ticks) {
            best = pair;
        }
    }
    return best;
}
