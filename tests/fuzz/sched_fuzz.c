// SPDX-License-Identifier: Apache-2.0
// The scheduler under any sequence of what guests, control software and the machine do, on several
// CPUs: after each step its records agree, and after each pass of all CPUs everyone who may run
// does, or waits where it may.
//
// Input: bytes that the steps take their numbers from; it ends when they do.
#include <stdio.h>
#include <stdlib.h>

#include "abi/errno.h"
#include "domain/pause.h"
#include "memory/allocator.h"
#include "input.h"
#include "operations.h"

#include "../unit/sched_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CPUS    4
#define DOMAINS 5
#define VCPUS   3

static struct {
    struct domain *domain;
    uint64_t born_ns;
    unsigned int pauses; /* of ours, on the domain */
    unsigned int vcpu_pauses[VCPUS];
} subjects[DOMAINS];

/* ---- domains come and go --------------------------------------------------------------------- */

static void make_domain(unsigned int i)
{
    struct domain *d;
    int error;

    d = domain_create(DOMID_INVALID, VCPUS, false, &error);
    SCHED_MUST(d != NULL);
    subjects[i] = (typeof(subjects[i])){.domain = d, .born_ns = time_now_ns()};
    for (unsigned int id = 0; id < VCPUS; id++) {
        SCHED_MUST(vcpu_create(d, id) != NULL);
        if (take(4) != 0) {
            vcpu_clear_pause(d->vcpus[id], VCPU_DOWN);
        }
    }
}

/* CPUs are one thread: a wait until it is off its CPU has to find it off. */
static void end_domain(unsigned int i)
{
    domain_pause_nosync(subjects[i].domain);
    sched_machine_settle();
    while (domain_kill(subjects[i].domain) == HYPERCALL_RESTART) {
    }
    domain_put(subjects[i].domain);
    subjects[i].domain = NULL;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void of_the_running_vcpu(void)
{
    struct vcpu *v = current_vcpu();

    if (vcpu_is_idle(v)) {
        return;
    }
    switch (take(5)) {
    case 0:
    case 1:
        vcpu_set_pause(v, VCPU_BLOCKED);
        break;
    case 2:
        sched_yield_current();
        break;
    case 3:
        vcpu_set_pause(v, VCPU_POLLING);
        timer_set(&v->sched->poll_timer, time_now_ns() + take(200) * NS_PER_MS);
        break;
    default:
        (void)!sched_pin_override(v, (int32_t)take(CPUS + 1) - 1);
    }
}

static void pause_or_unpause(unsigned int i, unsigned int id)
{
    unsigned int *pauses = &subjects[i].vcpu_pauses[id];

    if (*pauses != 0 && take(2) == 0) {
        --*pauses;
        vcpu_unpause(subjects[i].domain->vcpus[id]);
    } else if (*pauses < 3) {
        ++*pauses;
        vcpu_pause_nosync(subjects[i].domain->vcpus[id]);
    }
}

static void pause_or_unpause_domain(unsigned int i)
{
    if (subjects[i].pauses != 0 && take(3) != 0) {
        subjects[i].pauses--;
        domain_unpause(subjects[i].domain);
    } else if (subjects[i].pauses < 3) {
        subjects[i].pauses++;
        domain_pause_nosync(subjects[i].domain);
    }
}

static void change_params(struct domain *d)
{
    static const uint32_t weights[] = {1, 16, 255, 256, 1000, POLICY_WEIGHT_MAX};
    static const uint32_t caps[] = {0, 0, 1, 30, 100, 250};

    SCHED_MUST(
        sched_set_params(d, weights[take(ARRAY_SIZE(weights))], caps[take(ARRAY_SIZE(caps))]) == 0);
}

static void stop_or_start_cpu(void)
{
    unsigned int cpu = take(CPUS);

    if (take(2) == 0) {
        (void)!sched_cpu_stop(cpu);
    } else {
        sched_cpu_start(cpu);
    }
}

static void shut_down_or_resume(struct domain *d)
{
    if (take(3) == 0) {
        domain_shutdown(d, SHUTDOWN_suspend);
    } else {
        domain_resume(d);
    }
}

static void step(void)
{
    unsigned int i = take(DOMAINS), id = take(VCPUS);
    struct domain *d = subjects[i].domain;
    struct vcpu *v;

    if (!d) {
        make_domain(i);
        return;
    }
    v = d->vcpus[id];
    switch (take(20)) {
    case 0:
        (void)!sched_set_hard_affinity(v, take(16));
        break;
    case 1:
        (void)!sched_set_soft_affinity(v, take(16));
        break;
    case 2:
        change_params(d);
        break;
    case 3:
        pause_or_unpause(i, id);
        break;
    case 4:
        pause_or_unpause_domain(i);
        break;
    case 5:
        stop_or_start_cpu();
        break;
    case 6:
        shut_down_or_resume(d);
        break;
    case 7:
        if (take(8) == 0) {
            end_domain(i);
        }
        break;
    case 8:
        sched_set_rate_limit_us(take(20) * 500);
        break;
    case 9:
        sched_end_override(v);
        break;
    case 10:
    case 11:
    case 12:
    case 13:
        of_the_running_vcpu();
        break;
    default:
        vcpu_clear_pause(v, VCPU_BLOCKED | VCPU_DOWN);
    }
}

/* Time passes, for all CPUs or just one that looks. */
static void machine_goes_on(void)
{
    static const uint64_t jumps[] = {0, 1000, 100000, 1000000, 9000000, 60000000, 700000000};

    host_tsc += jumps[take(ARRAY_SIZE(jumps))];
    if (take(3) != 0) {
        sched_machine_settle();
        for (unsigned int i = 0; i < DOMAINS; i++) {
            if (subjects[i].domain) {
                audit_settled(subjects[i].domain);
            }
        }
    } else {
        cpu_raise_self(WORK_TIMER);
        cpu_do_work();
    }
}

static void audit(void)
{
    for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
        audit_queue(cpu);
    }
    for (unsigned int i = 0; i < DOMAINS; i++) {
        if (subjects[i].domain) {
            audit_domain_sched(subjects[i].domain, subjects[i].born_ns);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_begin(data, size);
    sched_machine_start(640, CPUS);
    sched_set_rate_limit_us(1000);
    while (input.size > 0) {
        host_become_cpu(take(CPUS));
        if (take(3) == 0) {
            machine_goes_on();
        } else {
            step();
        }
        audit();
        fuzz_operations++;
    }
    for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
        sched_cpu_start(cpu);
    }
    for (unsigned int i = 0; i < DOMAINS; i++) {
        if (subjects[i].domain) {
            end_domain(i);
        }
    }
    host_machine_destroy();
    return 0;
}
