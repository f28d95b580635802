// SPDX-License-Identifier: Apache-2.0
// CPUs as the scheduler has them: their queues, their idle vCPUs, and which of them take vCPUs.
#include "abi/errno.h"
#include "memory/allocator.h"
#include "sched/internal.h"
#include "time/time.h"

/* What the idle vCPUs are in: no list has it, and no guest can name it. */
static struct domain idle_domain = {
    .id = DOMID_IDLE,
    .lock = SPINLOCK(RANK_DOMAIN),
    .shutdown_code = NOT_SHUT_DOWN,
};
static struct domain_sched idle_sched;

static uint32_t rate_limit_us = 1000; /* [a] */
static uint64_t front;                /* [a] of the queues, see sched/policy.h */

uint64_t sched_idle_cpus;

bool sched_plan_look(struct cpu_sched *c, uint64_t ns)
{
    c->look_ns = ns;
    if (ns >= c->armed_ns) {
        return false;
    }
    WRITE_ONCE(c->armed_ns, ns);
    return true;
}

/* Who armed it for a sooner time meanwhile may have been overtaken. */
void sched_arm_look(struct cpu_sched *c, uint64_t ns)
{
    uint64_t armed;

    timer_set(&c->look, ns);
    while ((armed = READ_ONCE(c->armed_ns)) < ns) {
        ns = armed;
        timer_set(&c->look, ns);
    }
}

/* The timer went off: it is time, or it was set for a time that has been put off since. */
static void look_again(void *data)
{
    unsigned int cpu = (unsigned int)(uintptr_t)data;
    struct cpu_sched *c = cpu_sched(cpu);
    uint64_t look_ns, now = time_now_ns();
    bool is_early;

    spin_lock(&c->lock);
    WRITE_ONCE(c->armed_ns, UINT64_MAX);
    look_ns = c->look_ns;
    is_early = now < look_ns && sched_plan_look(c, look_ns);
    spin_unlock(&c->lock);
    if (is_early) {
        sched_arm_look(c, look_ns);
    } else {
        cpu_raise(cpu, WORK_SCHEDULE);
    }
}

int sched_init_cpu(unsigned int cpu)
{
    struct cpu_sched *c = heap_new(struct cpu_sched);
    struct vcpu *idle = heap_new(struct vcpu);
    struct vcpu_sched *s = heap_new(struct vcpu_sched);

    if (!c || !idle || !s) {
        heap_free(c);
        heap_free(idle);
        heap_free(s);
        return -ENOMEM;
    }
    policy_init_group(&idle_sched.group);
    idle->domain = &idle_domain;
    idle->id = cpu;
    idle->cpu = cpus[cpu];
    idle->stack_top = cpus[cpu]->stack_top;
    sched_vcpu_init(idle, s, &idle_sched);
    s->home = cpu;
    s->on_cpu = true;
    runstate_change(&s->runstate, RUNSTATE_running, time_now_ns());
    spin_init(&c->lock, RANK_SCHED);
    policy_init_queue(&c->queue, &front);
    c->queue.rate_limit_ns = rate_limit_us * NS_PER_US;
    c->idle = idle;
    c->says_idle = true;
    c->look_ns = c->armed_ns = UINT64_MAX;
    __atomic_fetch_or(&sched_idle_cpus, 1ULL << cpu, __ATOMIC_SEQ_CST);
    timer_init(&c->look, look_again, (void *)(uintptr_t)cpu, cpu);
    cpus[cpu]->sched = c;
    cpus[cpu]->current = idle;
    return 0;
}

void sched_set_rate_limit_us(uint32_t us)
{
    WRITE_ONCE(rate_limit_us, us);
    for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
        WRITE_ONCE(cpu_sched(cpu)->queue.rate_limit_ns, us * NS_PER_US);
    }
}

uint32_t sched_rate_limit_us(void)
{
    return READ_ONCE(rate_limit_us);
}

/* ---- coming and going ----------------------------------------------------------------------- */

/* Who was only to run on CPUs that were all away has run on others meanwhile. */
static void bring_back_displaced(void)
{
    struct domain *d = domain_get_next(-1);

    while (d) {
        int id = d->id;
        for (unsigned int i = 0; i < d->max_vcpus; i++) {
            struct vcpu *v = READ_ONCE(d->vcpus[i]);
            if (v) {
                sched_review_place(v);
            }
        }
        domain_put(d);
        d = domain_get_next(id);
    }
}

void sched_cpu_start(unsigned int cpu)
{
    cpu_set_online(cpu, true);
    cpu_raise(cpu, WORK_SCHEDULE);
    bring_back_displaced();
}

int sched_cpu_stop(unsigned int cpu)
{
    uint64_t bit = 1ULL << cpu, before = cpus_online();

    do {
        if (before == bit) {
            return -EBUSY;
        }
    } while (!__atomic_compare_exchange_n(&cpu_online_bits, &before, before & ~bit, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    cpu_raise(cpu, WORK_SCHEDULE);
    return 0;
}

bool sched_cpu_is_quiet(unsigned int cpu)
{
    struct cpu_sched *c = cpu_sched(cpu);
    bool quiet;

    spin_lock(&c->lock);
    quiet = !c->queue.running && c->queue.load == 0 && list_empty(&c->queue.parked);
    spin_unlock(&c->lock);
    return quiet && __atomic_load_n(&c->idle->sched->on_cpu, __ATOMIC_ACQUIRE);
}
