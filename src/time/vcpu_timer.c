// SPDX-License-Identifier: Apache-2.0
// A vCPU's single-shot and periodic timer. Both send VIRQ_TIMER.
#include "time/vcpu_timer.h"

#include "abi/errno.h"
#include "base/cpu.h"
#include "base/hypercall.h"
#include "time/time.h"
#include "time/vcpu_time.h"

/* Longer periods than this century are no periods; the bound keeps sums from wrapping. */
#define MAX_PERIOD_NS (1ULL << 61)

void (*time_timer_fired)(struct vcpu *v);

static void tell(struct vcpu *v)
{
    if (time_timer_fired) {
        time_timer_fired(v);
    }
}

static void single_shot_expired(void *data)
{
    tell(data);
}

/* Ticks that nobody could take are not made up for: the guest sees one, and reads the clock. */
static void periodic_expired(void *data)
{
    struct vcpu *v = data;
    uint64_t period = READ_ONCE(v->time->period_ns);
    uint64_t now = time_now_ns();
    uint64_t next = v->time->periodic.node.key;

    if (period != 0) {
        next += ((now - next) / period + 1) * period;
        timer_set(&v->time->periodic, next);
        tell(v);
    }
}

void vcpu_timers_init(struct vcpu *v)
{
    unsigned int cpu = this_cpu()->id;

    timer_init(&v->time->single_shot, single_shot_expired, v, cpu);
    timer_init(&v->time->periodic, periodic_expired, v, cpu);
}

/* Guests compute times as signed numbers: what lies before system time 0 is past, not far away. */
static uint64_t timeout_to_system_time(uint64_t timeout)
{
    return (int64_t)timeout < 0 ? 0 : timeout;
}

long hypercall_set_timer_op(uint64_t timeout)
{
    struct vcpu *v = current_vcpu();

    if (timeout == 0) {
        timer_stop(&v->time->single_shot);
    } else {
        timer_set(&v->time->single_shot, timeout_to_system_time(timeout));
    }
    return 0;
}

int vcpu_time_set_single_shot(struct vcpu *v, uint64_t expires_ns, uint32_t flags)
{
    uint64_t expires = timeout_to_system_time(expires_ns);

    if ((flags & VCPU_SSHOTTMR_future) != 0 && expires < time_now_ns()) {
        return -ETIME;
    }
    timer_set(&v->time->single_shot, expires);
    return 0;
}

void vcpu_time_stop_single_shot(struct vcpu *v)
{
    timer_stop(&v->time->single_shot);
}

int vcpu_time_set_periodic(struct vcpu *v, uint64_t period_ns)
{
    if (period_ns < VCPU_TIMER_MIN_PERIOD_NS || period_ns > MAX_PERIOD_NS) {
        return -EINVAL;
    }
    WRITE_ONCE(v->time->period_ns, period_ns);
    timer_set(&v->time->periodic, time_now_ns() + period_ns);
    return 0;
}

void vcpu_time_stop_periodic(struct vcpu *v)
{
    WRITE_ONCE(v->time->period_ns, 0);
    timer_stop(&v->time->periodic);
}
