// SPDX-License-Identifier: Apache-2.0
// Two CPUs compare their time-stamp counters.
#include "time/tsc_check.h"

#include "arch/clock.h"
#include "arch/cpu.h"

/* Enough for a good best exchange; and the least that may be called a check. */
#define ROUNDS_MAX 2000
#define ROUNDS_MIN 10

struct exchange {
    uint64_t asked, answered, heard;
};

static struct exchange one_round(struct tsc_check *check, uint32_t round)
{
    struct exchange e;

    e.asked = arch_read_tsc_ordered();
    __atomic_store_n(&check->round, round, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&check->answered, __ATOMIC_SEQ_CST) != round) {
        cpu_relax();
    }
    e.heard = arch_read_tsc_ordered();
    e.answered = __atomic_load_n(&check->answer, __ATOMIC_SEQ_CST);
    return e;
}

/* How far `later` lies before `earlier`. */
static uint64_t backwards(uint64_t earlier, uint64_t later)
{
    int64_t forwards = (int64_t)(later - earlier);

    return forwards < 0 ? (uint64_t)-forwards : 0;
}

static void learn(struct tsc_agreement *result, const struct exchange *e)
{
    uint64_t half = (e->heard - e->asked) / 2;
    uint64_t warp = MAX(backwards(e->asked, e->answered), backwards(e->answered, e->heard));

    result->warp_ticks = MAX(result->warp_ticks, warp);
    if (result->rounds == 0 || half < result->within_ticks) {
        result->within_ticks = half;
        result->ahead_ticks = (int64_t)(e->answered - (e->asked + half));
    }
    result->rounds++;
}

struct tsc_agreement tsc_check_ask(struct tsc_check *check, uint64_t ticks)
{
    struct tsc_agreement result = {0};
    uint64_t begin = arch_read_tsc_ordered();

    for (uint32_t round = 1; round <= ROUNDS_MAX; round++) {
        struct exchange e = one_round(check, round);
        learn(&result, &e);
        if (round >= ROUNDS_MIN && arch_read_tsc_ordered() - begin > ticks) {
            break;
        }
    }
    __atomic_store_n(&check->over, true, __ATOMIC_SEQ_CST);
    return result;
}

void tsc_check_answer(struct tsc_check *check)
{
    uint32_t answered = 0;

    while (!__atomic_load_n(&check->over, __ATOMIC_SEQ_CST)) {
        uint32_t round = __atomic_load_n(&check->round, __ATOMIC_SEQ_CST);
        if (round == answered) {
            cpu_relax();
            continue;
        }
        __atomic_store_n(&check->answer, arch_read_tsc_ordered(), __ATOMIC_SEQ_CST);
        __atomic_store_n(&check->answered, round, __ATOMIC_SEQ_CST);
        answered = round;
    }
}
