// SPDX-License-Identifier: Apache-2.0
// A domain's ports: records in chunks that are allocated as numbers are handed out.
//
// Records never move and are freed only with the domain, so whoever may look at the domain may
// look at a record. The tables over them start at the 2-level ABI's size, inside domain_events, and
// grow once, to the FIFO ABI's, when a port beyond that is handed out; both sizes stay readable.
#include "abi/errno.h"
#include "base/hypercall.h"
#include "domain/quota.h"
#include "event/fifo.h"
#include "event/two_level.h"
#include "lib/bitmap.h"
#include "lib/string.h"

static void free_last_chunk(struct domain *d)
{
    struct domain_events *e = d->events;

    e->port_end -= CHUNK_PORTS;
    quota_free_page(d, e->chunks[e->port_end / CHUNK_PORTS]);
}

int ports_bury(struct domain *d)
{
    while (d->events->port_end > CHUNK_PORTS) {
        free_last_chunk(d);
        if (should_stop()) {
            return (int)HYPERCALL_RESTART;
        }
    }
    return 0;
}

void ports_destroy(struct domain *d)
{
    struct domain_events *e = d->events;

    while (e->port_end > 0) {
        free_last_chunk(d);
    }
    if (e->chunks != e->small_chunks) {
        quota_free(d, e->chunks);
        quota_free(d, e->used);
    }
}

uint64_t ports_most_heap(const struct domain *d)
{
    uint64_t ports = MIN((uint64_t)READ_ONCE(d->events->max_port) + 1, (uint64_t)MAX_PORTS);
    uint64_t bytes = ROUND_UP(ports, CHUNK_PORTS) / CHUNK_PORTS * PAGE_SIZE;

    if (ports > SMALL_PORTS) {
        bytes += quota_cost(MAX_CHUNKS, sizeof(struct evtchn *)) +
                 quota_cost(BITMAP_WORDS(MAX_PORTS), sizeof(uint64_t));
    }
    return bytes;
}

/* From the small tables to the large ones. */
static int grow_tables(struct domain *d)
{
    struct domain_events *e = d->events;
    struct evtchn **chunks = quota_new_array(d, struct evtchn *, MAX_CHUNKS);
    uint64_t *used = quota_new_array(d, uint64_t, BITMAP_WORDS(MAX_PORTS));

    if (!chunks || !used) {
        quota_free(d, chunks);
        quota_free(d, used);
        return -ENOMEM;
    }
    memcpy(chunks, e->small_chunks, sizeof(e->small_chunks));
    memcpy(used, e->small_used, sizeof(e->small_used));
    e->used = used;
    __atomic_store_n(&e->chunks, chunks, __ATOMIC_RELEASE);
    return 0;
}

/* Make records for the next CHUNK_PORTS numbers. */
static int add_chunk(struct domain *d)
{
    struct domain_events *e = d->events;
    struct evtchn *chunk;

    if (e->port_end == SMALL_PORTS && e->chunks == e->small_chunks) {
        int error = grow_tables(d);
        if (error != 0) {
            return error;
        }
    }
    chunk = quota_page(d);
    if (!chunk) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < CHUNK_PORTS; i++) {
        chunk[i].domain = d;
        chunk[i].port = e->port_end + i;
    }
    e->chunks[e->port_end / CHUNK_PORTS] = chunk;
    __atomic_store_n(&e->port_end, e->port_end + CHUNK_PORTS, __ATOMIC_RELEASE);
    return 0;
}

int ports_create(struct domain *d)
{
    struct domain_events *e = d->events;

    spin_init(&e->lock, RANK_EVENT);
    e->chunks = e->small_chunks;
    e->used = e->small_used;
    e->max_port = MAX_PORTS - 1;
    e->close_next = 1;
    bit_set(e->used, 0); /* no channel has number 0 */
    return add_chunk(d);
}

/* One past the highest number that may be handed out now. */
static uint32_t port_limit(const struct domain *d)
{
    uint32_t abi = d->events->fifo ? MAX_PORTS : two_level_ports(d);
    uint64_t allowed = (uint64_t)READ_ONCE(d->events->max_port) + 1;

    return allowed < abi ? (uint32_t)allowed : abi;
}

/* The lowest free number below `limit`, or `limit`. The next one without a record is free, too. */
static uint32_t find_free(const struct domain_events *e, uint32_t limit)
{
    uint32_t end = MIN(limit, e->port_end);
    uint32_t port = 0;

    while ((port = (uint32_t)bit_find(e->used, end, port, false)) < end) {
        /* Closed while in one of the guest's queues: handing it out would tangle two channels. */
        if (!e->fifo || !fifo_is_linked(e->fifo, port)) {
            return port;
        }
        port++;
    }
    return MIN(e->port_end, limit);
}

int port_alloc(struct domain *d, struct evtchn **channel)
{
    struct domain_events *e = d->events;
    uint32_t limit = port_limit(d);
    uint32_t port;

    if (e->closing || e->dying) {
        return -EINVAL;
    }
    port = find_free(e, limit);
    if (port >= limit) {
        return -ENOSPC;
    }
    if (port >= e->port_end) {
        int error = add_chunk(d);
        if (error != 0) {
            return error;
        }
    }
    bit_set(e->used, port);
    *channel = channel_of(e, port);
    WRITE_ONCE((*channel)->vcpu, 0);
    WRITE_ONCE((*channel)->priority, EVTCHN_FIFO_PRIORITY_DEFAULT);
    return 0;
}

void port_free(struct domain *d, struct evtchn *channel)
{
    bit_clear(d->events->used, channel->port);
}
