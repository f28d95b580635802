// SPDX-License-Identifier: Apache-2.0
// Do two CPUs' time-stamp counters agree? They pass a message to and fro and look at their counters
// each time: a message that arrives before it was sent proves that they don't, and the fastest
// exchange says how far apart they can be at most.
#pragma once

#include "lib/compiler.h"

struct tsc_check {
    uint64_t answer;   /* [a] the counter of who answers, when it heard the question */
    uint32_t round;    /* [a] of the question */
    uint32_t answered; /* [a] the last round that has its answer */
    bool over;         /* [a] */
};

struct tsc_agreement {
    unsigned int rounds; /* exchanges that took place */
    uint64_t warp_ticks; /* the farthest that time ran backwards from one CPU to the other */
    int64_t ahead_ticks; /* by so much the other one's counter is ahead, in the best exchange... */
    uint64_t within_ticks; /* ...to this exactly */
};

/*
 * Both CPUs call their part at about the same time, with one `check` that was all zero. The first
 * asks for up to `ticks` of its counter and at least a few rounds, and learns the result. In any
 * context; waits.
 */
struct tsc_agreement tsc_check_ask(struct tsc_check *check, uint64_t ticks);
void tsc_check_answer(struct tsc_check *check);
