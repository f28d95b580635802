// SPDX-License-Identifier: Apache-2.0
// What is known of errors, kept until domain 0 has fetched it and said so. There is room for a few;
// when it is used up, newer ones are dropped and counted, as the oldest tell the cause.
#pragma once

#include <stdint.h>

#include "abi/xen.h"
#include "lib/compiler.h"

/* Urgent is what came by a machine check; the rest was found when somebody looked. */
enum mca_queue { MCA_NONURGENT, MCA_URGENT, MCA_QUEUES };
#define MCA_ROOM 16 /* records of each */

/* Keep a copy. Takes RANK_DEVICE. -ENOSPC: it was dropped. */
must_check int mca_keep(enum mca_queue queue, const struct mc_info *info);

/* The oldest that nobody has fetched: its number, never 0, or 0 for none. Takes RANK_DEVICE. */
must_check uint64_t mca_fetch(enum mca_queue queue, struct mc_info *to);

/* That one is known. Nothing happens where it is not among those fetched. Takes RANK_DEVICE. */
void mca_acknowledge(enum mca_queue queue, uint64_t id);

/* How many were dropped since the start. */
uint64_t mca_dropped(void);
