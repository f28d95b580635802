// SPDX-License-Identifier: Apache-2.0
// Loads on the scheduler for seconds and minutes of simulated time: shares, latencies, and that no
// CPU idles while somebody waits.
#include "sched_sim.h"

static int eight_cpus(void **state)
{
    return sim_start(8);
}

/* A domain whose vCPUs all are busy. */
static struct domain *busy_domain(unsigned int vcpus, uint32_t weight, uint32_t cap)
{
    struct domain *d = sim_domain(vcpus, weight, cap);

    for (unsigned int i = 0; i < vcpus; i++) {
        sim_add(d, sim_busy);
    }
    return d;
}

/* Runs for a tenth of a millisecond, sleeps for some: a server that waits for its disk. */
static struct sim_step interactive(struct actor *a)
{
    return (struct sim_step){50000 + sim_random(100000), 2 * MS + sim_random(10 * MS)};
}

static struct sim_step random_step(struct actor *a)
{
    return (struct sim_step){1 + sim_random(15 * MS), 1 + sim_random(15 * MS)};
}

/* Uses more than its share, but sleeps again and again. */
static struct sim_step mostly_busy(struct actor *a)
{
    return (struct sim_step){5 * MS + sim_random(4 * MS), 100000 + sim_random(900000)};
}

/* ---- shares --------------------------------------------------------------------------------- */

static void equal_domains_on_one_cpu(void **state)
{
    for (int i = 0; i < 5; i++) {
        busy_domain(1, 256, 0);
    }
    sim_run(10 * SECOND);
    for (int i = 0; i < 5; i++) {
        sim_assert_near(sim_domain_ran(sim_domains[i]), 2 * SECOND, 1);
    }
    assert_int_equal(sim_busy_ns, 10 * SECOND);
    sim_check_accounts();
}

static void weights_on_one_cpu(void **state)
{
    for (int i = 0; i < 3; i++) {
        busy_domain(1, 256U << i, 0);
    }
    sim_run(10 * SECOND);
    for (uint64_t i = 0; i < 3; i++) {
        sim_assert_near(sim_domain_ran(sim_domains[i]), (10 * SECOND << i) / 7, 2);
    }
}

static void small_and_large_weights_keep_their_ratio(void **state)
{
    static const uint32_t units[] = {1, 100, 16000};

    for (unsigned int k = 0; k < ARRAY_SIZE(units); k++) {
        for (uint32_t i = 0; i < 3; i++) {
            if (k == 0) {
                busy_domain(1, units[k] << i, 0);
            }
            assert_int_equal(sched_set_params(sim_domains[i], units[k] << i, 0), 0);
        }
        sim_run(SECOND);
        sim_forget();
        sim_run(10 * SECOND);
        for (uint64_t i = 0; i < 3; i++) {
            sim_assert_near(sim_domain_ran(sim_domains[i]), (10 * SECOND << i) / 7, 3);
        }
    }
}

static void three_equal_domains_on_two_cpus(void **state)
{
    for (int i = 0; i < 3; i++) {
        busy_domain(1, 256, 0);
    }
    sim_run(10 * SECOND);
    for (int i = 0; i < 3; i++) {
        sim_assert_near(sim_domain_ran(sim_domains[i]), 20 * SECOND / 3, 3);
    }
    assert_true(sim_wasted_ns == 0);
    sim_check_accounts();
}

static void seven_equal_domains_on_four_cpus(void **state)
{
    for (int i = 0; i < 7; i++) {
        busy_domain(1, 256, 0);
    }
    sim_run(10 * SECOND);
    for (int i = 0; i < 7; i++) {
        sim_assert_near(sim_domain_ran(sim_domains[i]), 40 * SECOND / 7, 4);
    }
}

static void weights_of_domains_with_two_vcpus_on_two_cpus(void **state)
{
    for (int i = 0; i < 3; i++) {
        busy_domain(2, 256U << i, 0);
    }
    sim_run(SECOND);
    sim_forget();
    sim_run(10 * SECOND);
    for (uint64_t i = 0; i < 3; i++) {
        sim_assert_near(sim_domain_ran(sim_domains[i]), (20 * SECOND << i) / 7, 4);
    }
    assert_true(sim_wasted_ns == 0);
}

static void weights_of_domains_with_four_vcpus_on_four_cpus(void **state)
{
    for (int i = 0; i < 3; i++) {
        busy_domain(4, 256U << i, 0);
    }
    sim_run(SECOND);
    sim_forget();
    sim_run(10 * SECOND);
    for (uint64_t i = 0; i < 3; i++) {
        sim_assert_near(sim_domain_ran(sim_domains[i]), (40 * SECOND << i) / 7, 4);
    }
}

/* The third would deserve more than a CPU: it gets a whole one, the others share what is left. */
static void a_weight_beyond_a_cpu_takes_one_and_no_more(void **state)
{
    busy_domain(1, 256, 0);
    busy_domain(1, 256, 0);
    busy_domain(1, 256, 0);
    busy_domain(1, 8192, 0);
    sim_run(SECOND);
    sim_forget();
    sim_run(60 * SECOND);
    for (uint64_t i = 0; i < 3; i++) {
        sim_assert_near(sim_domain_ran(sim_domains[i]), 20 * SECOND, 5);
    }
    sim_assert_near(sim_domain_ran(sim_domains[3]), 60 * SECOND, 3);
}

static void a_domain_with_more_vcpus_gets_no_more(void **state)
{
    busy_domain(2, 256, 0);
    busy_domain(8, 256, 0);
    sim_run(SECOND);
    sim_forget();
    sim_run(10 * SECOND);
    sim_assert_near(sim_domain_ran(sim_domains[0]), 10 * SECOND, 4);
    sim_assert_near(sim_domain_ran(sim_domains[1]), 10 * SECOND, 4);
}

static void many_vcpus_on_few_cpus_all_have_their_turn(void **state)
{
    for (int i = 0; i < 32; i++) {
        busy_domain(8, 256, 0);
    }
    sim_run(SECOND);
    sim_forget();
    sim_run(20 * SECOND);
    for (unsigned int i = 0; i < 32; i++) {
        sim_assert_near(sim_domain_ran(sim_domains[i]), 80 * SECOND / 32, 5);
    }
    for (unsigned int i = 0; i < sim_count; i++) {
        assert_true(sim_actors[i].worst_wait_ns < 500 * MS);
    }
}

/* They would gain, were a bonus given for each sleep. */
static void those_who_sleep_now_and_then_get_no_more_than_the_busy(void **state)
{
    busy_domain(1, 256, 0);
    for (int i = 0; i < 2; i++) {
        sim_add(sim_domain(1, 256, 0), mostly_busy);
    }
    sim_run(20 * SECOND);
    for (int i = 0; i < 3; i++) {
        sim_assert_near(sim_domain_ran(sim_domains[i]), 20 * SECOND / 3, 5);
    }
}

/* ---- caps ----------------------------------------------------------------------------------- */

static void caps_hold_on_idle_and_busy_cpus(void **state)
{
    busy_domain(1, 256, 40);
    busy_domain(2, 256, 120);
    sim_run(10 * SECOND);
    sim_assert_near(sim_domain_ran(sim_domains[0]), 4 * SECOND, 2);
    sim_assert_near(sim_domain_ran(sim_domains[1]), 12 * SECOND, 2);
    busy_domain(2, 256, 0);
    sim_forget();
    sim_run(10 * SECOND);
    assert_true(sim_domain_ran(sim_domains[0]) <= 41 * SECOND / 10);
    assert_true(sim_domain_ran(sim_domains[1]) <= 123 * SECOND / 10);
    assert_true(sim_busy_ns == 20 * SECOND);
    sim_check_accounts();
}

static void the_end_of_a_cap_is_felt(void **state)
{
    struct domain *d = busy_domain(2, 256, 10);

    sim_run(2 * SECOND);
    assert_int_equal(sched_set_params(d, 256, 0), 0);
    sim_forget();
    sim_run(SECOND);
    assert_true(sim_domain_ran(d) > 2 * SECOND - 20 * MS);
}

/* ---- latency -------------------------------------------------------------------------------- */

static void who_sleeps_much_gets_a_cpu_soon_after_waking(void **state)
{
    struct actor *io[4];

    for (int i = 0; i < 4; i++) {
        busy_domain(1, 256, 0);
        io[i] = sim_add(sim_domain(1, 256, 0), interactive);
    }
    sim_run(SECOND);
    sim_forget();
    sim_run(20 * SECOND);
    for (int i = 0; i < 4; i++) {
        assert_true(io[i]->worst_latency_ns <= 2 * MS);
        assert_true(io[i]->total_latency_ns / io[i]->wakes <= MS);
    }
}

/* Once it is woken it wants the CPU for some turns. */
static struct sim_step when_woken(struct actor *a)
{
    return (struct sim_step){5 * MS, 1000 * SECOND};
}

/* The bound: a turn of a millisecond for who runs, and for each that woke at the same time. */
static void who_wakes_waits_one_turn_for_each_that_woke_with_it(void **state)
{
    enum { TOGETHER = 12 };

    busy_domain(1, 256, 0);
    for (int i = 0; i < TOGETHER; i++) {
        sim_add(sim_domain(1, 256U << (i % 3), 0), when_woken);
    }
    sim_run(SECOND);
    sim_forget();
    for (int turn = 0; turn < 100; turn++) {
        for (int i = 1; i <= TOGETHER; i++) {
            sim_actors[i].wake_at = sim_now + sim_random(2 * MS);
        }
        sim_run(200 * MS);
    }
    for (int i = 1; i <= TOGETHER; i++) {
        assert_int_equal(sim_actors[i].wakes, 100);
        assert_true(sim_actors[i].worst_latency_ns <= (TOGETHER + 1) * MS);
    }
}

static void latency_is_bounded_on_several_cpus(void **state)
{
    struct actor *io[12];

    for (int i = 0; i < 12; i++) {
        busy_domain(2, 256, 0);
        io[i] = sim_add(sim_domain(1, 256, 0), interactive);
    }
    sim_run(SECOND);
    sim_forget();
    sim_run(20 * SECOND);
    for (int i = 0; i < 12; i++) {
        assert_true(io[i]->worst_latency_ns <= 3 * MS);
        assert_true(io[i]->total_latency_ns / io[i]->wakes <= MS);
    }
    assert_true(sim_wasted_ns == 0);
}

/* The least weight of all still gets its turn while the greatest is busy. */
static void nobody_starves(void **state)
{
    struct actor *least;

    busy_domain(1, POLICY_WEIGHT_MAX, 0);
    busy_domain(1, 256, 0);
    least = &sim_actors[sim_count];
    busy_domain(1, 1, 0);
    sim_run(1800 * SECOND);
    assert_true(least->ran_ns >= 20 * MS);
    sim_assert_near(sim_domain_ran(sim_domains[1]), 1800 * SECOND / 256, 10);
}

static void a_change_of_weight_takes_effect_at_once(void **state)
{
    struct domain *low = busy_domain(1, 1, 0);

    busy_domain(1, 256, 0);
    sim_run(10 * SECOND);
    assert_int_equal(sched_set_params(low, 256, 0), 0);
    sim_forget();
    sim_run(SECOND);
    sim_assert_near(sim_domain_ran(low), SECOND / 2, 12);
}

/* ---- yield ---------------------------------------------------------------------------------- */

static struct sim_step spin(struct actor *a)
{
    return (struct sim_step){100000, 0};
}

static void who_yields_lets_others_run_and_starves_nobody(void **state)
{
    struct actor *spinner = sim_add(sim_domain(1, 256, 0), spin);

    spinner->yields = true;
    busy_domain(1, 256, 0);
    sim_run(10 * SECOND);
    assert_true(spinner->ran_ns > 50 * MS);
    assert_true(sim_domain_ran(sim_domains[1]) > 9 * SECOND);
    assert_true(sim_busy_ns == 10 * SECOND);
}

/* ---- affinity ------------------------------------------------------------------------------- */

static void pinned_vcpus_share_the_cpus_they_are_pinned_to(void **state)
{
    for (int i = 0; i < 5; i++) {
        busy_domain(1, 256, 0);
        assert_int_equal(sched_set_hard_affinity(sim_actors[i].vcpu, i == 0 ? 1 : 2), 0);
    }
    sim_run(10 * SECOND);
    sim_assert_near(sim_actors[0].ran_ns, 10 * SECOND, 1);
    for (int i = 1; i < 5; i++) {
        sim_assert_near(sim_actors[i].ran_ns, 10 * SECOND / 4, 2);
    }
}

/* CPU 1's pinned vCPUs fall behind for ever, which must not hurt who comes from there or goes. */
static void drift_between_cpus_is_nobodys_debt(void **state)
{
    struct actor *io;

    for (int i = 0; i < 12; i++) {
        busy_domain(1, 256, 0);
        assert_int_equal(sched_set_hard_affinity(sim_actors[i].vcpu, i < 2 ? 1 : 2), 0);
    }
    io = sim_add(sim_domain(1, 256, 0), interactive);
    sim_run(60 * SECOND);
    assert_true(io->worst_latency_ns <= 3 * MS);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(sched_set_hard_affinity(sim_actors[i].vcpu, 3), 0);
    }
    sim_run(SECOND);
    sim_forget();
    sim_run(10 * SECOND);
    for (int i = 0; i < 12; i++) {
        sim_assert_near(sim_actors[i].ran_ns, (20 * SECOND - io->ran_ns) / 12, 5);
    }
}

static void soft_affinity_is_followed_unless_a_cpu_idles(void **state)
{
    struct actor *a = sim_add(sim_domain(1, 256, 0), random_step);

    assert_int_equal(sched_set_soft_affinity(a->vcpu, 2), 0);
    sim_run(SECOND);
    assert_int_equal(sched_cpu_of(a->vcpu), 1);
    for (int i = 0; i < 2; i++) {
        busy_domain(1, 256, 0);
        assert_int_equal(sched_set_soft_affinity(sim_actors[1 + i].vcpu, 2), 0);
    }
    sim_run(10 * SECOND);
    assert_true(sim_wasted_ns == 0);
}

static void affinities_that_change_all_the_time_are_obeyed(void **state)
{
    for (int i = 0; i < 10; i++) {
        sim_add(sim_domain(1, 256, 0), i % 2 ? random_step : sim_busy);
    }
    for (int turn = 0; turn < 3000; turn++) {
        struct vcpu *v = sim_actors[sim_random(10)].vcpu;
        uint64_t set = 1 + sim_random(15);

        host_become_cpu((unsigned int)sim_random(cpu_count));
        assert_int_equal(sched_set_hard_affinity(v, set), 0);
        sim_run(sim_random(5 * MS));
        sim_audit();
        if (sched_is_running(v)) {
            assert_true((set >> sched_cpu_of(v) & 1) != 0);
        }
    }
    assert_true(sim_wasted_ns == 0);
    sim_check_accounts();
}

/* ---- CPUs that come and go ------------------------------------------------------------------ */

static void a_cpu_that_stops_is_left_by_all(void **state)
{
    for (int i = 0; i < 6; i++) {
        busy_domain(1, 256, 0);
    }
    assert_int_equal(sched_set_hard_affinity(sim_actors[0].vcpu, 1 << 3), 0);
    sim_run(SECOND);
    assert_int_equal(sched_cpu_stop(3), 0);
    assert_int_equal(sched_cpu_stop(2), 0);
    assert_int_equal(sched_cpu_stop(1), 0);
    assert_int_equal(sched_cpu_stop(0), -EBUSY);
    sim_run(MS);
    for (unsigned int cpu = 1; cpu < 4; cpu++) {
        assert_true(sched_cpu_is_quiet(cpu));
        assert_int_equal(sched_pin_override(sim_actors[1].vcpu, (int32_t)cpu), -EINVAL);
    }
    sim_forget();
    sim_run(10 * SECOND);
    for (int i = 0; i < 6; i++) {
        sim_assert_near(sim_actors[i].ran_ns, 10 * SECOND / 6, 4);
    }
    for (unsigned int cpu = 1; cpu < 4; cpu++) {
        sched_cpu_start(cpu);
    }
    sim_run(SECOND);
    assert_int_equal(sched_cpu_of(sim_actors[0].vcpu), 3);
    sim_forget();
    sim_run(10 * SECOND);
    assert_true(sim_busy_ns == 40 * SECOND);
    sim_check_accounts();
}

static void cpus_come_and_go_under_load(void **state)
{
    for (int i = 0; i < 16; i++) {
        sim_add(sim_domain(1, 256, 0), i % 3 ? random_step : sim_busy);
    }
    for (int turn = 0; turn < 2000; turn++) {
        unsigned int cpu = (unsigned int)sim_random(cpu_count);

        if (sim_random(2) == 0) {
            sched_cpu_start(cpu);
        } else if (sched_cpu_stop(cpu) == 0) {
            sim_run(0);
            assert_true(sched_cpu_is_quiet(cpu));
        }
        sim_run(sim_random(10 * MS));
        sim_audit();
    }
    for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
        sched_cpu_start(cpu);
    }
    assert_true(sim_wasted_ns == 0);
    sim_check_accounts();
    sim_run(SECOND);
    sim_forget();
    sim_run(5 * SECOND);
    assert_true(sim_busy_ns <= 40 * SECOND);
}

/* ---- traces --------------------------------------------------------------------------------- */

/* Steps as such loads have them: CPU time, then sleep, in nanoseconds. */
static const struct sim_step compiler[] = {
    {9400000, 210000}, {31000000, 0},       {2200000, 900000}, {14700000, 150000},
    {620000, 4100000}, {22500000, 380000},  {170000, 1900000}, {48000000, 260000},
    {3900000, 700000}, {11800000, 1200000},
};
static const struct sim_step disk_server[] = {
    {85000, 900000}, {140000, 6200000}, {60000, 310000}, {410000, 11400000}, {95000, 2700000},
    {75000, 480000}, {230000, 7900000}, {55000, 160000}, {120000, 3600000},
};
/* A picture each 16.7 ms. */
static const struct sim_step video_player[] = {
    {4300000, 12367000}, {3800000, 12867000}, {7900000, 8767000},  {4100000, 12567000},
    {5200000, 11467000}, {3600000, 13067000}, {4700000, 11967000},
};

static void a_player_and_a_server_wait_little_beside_compilers(void **state)
{
    struct actor *player, *server;

    for (int i = 0; i < 4; i++) {
        struct domain *d = sim_domain(2, 256, 0);
        sim_trace(d, compiler, ARRAY_SIZE(compiler))->at_step = (unsigned int)i;
        sim_trace(d, compiler, ARRAY_SIZE(compiler))->at_step = (unsigned int)i + 4;
    }
    player = sim_trace(sim_domain(1, 512, 0), video_player, ARRAY_SIZE(video_player));
    server = sim_trace(sim_domain(1, 256, 0), disk_server, ARRAY_SIZE(disk_server));
    sim_run(SECOND);
    sim_forget();
    sim_run(60 * SECOND);
    sim_audit();
    assert_true(player->worst_latency_ns <= 4 * MS);
    assert_true(server->worst_latency_ns <= 4 * MS);
    assert_true(player->total_latency_ns / player->wakes <= MS);
    assert_true(server->total_latency_ns / server->wakes <= MS);
    assert_true(sim_wasted_ns == 0);
    sim_check_accounts();
}

/* ---- everything together -------------------------------------------------------------------- */

static void a_mixed_minute(void **state)
{
    struct actor *io[8];

    for (int i = 0; i < 6; i++) {
        busy_domain(2, 256, 0);
    }
    for (int i = 0; i < 8; i++) {
        struct domain *d = sim_domain(2, 256, i == 7 ? 20 : 0);
        io[i] = sim_add(d, interactive);
        sim_add(d, mostly_busy);
    }
    sim_run(SECOND);
    sim_forget();
    sim_run(60 * SECOND);
    for (int i = 0; i < 7; i++) {
        assert_true(io[i]->worst_latency_ns < 5 * MS);
    }
    for (unsigned int i = 0; i < sim_count; i++) {
        assert_true(sim_actors[i].worst_wait_ns < 200 * MS);
    }
    assert_true(sim_domain_ran(sim_domains[13]) <= 61 * SECOND / 5);
    assert_true(sim_wasted_ns == 0);
    sim_check_accounts();
}

#define on(start, test) cmocka_unit_test_setup_teardown(test, start, sim_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        on(one_cpu, equal_domains_on_one_cpu),
        on(one_cpu, weights_on_one_cpu),
        on(one_cpu, small_and_large_weights_keep_their_ratio),
        on(two_cpus, three_equal_domains_on_two_cpus),
        on(four_cpus, seven_equal_domains_on_four_cpus),
        on(two_cpus, weights_of_domains_with_two_vcpus_on_two_cpus),
        on(four_cpus, weights_of_domains_with_four_vcpus_on_four_cpus),
        on(two_cpus, a_weight_beyond_a_cpu_takes_one_and_no_more),
        on(two_cpus, a_domain_with_more_vcpus_gets_no_more),
        on(four_cpus, many_vcpus_on_few_cpus_all_have_their_turn),
        on(one_cpu, those_who_sleep_now_and_then_get_no_more_than_the_busy),
        on(two_cpus, caps_hold_on_idle_and_busy_cpus),
        on(two_cpus, the_end_of_a_cap_is_felt),
        on(one_cpu, who_sleeps_much_gets_a_cpu_soon_after_waking),
        on(one_cpu, who_wakes_waits_one_turn_for_each_that_woke_with_it),
        on(four_cpus, latency_is_bounded_on_several_cpus),
        on(one_cpu, nobody_starves),
        on(one_cpu, a_change_of_weight_takes_effect_at_once),
        on(one_cpu, who_yields_lets_others_run_and_starves_nobody),
        on(two_cpus, pinned_vcpus_share_the_cpus_they_are_pinned_to),
        on(two_cpus, drift_between_cpus_is_nobodys_debt),
        on(two_cpus, soft_affinity_is_followed_unless_a_cpu_idles),
        on(four_cpus, affinities_that_change_all_the_time_are_obeyed),
        on(four_cpus, a_cpu_that_stops_is_left_by_all),
        on(eight_cpus, cpus_come_and_go_under_load),
        on(two_cpus, a_player_and_a_server_wait_little_beside_compilers),
        on(four_cpus, a_mixed_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
