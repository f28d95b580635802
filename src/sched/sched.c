// SPDX-License-Identifier: Apache-2.0
// The scheduler's mechanism: vCPUs wake, sleep, and take turns on CPUs.
#include "sched/sched.h"

#include "arch/vcpu.h"
#include "base/panic.h"
#include "sched/internal.h"
#include "sched/record.h"
#include "time/time.h"
#include "time/vcpu_time.h"

bool vcpu_is_idle(const struct vcpu *v)
{
    return v->domain->id == DOMID_IDLE;
}

struct cpu_sched *sched_lock_home(struct vcpu_sched *s)
{
    for (;;) {
        unsigned int home = sched_home(s);
        struct cpu_sched *c = cpu_sched(home);

        spin_lock(&c->lock);
        if (likely(sched_home(s) == home)) {
            return c;
        }
        spin_unlock(&c->lock); /* it moved meanwhile */
    }
}

uint64_t sched_allowed(const struct vcpu_sched *s)
{
    uint64_t allowed = READ_ONCE(s->hard_affinity) & cpus_online();

    return allowed != 0 ? allowed : cpus_online();
}

static struct vcpu_sched *owner_of(struct sched_unit *unit)
{
    return container_of(unit, struct vcpu_sched, unit);
}

static bool on_some_cpu(const struct vcpu *v)
{
    return __atomic_load_n(&v->sched->on_cpu, __ATOMIC_ACQUIRE);
}

/* RUNSTATE_blocked dominates: a vCPU that is paused while it sleeps sleeps (<xen/vcpu.h>). */
static int sleep_state(const struct vcpu *v)
{
    uint32_t pause = READ_ONCE(v->pause);

    return (pause & (VCPU_BLOCKED | VCPU_POLLING)) != 0 ? RUNSTATE_blocked : RUNSTATE_offline;
}

static void want_to_run(struct vcpu_sched *s)
{
    __atomic_add_fetch(&s->unit.group->active, 1, __ATOMIC_RELAXED);
}

static void no_longer_want_to_run(struct vcpu_sched *s)
{
    __atomic_sub_fetch(&s->unit.group->active, 1, __ATOMIC_RELAXED);
}

/* ---- waking --------------------------------------------------------------------------------- */

/*
 * Whether the vCPU, whose home is locked, is to be queued: asleep though it could run. One that was
 * on its way to another CPU when it stopped being runnable is accounted as what it is now.
 */
static bool is_to_wake(struct vcpu_sched *s, uint64_t now)
{
    if (s->unit.state != UNIT_ASLEEP) {
        return false;
    }
    if (READ_ONCE(s->vcpu->pause) != 0) {
        runstate_change(&s->runstate, sleep_state(s->vcpu), now);
        return false;
    }
    return true;
}

static bool may_run_on(const struct vcpu_sched *s, unsigned int cpu)
{
    return (sched_allowed(s) >> cpu & 1) != 0;
}

/*
 * Lock the queue where the vCPU, which is asleep and runnable, shall wait; NULL if it is not. On
 * its way it is in no queue, and unlocked for a moment: another may wake it, or send it to sleep,
 * or the new place may be forbidden by then.
 */
static struct cpu_sched *lock_new_home(struct vcpu_sched *s, uint64_t now)
{
    bool moved = false;

    for (;;) {
        struct cpu_sched *c = sched_lock_home(s);
        unsigned int place;

        if (!is_to_wake(s, now)) {
            spin_unlock(&c->lock);
            return NULL;
        }
        if (moved && may_run_on(s, sched_home(s))) {
            return c;
        }
        place = sched_place(s);
        if (place == sched_home(s)) {
            return c;
        }
        policy_translate(&s->unit, &c->queue, &cpu_sched(place)->queue, true);
        sched_move_home(s, place);
        moved = true;
        spin_unlock(&c->lock);
    }
}

/* The vCPU, to be woken, waits in this queue, which is its home's and locked. */
static void enqueue(struct cpu_sched *c, struct vcpu_sched *s, uint64_t now)
{
    want_to_run(s);
    runstate_change(&s->runstate, RUNSTATE_runnable, now);
    policy_enqueue(&c->queue, &s->unit, now, true);
}

/*
 * When a CPU is to look at its queue, which is locked and where the vCPU began to wait: now, if it
 * should get the CPU at once; where the running one keeps it a while, as soon as it does not. What
 * others that wait are promised is not put off.
 */
static uint64_t look_for_woken(const struct cpu_sched *c, const struct vcpu_sched *s, uint64_t now)
{
    const struct run_queue *queue = &c->queue;

    if (!policy_preempts(queue, &s->unit)) {
        return MIN(policy_next_look(queue, now), c->look_ns);
    }
    if (!queue->running || !policy_keeps(queue, now)) {
        return now;
    }
    return MIN(policy_kept_until(queue), sched_next_balance(sched_home(s)));
}

void sched_wake(struct vcpu *v)
{
    struct vcpu_sched *s = v->sched;
    uint64_t now = time_now_ns(), look_ns;
    struct cpu_sched *c = lock_new_home(s, now);
    unsigned int cpu;
    bool arms;
    int helper;

    if (!c) {
        return;
    }
    cpu = sched_home(s);
    policy_charge(&c->queue, now);
    enqueue(c, s, now);
    look_ns = look_for_woken(c, s, now);
    helper = look_ns <= now ? -1 : sched_idle_helper(c);
    arms = look_ns > now && sched_plan_look(c, look_ns);
    spin_unlock(&c->lock);
    if (look_ns <= now) {
        cpu_raise(cpu, WORK_SCHEDULE);
    } else if (arms) {
        sched_arm_look(c, look_ns);
    }
    if (helper >= 0) {
        cpu_raise((unsigned int)helper, WORK_SCHEDULE);
    }
}

/* ---- sleeping ------------------------------------------------------------------------------- */

/* vcpu_slept: the vCPU is not runnable, or was not a moment ago. */
static void put_to_sleep(struct vcpu *v)
{
    struct vcpu_sched *s = v->sched;
    struct cpu_sched *c;
    bool running = false;
    unsigned int cpu;

    /* It keeps the CPU until that looks. */
    if (v == current_vcpu() && sched_is_running(v)) {
        cpu_raise_self(WORK_SCHEDULE);
        return;
    }
    c = sched_lock_home(s);
    cpu = sched_home(s);
    if (READ_ONCE(v->pause) != 0) {
        if (s->unit.state == UNIT_RUNNING) {
            running = true;
        } else if (s->unit.state != UNIT_ASLEEP) {
            uint64_t now = time_now_ns();
            policy_dequeue(&c->queue, &s->unit);
            no_longer_want_to_run(s);
            runstate_change(&s->runstate, sleep_state(v), now);
        }
    }
    spin_unlock(&c->lock);
    if (running) {
        cpu_raise(cpu, WORK_SCHEDULE);
    }
}

/*
 * vcpu_on_cpu: a CPU that has chosen the vCPU will load it, though it is paused meanwhile; one that
 * gave it up stores it still. The choice is given up before the store ends, so it is looked at
 * first.
 */
static bool has_cpu(struct vcpu *v)
{
    struct cpu_sched *c = sched_lock_home(v->sched);
    bool chosen = v->sched->unit.state == UNIT_RUNNING;

    spin_unlock(&c->lock);
    return chosen || on_some_cpu(v);
}

void sched_yield_current(void)
{
    struct vcpu *v = current_vcpu();
    struct cpu_sched *c = this_cpu()->sched;

    sched_record_yield(v->sched);
    if (READ_ONCE(c->queue.load) > 1) {
        v->sched->yields = true;
        cpu_raise_self(WORK_SCHEDULE);
    } else {
        /* It spins: others that share this CPU's core, or its emulator, have more use for it. */
        cpu_relax();
    }
}

/* ---- choosing ------------------------------------------------------------------------------- */

/*
 * Settle what becomes of the vCPU that had this CPU: it sleeps, waits for its next turn, or
 * belongs elsewhere (then true). The queue's lock is held.
 */
static bool put_previous(struct cpu_sched *c, struct vcpu_sched *s, unsigned int cpu, uint64_t now)
{
    bool wants = READ_ONCE(s->vcpu->pause) == 0;

    policy_stop(&c->queue);
    if (!wants) {
        no_longer_want_to_run(s);
        runstate_change(&s->runstate, sleep_state(s->vcpu), now);
        return false;
    }
    if (!may_run_on(s, cpu)) {
        no_longer_want_to_run(s);
        runstate_change(&s->runstate, RUNSTATE_runnable, now);
        return true;
    }
    policy_enqueue(&c->queue, &s->unit, now, false);
    return false;
}

/* The running vCPU keeps the CPU for now. The queue's lock is held. */
static bool keeps_cpu(const struct cpu_sched *c, const struct vcpu_sched *s, unsigned int cpu,
                      uint64_t now)
{
    return READ_ONCE(s->vcpu->pause) == 0 && !s->yields && may_run_on(s, cpu) &&
           policy_keeps(&c->queue, now);
}

/* A vCPU that was taken from another CPU's queue joins this one, its home. The lock is held. */
static void adopt(struct cpu_sched *c, struct vcpu_sched *s, unsigned int cpu, uint64_t now)
{
    if (sched_home(s) == cpu && is_to_wake(s, now)) {
        want_to_run(s);
        runstate_change(&s->runstate, RUNSTATE_runnable, now);
        policy_enqueue(&c->queue, &s->unit, now, false);
    }
}

static struct vcpu_sched *pick(struct cpu_sched *c, uint64_t now)
{
    struct sched_unit *unit = policy_pick(&c->queue, now);

    return unit ? owner_of(unit) : NULL;
}

/*
 * The best vCPU of this queue, or one that another CPU can spare, or NULL. The queue's lock is
 * held; for the look at others it is let go of. One that comes may have spent its domain's budget,
 * and be parked here.
 */
static struct vcpu_sched *choose(struct cpu_sched *c, unsigned int cpu, uint64_t now)
{
    struct vcpu_sched *next = pick(c, now), *stolen;

    while (!next && cpu_count > 1) {
        spin_unlock(&c->lock);
        sched_say_idle(cpu, true);
        stolen = sched_steal(cpu, true);
        spin_lock(&c->lock);
        if (stolen) {
            adopt(c, stolen, cpu, now);
        }
        next = pick(c, now);
        if (!stolen) {
            break;
        }
    }
    return next;
}

/*
 * What the area of a vCPU that leaves its CPU is to say, if it is not to run on: that it waits,
 * where it does not sleep. Another CPU may take it as soon as the lock is let go.
 */
static struct vcpu_runstate_info as_it_leaves(const struct vcpu_sched *s, uint64_t now)
{
    struct vcpu_runstate_info info = runstate_report(&s->runstate, now);

    if (info.state == RUNSTATE_running) {
        info.state = RUNSTATE_runnable;
    }
    info.state_entry_time = now;
    return info;
}

/* The CPU changes hands; NULL stands for the idle vCPU. The queue's lock is held. */
static void account_switch(struct cpu_sched *c, struct vcpu_sched *previous,
                           struct vcpu_sched *next, uint64_t now)
{
    struct vcpu_sched *idle = c->idle->sched;

    if (previous == next) {
        return;
    }
    if (!previous) {
        runstate_change(&idle->runstate, RUNSTATE_runnable, now);
    } else if (sched_home(previous) == this_cpu()->id && previous->unit.state != UNIT_ASLEEP) {
        runstate_change(&previous->runstate, RUNSTATE_runnable, now);
    }
    runstate_change(next ? &next->runstate : &idle->runstate, RUNSTATE_running, now);
}

/* What a look at the queue came to. */
struct decision {
    struct vcpu_sched *next; /* NULL: the idle vCPU */
    bool misplaced;          /* the previous one has to go to another CPU */
    int helper;              /* an idle CPU that may run what waits here; -1: none */
    uint64_t now;
    uint64_t look_ns;               /* when to look again */
    bool arms;                      /* sched_plan_look() */
    bool tells;                     /* the previous one, if it leaves, has an area to say so in, */
    struct vcpu_runstate_info left; /* namely this */
};

/* The queue's lock is held. */
static void plan_look(struct decision *decision, struct cpu_sched *c, unsigned int cpu,
                      uint64_t look_ns)
{
    decision->look_ns = decision->next ? MIN(look_ns, sched_next_balance(cpu)) : look_ns;
    decision->arms = sched_plan_look(c, decision->look_ns);
}

/* Look at the queue: `previous` (NULL: the idle vCPU) has had this CPU, `stolen` (or NULL) comes
 * from another. */
static struct decision decide(struct cpu_sched *c, struct vcpu_sched *previous,
                              struct vcpu_sched *stolen, unsigned int cpu)
{
    uint64_t now = time_now_ns();
    struct decision decision = {.now = now, .helper = -1};

    spin_lock(&c->lock);
    policy_charge(&c->queue, now);
    if (stolen) {
        adopt(c, stolen, cpu, now);
    }
    if (previous && keeps_cpu(c, previous, cpu, now)) {
        decision.next = previous;
        plan_look(&decision, c, cpu, policy_kept_until(&c->queue));
        spin_unlock(&c->lock);
        return decision;
    }
    if (previous) {
        if (previous->yields) {
            policy_yield(&c->queue);
            previous->yields = false;
        }
        decision.misplaced = put_previous(c, previous, cpu, now);
        decision.tells = runstate_has_area(&previous->runstate);
        if (decision.tells) {
            decision.left = as_it_leaves(previous, now);
        }
    }
    decision.next = choose(c, cpu, now);
    account_switch(c, previous, decision.next, now);
    plan_look(&decision, c, cpu, policy_next_look(&c->queue, now));
    decision.helper = sched_idle_helper(c);
    sched_say_idle(cpu, !decision.next);
    spin_unlock(&c->lock);
    return decision;
}

/* ---- switching ------------------------------------------------------------------------------ */

static void exchange(struct vcpu *from, struct vcpu *to)
{
    struct cpu *cpu = this_cpu();

    WRITE_ONCE(to->sched->on_cpu, true);
    to->cpu = cpu;
    to->stack_top = cpu->stack_top;
    WRITE_ONCE(cpu->current, to);
    arch_vcpu_switch(from, to);
    __atomic_store_n(&from->sched->on_cpu, false, __ATOMIC_RELEASE);
}

/*
 * `to` may still be on its way off another CPU, which in turn may wait for `from`: so `from` goes
 * before anything is waited for.
 */
static void switch_to(struct vcpu *from, struct vcpu *to, struct vcpu *idle)
{
    if (unlikely(on_some_cpu(to))) {
        if (from != idle) {
            exchange(from, idle);
            from = idle;
        }
        while (on_some_cpu(to)) {
            cpu_relax();
        }
    }
    exchange(from, to);
}

/* Whatever a guest reads of its own state without a call is brought up to date. */
static void tell_guest(struct vcpu *v, bool switched, uint64_t now)
{
    vcpu_time_refresh(v, now);
    if (switched) {
        vcpu_time_moved(v, this_cpu()->id);
        timer_migrate(&v->sched->poll_timer, this_cpu()->id);
        runstate_publish(v, &v->sched->runstate.info);
    }
}

static bool takes_vcpus(unsigned int cpu)
{
    return (cpus_online() >> cpu & 1) != 0;
}

/*
 * Those that wait here have to go elsewhere, as long as this CPU takes none: once it does again
 * they may well come back, and never be all gone.
 */
static void send_away(struct cpu_sched *c, unsigned int cpu)
{
    while (!takes_vcpus(cpu)) {
        struct sched_unit *unit;

        spin_lock(&c->lock);
        unit = policy_any(&c->queue);
        if (unit) {
            policy_dequeue(&c->queue, unit);
            no_longer_want_to_run(owner_of(unit));
        }
        spin_unlock(&c->lock);
        if (!unit) {
            return;
        }
        sched_wake(owner_of(unit)->vcpu);
    }
}

/* WORK_SCHEDULE: look at this CPU's queue, and switch to whom it says. */
static void schedule(void)
{
    struct vcpu *previous = current_vcpu(), *next;
    unsigned int cpu = this_cpu()->id;
    struct cpu_sched *c = this_cpu()->sched;
    struct vcpu_sched *stolen = sched_balance_due(cpu) ? sched_steal(cpu, false) : NULL;
    struct decision decision;

    if (unlikely(!takes_vcpus(cpu))) {
        send_away(c, cpu);
    }
    decision = decide(c, vcpu_is_idle(previous) ? NULL : previous->sched, stolen, cpu);
    next = decision.next ? decision.next->vcpu : c->idle;
    if (decision.arms) {
        sched_arm_look(c, decision.look_ns);
    }
    if (decision.helper >= 0) {
        cpu_raise((unsigned int)decision.helper, WORK_SCHEDULE);
    }
    if (next != previous) {
        /* The guest's other vCPUs look there to learn whether this one runs. */
        if (decision.tells) {
            runstate_publish(previous, &decision.left);
        }
        switch_to(previous, next, c->idle);
    }
    if (decision.misplaced) {
        sched_wake(previous);
    }
    if (!vcpu_is_idle(next)) {
        tell_guest(next, next != previous, decision.now);
    }
}

/* ---- looking -------------------------------------------------------------------------------- */

bool sched_is_running(const struct vcpu *v)
{
    return READ_ONCE(v->sched->unit.state) == UNIT_RUNNING;
}

unsigned int sched_cpu_of(const struct vcpu *v)
{
    return sched_home(v->sched);
}

struct vcpu_runstate_info sched_runstate(struct vcpu *v)
{
    struct cpu_sched *c = sched_lock_home(v->sched);
    struct vcpu_runstate_info info = runstate_report(&v->sched->runstate, time_now_ns());

    if (v->sched->unit.state == UNIT_ASLEEP) {
        info.state = sleep_state(v);
    }
    spin_unlock(&c->lock);
    return info;
}

uint64_t sched_domain_cpu_time_ns(struct domain *d)
{
    uint64_t total = 0;

    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = __atomic_load_n(&d->vcpus[i], __ATOMIC_ACQUIRE);
        total += v ? sched_runstate(v).time[RUNSTATE_running] : 0;
    }
    return total;
}

uint64_t sched_idle_time_ns(unsigned int cpu)
{
    return sched_runstate(cpu_sched(cpu)->idle).time[RUNSTATE_running];
}

void sched_init(void)
{
    cpu_register_work(WORK_SCHEDULE, schedule);
    sched_part_init();
    sched_record_init();
    vcpu_woken = sched_wake;
    vcpu_slept = put_to_sleep;
    vcpu_on_cpu = has_cpu;
}
