// SPDX-License-Identifier: Apache-2.0
// A record of what the scheduler sees: who runs, waits, sleeps and yields when. In debug builds
// (and on the host, for tests), where the option sched_record=N asks for the last N events; they
// are logged by the debug key s, or when domain 0 is gone. tools/record-trace makes loads of it
// that the scheduler's simulator replays.
#pragma once

#include "sched/sched.h"

#if defined(PAVISE_DEBUG) || defined(PAVISE_HOST)

/* Start of day, after options were read. */
void sched_record_init(void);

/* The vCPU changes to a state (RUNSTATE_*). Its home's lock is held. */
void sched_record_state(const struct vcpu_sched *s, int state, uint64_t now);
/* SCHEDOP_yield; its hard affinity is another one. Any context. */
void sched_record_yield(const struct vcpu_sched *s);
void sched_record_affinity(const struct vcpu_sched *s, uint64_t hard);

/* Log the record, the oldest event first, and end it. No lock held. */
void sched_record_print(void);

#else

static inline void sched_record_init(void)
{
}
static inline void sched_record_state(const struct vcpu_sched *s, int state, uint64_t now)
{
}
static inline void sched_record_yield(const struct vcpu_sched *s)
{
}
static inline void sched_record_affinity(const struct vcpu_sched *s, uint64_t hard)
{
}
static inline void sched_record_print(void)
{
}

#endif
