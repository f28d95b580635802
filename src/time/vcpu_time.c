// SPDX-License-Identifier: Apache-2.0
// struct vcpu_time_info: how a vCPU computes system time, in its vcpu_info and in a second place.
#include "time/vcpu_time.h"

#include "abi/errno.h"
#include "arch/clock.h"
#include "arch/guest.h"
#include "arch/vcpu.h"
#include "base/cpu.h"
#include "domain/domain.h"
#include "domain/quota.h"
#include "time/time.h"
#include "time/vcpu_timer.h"
#include "time/wall_clock.h"

/*
 * Guests scale with 32 bits, which is right to half a nanosecond a second: words younger than this
 * keep a guest's clock right to the nanosecond.
 */
#define REFRESH_NS NS_PER_SECOND

static struct vcpu_time_info words_of(const struct time_line *line)
{
    struct vcpu_time_info words = {.tsc_timestamp = line->tsc, .system_time = line->ns};

    time_scale_for_guests(&line->to_ns, &words.tsc_to_system_mul, &words.tsc_shift);
    words.flags = time_is_stable() ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
    return words;
}

/* A reader that sees an odd version, or two different ones, reads again (<xen/xen.h>). */
static void write_words(struct vcpu_time_info *to, const struct vcpu_time_info *words)
{
    WRITE_ONCE(to->version, words->version - 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    WRITE_ONCE(to->tsc_timestamp, words->tsc_timestamp);
    WRITE_ONCE(to->system_time, words->system_time);
    WRITE_ONCE(to->tsc_to_system_mul, words->tsc_to_system_mul);
    WRITE_ONCE(to->tsc_shift, words->tsc_shift);
    WRITE_ONCE(to->flags, words->flags);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    WRITE_ONCE(to->version, words->version);
}

/*
 * The same protocol through copies. A guest that took the page away gets no words; nobody but
 * itself is worse off.
 */
static void copy_words(gva_t area, const struct vcpu_time_info *words)
{
    struct vcpu_time_info changing = *words;

    changing.version--;
    if (arch_copy_to_guest_kernel(area, &changing.version, sizeof(changing.version)) != 0 ||
        arch_copy_to_guest_kernel(area, &changing, sizeof(changing)) != 0) {
        return;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    (void)!arch_copy_to_guest_kernel(area, &words->version, sizeof(words->version));
}

void vcpu_time_publish(struct vcpu *v)
{
    struct vcpu_time *time = v->time;
    struct time_line line = time_present_line();
    struct vcpu_time_info words = words_of(&line);

    time->line_id = line.id;
    time->version += 2;
    words.version = time->version;
    time->published_ns = words.system_time | 1; /* never 0; a nanosecond does no harm */
    write_words(&v->info->time, &words);
    if (!gva_is_null(time->area) && v == current_vcpu()) {
        copy_words(time->area, &words);
    }
}

void vcpu_time_refresh(struct vcpu *v, uint64_t now)
{
    uint64_t published = READ_ONCE(v->time->published_ns);

    if (published == 0 || now >= published + REFRESH_NS || v->time->line_id != time_line_id()) {
        vcpu_time_publish(v);
    }
}

int vcpu_time_register_area(struct vcpu *v, gva_t area)
{
    if (!gva_is_null(area) && !guest_range_ok(area, sizeof(struct vcpu_time_info))) {
        return -EFAULT;
    }
    v->time->area = area;
    if (v == current_vcpu()) {
        vcpu_time_publish(v);
    } else {
        WRITE_ONCE(v->time->published_ns, 0); /* when it gets a CPU next */
    }
    return 0;
}

void vcpu_time_moved(struct vcpu *v, unsigned int cpu)
{
    timer_migrate(&v->time->single_shot, cpu);
    timer_migrate(&v->time->periodic, cpu);
}

/* ---- the part of a domain ------------------------------------------------------------------- */

static int create_domain(struct domain *d)
{
    wall_clock_publish(d);
    return 0;
}

static int create_vcpu(struct vcpu *v)
{
    v->time = quota_new(v->domain, struct vcpu_time);
    if (!v->time) {
        return -ENOMEM;
    }
    vcpu_timers_init(v);
    return 0;
}

static void destroy_vcpu(struct vcpu *v)
{
    if (v->time) {
        timer_kill(&v->time->single_shot);
        timer_kill(&v->time->periodic);
        quota_free(v->domain, v->time);
        v->time = NULL;
    }
}

static uint64_t most_heap(const struct domain *d)
{
    return d->max_vcpus * quota_cost(1, sizeof(struct vcpu_time));
}

static struct domain_part time_part = {
    .name = "time",
    .most_heap = most_heap,
    .create = create_domain,
    .create_vcpu = create_vcpu,
    .destroy_vcpu = destroy_vcpu,
};

void vcpu_time_init(void)
{
    domain_register_part(&time_part);
}
