// SPDX-License-Identifier: Apache-2.0
// The broadcast timer: a comparator of the HPET that wakes idle CPUs whose own timers stop
// meanwhile. One CPU takes its interrupt and raises WORK_TIMER where it is due.
#pragma once

#include "lib/compiler.h"
#include "platform/msi.h"

/*
 * Takes the first comparator that can send `message`, or else reach the I/O APIC's pin `gsi`, which
 * the caller has connected to broadcast_interrupt(); `*by_message` says which. Once, after
 * hpet_init(). Returns 0, or -ENODEV where no comparator can do either.
 */
int must_check broadcast_init(uint64_t tsc_hz, const struct msi_message *message, unsigned gsi,
                              bool *by_message);

/*
 * CPU `cpu`, which calls this, is about to sleep: WORK_TIMER is raised there when its time-stamp
 * counter will stand at `tsc`, or some time earlier where that is far away; at once where it is
 * past; never for UINT64_MAX. Takes RANK_DEVICE.
 */
void broadcast_sleep(unsigned cpu, uint64_t tsc);

/* It is awake again. Takes RANK_DEVICE. */
void broadcast_wake(unsigned cpu);

/* The comparator's interrupt. No lock held. */
void broadcast_interrupt(void);
