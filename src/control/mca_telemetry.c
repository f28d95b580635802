// SPDX-License-Identifier: Apache-2.0
// Two small rings of records of errors.
#include "control/mca_telemetry.h"

#include "abi/errno.h"
#include "base/lock.h"
#include "lib/string.h"

/* A place is free, or has a record that waits, or one that was fetched and not acknowledged yet. */
struct place {
    uint64_t id; /* 0: free; they rise, so the lowest is the oldest */
    bool fetched;
    struct mc_info info;
};

static spinlock_t lock = SPINLOCK(RANK_DEVICE);
/* All guarded by the lock. */
static struct place places[MCA_QUEUES][MCA_ROOM];
static uint64_t last_id, dropped;

static struct place *oldest(enum mca_queue queue, bool fetched)
{
    struct place *found = NULL;

    for (unsigned int i = 0; i < MCA_ROOM; i++) {
        struct place *p = &places[queue][i];
        if (p->id != 0 && p->fetched == fetched && (!found || p->id < found->id)) {
            found = p;
        }
    }
    return found;
}

static struct place *numbered(enum mca_queue queue, uint64_t id)
{
    for (unsigned int i = 0; i < MCA_ROOM; i++) {
        if (places[queue][i].id == id) {
            return &places[queue][i];
        }
    }
    return NULL;
}

int mca_keep(enum mca_queue queue, const struct mc_info *info)
{
    struct place *p;

    spin_lock(&lock);
    p = numbered(queue, 0);
    if (!p) {
        /* One who fetches and never says that it has arrived does not stop the rest. */
        p = oldest(queue, true);
    }
    if (p) {
        p->id = ++last_id;
        p->fetched = false;
        p->info = *info;
    } else {
        dropped++;
    }
    spin_unlock(&lock);
    return p ? 0 : -ENOSPC;
}

uint64_t mca_fetch(enum mca_queue queue, struct mc_info *to)
{
    struct place *p;
    uint64_t id = 0;

    spin_lock(&lock);
    p = oldest(queue, false);
    if (p) {
        *to = p->info;
        p->fetched = true;
        id = p->id;
    }
    spin_unlock(&lock);
    return id;
}

void mca_acknowledge(enum mca_queue queue, uint64_t id)
{
    struct place *p;

    spin_lock(&lock);
    p = id != 0 ? numbered(queue, id) : NULL;
    if (p && p->fetched) {
        p->id = 0;
    }
    spin_unlock(&lock);
}

uint64_t mca_dropped(void)
{
    uint64_t count;

    spin_lock(&lock);
    count = dropped;
    spin_unlock(&lock);
    return count;
}
