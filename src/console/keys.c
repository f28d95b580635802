// SPDX-License-Identifier: Apache-2.0
// Debug keys: the table, and the keys that show what lower rooms hold.
#include "console/keys.h"

#include "arch/power.h"
#include "base/cpu.h"
#include "base/log.h"
#include "domain/domain.h"
#include "event/event.h"
#include "memory/allocator.h"
#include "sched/record.h"
#include "sched/sched.h"
#include "time/time.h"
#include "time/vcpu_time.h"
#include "time/wall_clock.h"

#define FIRST_KEY ' '
#define LAST_KEY  '~'

static const struct console_key *keys[LAST_KEY - FIRST_KEY + 1];

void console_add_key(const struct console_key *key)
{
    keys[key->key - FIRST_KEY] = key;
}

void console_press_key(char key)
{
    const struct console_key *found =
        key >= FIRST_KEY && key <= LAST_KEY ? keys[key - FIRST_KEY] : NULL;

    if (found) {
        log_always("'%c' pressed -> %s", key, found->what);
        found->press();
    }
}

static void show_help(void)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++) {
        if (keys[i]) {
            log_always(" key '%c' => %s", keys[i]->key, keys[i]->what);
        }
    }
}

/* ---- registers --------------------------------------------------------------------------------
 */

static void show_registers(const struct cpu_user_regs *r)
{
    log_always("  rip %04x:%016lx rsp %04x:%016lx rflags %08lx", r->cs, r->rip, r->ss, r->rsp,
               r->rflags);
    log_always("  rax %016lx rbx %016lx rcx %016lx rdx %016lx", r->rax, r->rbx, r->rcx, r->rdx);
    log_always("  rsi %016lx rdi %016lx rbp %016lx r8  %016lx", r->rsi, r->rdi, r->rbp, r->r8);
    log_always("  r9  %016lx r10 %016lx r11 %016lx r12 %016lx", r->r9, r->r10, r->r11, r->r12);
    log_always("  r13 %016lx r14 %016lx r15 %016lx", r->r13, r->r14, r->r15);
}

static void show_vcpu_registers(const struct vcpu *v)
{
    log_always("d%uv%u %s mode, CR3 %lx (kernel) %lx (user)%s", v->domain->id, v->id,
               vcpu_in_kernel(v) ? "kernel" : "user", v->kernel_cr3, v->user_cr3,
               sched_is_running(v) ? ", as it entered Pavise last" : "");
    show_registers(&v->regs);
}

static void show_domain0_registers(void)
{
    for (unsigned int i = 0; domain0 && i < domain0->max_vcpus; i++) {
        if (domain0->vcpus[i]) {
            show_vcpu_registers(domain0->vcpus[i]);
        }
    }
}

/* What each processor runs; its own registers are those of whoever asked. */
static void show_cpu_registers(void)
{
    for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
        const struct vcpu *v = READ_ONCE(cpus[cpu]->current);
        log_always("CPU %u:", cpu);
        if (vcpu_is_idle(v)) {
            log_always("  idle");
        } else {
            show_vcpu_registers(v);
        }
    }
}

/* ---- domains ------------------------------------------------------------------------------------
 */

static void for_each_domain(void (*show)(struct domain *d))
{
    struct domain *d;
    int id = -1;

    while ((d = domain_get_next(id)) != NULL) {
        id = d->id;
        show(d);
        domain_put(d);
    }
}

static void for_each_vcpu(const struct domain *d, void (*show)(struct vcpu *v))
{
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        if (d->vcpus[i]) {
            show(d->vcpus[i]);
        }
    }
}

static void show_vcpu(struct vcpu *v)
{
    struct vcpu_runstate_info info = sched_runstate(v);

    log_always("    v%u CPU %u%s pause %x/%u affinity %lx/%lx ran %lu ms", v->id, sched_cpu_of(v),
               sched_is_running(v) ? " running" : "", v->pause, v->pause_count,
               sched_hard_affinity(v), sched_soft_affinity(v),
               info.time[RUNSTATE_running] / NS_PER_MS);
}

/* The guest's kernel may show something of its own. */
static void ask_vcpu(struct vcpu *v)
{
    event_send_virq(v, VIRQ_DEBUG);
}

static void show_domain(struct domain *d)
{
    uint32_t weight, cap;

    sched_get_params(d, &weight, &cap);
    log_always("  d%u: references %lu life %d paused %u shutdown %x weight %u cap %u", d->id,
               d->references, d->life, d->pause_count, d->shutdown_code, weight, cap);
    log_always("    pages %lu of %lu, shared_info %lx", d->total_pages, d->max_pages,
               d->shared_mfn);
    for_each_vcpu(d, show_vcpu);
    for_each_vcpu(d, ask_vcpu);
}

static void show_domains(void)
{
    for_each_domain(show_domain);
}

/* ---- events: the words that guests see ----------------------------------------------------------
 */

static void show_vcpu_events(struct vcpu *v)
{
    const struct vcpu_info *info = READ_ONCE(v->info);

    log_always("    v%u pending %u masked %u selector %lx", v->id, info->evtchn_upcall_pending,
               info->evtchn_upcall_mask, info->evtchn_pending_sel);
}

static void show_domain_events(struct domain *d)
{
    log_always("  d%u:", d->id);
    for_each_vcpu(d, show_vcpu_events);
    for (unsigned int i = 0; d->shared && i < ARRAY_SIZE(d->shared->evtchn_pending); i++) {
        uint64_t pending = READ_ONCE(d->shared->evtchn_pending[i]);
        if (pending != 0) {
            log_always("    ports %u..: pending %016lx of which masked %016lx", i * 64, pending,
                       pending & READ_ONCE(d->shared->evtchn_mask[i]));
        }
    }
}

static void show_events(void)
{
    for_each_domain(show_domain_events);
}

/* ---- time and memory ----------------------------------------------------------------------------
 */

static void show_vcpu_timers(struct vcpu *v)
{
    log_always("    d%uv%u single shot %ld us, periodic %lu us", v->domain->id, v->id,
               timer_is_set(&v->time->single_shot)
                   ? (long)(timer_expires(&v->time->single_shot) - time_now_ns()) / 1000
                   : -1L,
               v->time->period_ns / NS_PER_US);
}

static void show_domain_timers(struct domain *d)
{
    for_each_vcpu(d, show_vcpu_timers);
}

static void show_cpu_clock(unsigned int cpu)
{
    struct cpu_clock_state s = cpu_clock_state(cpu);

    log_always("    CPU %u: counter %lu Hz, was behind by %ld ns, to %lu ns, looks each %lu ms",
               cpu, s.hz, (long)s.behind_ns, s.doubt_ns, s.period_ns / NS_PER_MS);
}

static void show_time(void)
{
    uint64_t now = time_now_ns(), date = wall_clock_now_ns();

    log_always("  system time %lu.%09lu s, date %lu.%09lu, counters %s", now / NS_PER_SECOND,
               now % NS_PER_SECOND, date / NS_PER_SECOND, date % NS_PER_SECOND,
               time_is_stable() ? "agree" : "are not relied on by guests");
    for (unsigned int cpu = 0; time_is_corrected() && cpu < cpu_count; cpu++) {
        show_cpu_clock(cpu);
    }
    for_each_domain(show_domain_timers);
}

static void show_memory(void)
{
    log_always("  %lu of %lu frames are free", frames_free_count(), frames_total_count());
}

static void reboot(void)
{
    arch_reboot();
}

void console_add_own_keys(void)
{
    static const struct console_key own[] = {
        {'h', "show this help", show_help},
        {'0', "show domain 0's registers", show_domain0_registers},
        {'d', "show what each CPU runs, with registers", show_cpu_registers},
        {'e', "show pending events", show_events},
        {'m', "show memory", show_memory},
        {'q', "show domains and vCPUs, and have guests show themselves", show_domains},
        {'r', "show run queues", sched_dump},
        {'R', "reboot the machine", reboot},
        {'s', "show the scheduler's record (sched_record=), and end it", sched_record_print},
        {'t', "show clocks and timers", show_time},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(own); i++) {
        console_add_key(&own[i]);
    }
}
