// SPDX-License-Identifier: Apache-2.0
// Recorded loads, replayed beside each other on the real scheduler (traces/README.md): shares, caps
// and latencies of domains that do what Debian and a toolstack do.
#include "sched_sim.h"

#define STEP(run_us, sleep_us)                     \
    {                                              \
        (run_us) * NS_PER_US, (sleep_us)*NS_PER_US \
    }
#include "traces/debian.inc"
#include "traces/toolstack.inc"

enum { DEBIAN_VCPUS = 2 };

struct recording {
    const struct sim_step *steps;
    unsigned int count;
};
#define RECORDING(steps)         \
    {                            \
        steps, ARRAY_SIZE(steps) \
    }

/* What the vCPUs of a Debian do: it boots, then it works. */
static const struct recording debian[] = {RECORDING(debian_d0v0_first),
                                          RECORDING(debian_d0v1_first)};
static const struct recording toolstack[] = {RECORDING(toolstack_d0v0_first)};

/* A domain that replays recordings, a vCPU each, from this part of a hundred on. */
static struct domain *replay(const struct recording *recordings, unsigned int vcpus,
                             unsigned int percent, uint32_t weight, uint32_t cap)
{
    struct domain *d = sim_domain(vcpus, weight, cap);

    for (unsigned int i = 0; i < vcpus; i++) {
        const struct recording *r = &recordings[i];
        sim_trace(d, r->steps, r->count)->at_step = r->count * percent / 100;
    }
    return d;
}

/* CPU time in a second that a domain with these recordings would have on CPUs of its own. */
static uint64_t wants(const struct recording *recordings, unsigned int vcpus)
{
    uint64_t total = 0;

    for (unsigned int v = 0; v < vcpus; v++) {
        uint64_t run = 0, sleep = 0;
        for (unsigned int i = 0; i < recordings[v].count; i++) {
            run += recordings[v].steps[i].run_ns;
            sleep += recordings[v].steps[i].sleep_ns;
        }
        total += run * 1000 / ((run + sleep) / 1000000);
    }
    return total;
}

static void measure(uint64_t ns)
{
    sim_run(SECOND);
    sim_forget();
    sim_run(ns);
    sim_audit();
    sim_check_accounts();
}
/* ---- shares --------------------------------------------------------------------------------- */

/*
 * Three Debians that work, each somewhere else in it: what they want is more than what there is,
 * and they get what their weights say.
 */
static void check_shares(const uint32_t weights[3])
{
    const uint64_t ns = 60 * SECOND;
    uint64_t all = 0;

    for (unsigned int i = 0; i < 3; i++) {
        replay(debian, DEBIAN_VCPUS, 30 * i, weights[i], 0);
        all += weights[i];
    }
    measure(ns);
    assert_true(sim_wasted_ns == 0);
    for (unsigned int i = 0; i < 3; i++) {
        uint64_t share = ns * cpu_count * weights[i] / all;
        assert_true(wants(debian, DEBIAN_VCPUS) * 60 > share);
        sim_assert_near(sim_domain_ran(sim_domains[i]), share, 5);
    }
}

static void debians_of_one_weight_get_the_same(void **state)
{
    check_shares((uint32_t[]){256, 256, 256});
}

static void debians_get_what_their_weights_say(void **state)
{
    check_shares((uint32_t[]){256, 512, 1024});
}

/* ---- caps ----------------------------------------------------------------------------------- */

static void a_cap_holds_for_a_debian_that_works_or_boots(void **state)
{
    struct domain *works = replay(debian, DEBIAN_VCPUS, 0, 256, 30);
    struct domain *boots = replay(debian, DEBIAN_VCPUS, 0, 256, 20);

    replay(debian, DEBIAN_VCPUS, 50, 256, 0);
    measure(60 * SECOND);
    sim_assert_near(sim_domain_ran(works), 18 * SECOND, 5);
    assert_true(sim_domain_ran(boots) <= 12 * SECOND + POLICY_PERIOD_NS);
}

/* ---- latency -------------------------------------------------------------------------------- */

/*
 * A domain 0 with the weight that makes what it wants less than its share, beside two Debians for
 * each CPU. On one CPU it waits a turn of a millisecond for who runs, and for who woke before it.
 * On several it comes to queues where others are behind it.
 */
static void a_toolstack_waits_little_beside_debians(void **state)
{
    const struct actor *a;

    for (unsigned int i = 0; i < cpu_count; i++) {
        replay(debian, DEBIAN_VCPUS, 23 * i, 256, 0);
        replay(debian, DEBIAN_VCPUS, 19 * i, 256, 0);
    }
    a = &sim_actors[sim_count];
    replay(toolstack, ARRAY_SIZE(toolstack), 0, 4096, 0);
    measure(60 * SECOND);
    assert_true(sim_wasted_ns == 0);
    assert_true(a->wakes > 1000);
    assert_true(a->worst_latency_ns <= (cpu_count == 1 ? 3 : 20) * MS);
    assert_true(a->total_latency_ns / a->wakes <= MS);
}

#define on(start, test) cmocka_unit_test_setup_teardown(test, start, sim_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on(one_cpu, debians_of_one_weight_get_the_same),
        on(two_cpus, debians_of_one_weight_get_the_same),
        on(one_cpu, debians_get_what_their_weights_say),
        on(two_cpus, a_cap_holds_for_a_debian_that_works_or_boots),
        on(one_cpu, a_toolstack_waits_little_beside_debians),
        on(two_cpus, a_toolstack_waits_little_beside_debians),
        on(four_cpus, a_toolstack_waits_little_beside_debians),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
