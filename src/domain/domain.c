// SPDX-License-Identifier: Apache-2.0
// A domain's record: creation, lookup, references, and its end.
#include "domain/domain.h"

#include "abi/errno.h"
#include "base/cpu.h"
#include "base/hypercall.h"
#include "base/panic.h"
#include "base/speculation.h"
#include "domain/pages.h"
#include "domain/part.h"
#include "domain/pause.h"
#include "domain/quota.h"
#include "domain/share.h"
#include "lib/string.h"
#include "memory/allocator.h"

struct domain *domain0;

static spinlock_t list_lock = SPINLOCK(RANK_DOMAIN_LIST);
static struct domain *all_domains; /* guarded by list_lock, sorted by id */
static domid_t last_id;            /* guarded by list_lock: ids are reused as late as possible */

/* The same domains by id, as calls name them: chains that are short with a thousand domains. */
#define CHAINS 256
static struct domain *chains[CHAINS]; /* guarded by list_lock */

/* The link that points to the first domain whose id is not below `id`. list_lock is held. */
static struct domain **link_of(unsigned int id)
{
    struct domain **link = &all_domains;

    while (*link && (*link)->id < id) {
        link = &(*link)->next;
    }
    return link;
}

/* The same in its chain: the link that points to the domain of this id, or to NULL. */
static struct domain **chain_link_of(unsigned int id)
{
    struct domain **link = &chains[id % CHAINS];

    while (*link && (*link)->id != id) {
        link = &(*link)->chained;
    }
    return link;
}

static bool id_taken(unsigned int id)
{
    return *chain_link_of(id) != NULL;
}

/* list_lock is held, and the id free. */
static void enlist(struct domain *d)
{
    struct domain **link = link_of(d->id), **chain = &chains[d->id % CHAINS];

    d->next = *link;
    *link = d;
    d->chained = *chain;
    *chain = d;
}

/* Sets d->id and lists it. -EEXIST: the id is taken; -ENFILE: all are. */
static int list_domain(struct domain *d, domid_t id)
{
    int error = 0;

    spin_lock(&list_lock);
    if (id == DOMID_INVALID) {
        unsigned int candidate = last_id;
        do {
            candidate = candidate + 1 < MAX_DOMAINS ? candidate + 1 : 1;
        } while (id_taken(candidate) && candidate != last_id);
        error = id_taken(candidate) ? -ENFILE : 0;
        last_id = (domid_t)candidate;
        id = (domid_t)candidate;
    } else if (id_taken(id)) {
        error = -EEXIST;
    }
    if (error == 0) {
        d->id = id;
        enlist(d);
    }
    spin_unlock(&list_lock);
    return error;
}

static void unlist_domain(struct domain *d)
{
    spin_lock(&list_lock);
    *link_of(d->id) = d->next;
    *chain_link_of(d->id) = d->chained;
    spin_unlock(&list_lock);
}

static void free_record(struct domain *d)
{
    quota_free(d, d->vcpus);
    quota_free(d, d->io_memory);
    quota_free(d, d->io_irqs);
    quota_free(d, d->io_ports);
    ASSERT(d->heap_bytes == 0);
    heap_free(d);
}

static struct domain *new_record(unsigned int max_vcpus, bool privileged)
{
    struct domain *d = heap_new(struct domain);

    if (!d) {
        return NULL;
    }
    d->privileged = privileged;
    d->max_vcpus = max_vcpus;
    d->references = 1;
    d->shutdown_code = d->latched_code = NOT_SHUT_DOWN;
    d->max_pages = d->most_heap_bytes = UINT64_MAX;
    spin_init(&d->lock, RANK_DOMAIN);
    spin_init(&d->page_lock, RANK_PAGES);
    spin_init(&d->access_lock, RANK_ACCESS);
    frame_list_init(&d->pages);
    frame_list_init(&d->own_pages);
    frame_list_init(&d->lingering_pages);
    frame_list_init(&d->released_pages);
    d->vcpus = quota_new_array(d, struct vcpu *, max_vcpus);
    d->io_memory = quota_new(d, struct ranges);
    d->io_irqs = quota_new(d, struct ranges);
    if (!d->vcpus || !d->io_memory || !d->io_irqs) {
        free_record(d);
        return NULL;
    }
    return d;
}

struct domain *domain_create_hidden(domid_t id, unsigned int max_vcpus, bool privileged, int *error)
{
    struct domain *d;

    if ((id >= DOMID_FIRST_RESERVED && id != DOMID_INVALID) || max_vcpus == 0 ||
        max_vcpus > MAX_VCPUS) {
        *error = -EINVAL;
        return NULL;
    }
    d = new_record(max_vcpus, privileged);
    if (!d) {
        *error = -ENOMEM;
        return NULL;
    }
    *error = list_domain(d, id);
    if (*error != 0) {
        free_record(d);
        return NULL;
    }
    d->absent_checked = d->id == 0 ? speculation.l1tf_dom0 : speculation.l1tf_domu;
    d->isolated = d->id == 0 ? speculation.xpti_dom0 : speculation.xpti_domu;
    *error = domain_add_shared_info(d);
    if (*error == 0) {
        *error = parts_create(d);
        if (*error != 0) {
            domain_remove_shared_info(d);
        }
    }
    if (*error != 0) {
        unlist_domain(d);
        free_record(d);
        return NULL;
    }
    quota_settle(d);
    /* The list's reference is the first; the caller's is the second. */
    __atomic_add_fetch(&d->references, 1, __ATOMIC_RELAXED);
    return d;
}

void domain_reveal(struct domain *d)
{
    __atomic_store_n(&d->visible, true, __ATOMIC_RELEASE);
}

struct domain *domain_create(domid_t id, unsigned int max_vcpus, bool privileged, int *error)
{
    struct domain *d = domain_create_hidden(id, max_vcpus, privileged, error);

    if (d) {
        domain_reveal(d);
    }
    return d;
}

static bool is_visible(const struct domain *d)
{
    return __atomic_load_n(&d->visible, __ATOMIC_ACQUIRE);
}

/*
 * A reference to one in the list. False where the last one has gone: then another CPU is taking the
 * domain apart, of which its number is the last to go, and nobody may find it again.
 */
static bool get_listed(struct domain *d)
{
    uint64_t references = READ_ONCE(d->references);

    while (references != 0 &&
           !__atomic_compare_exchange_n(&d->references, &references, references + 1, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return references != 0;
}

static struct domain *find(domid_t id, bool hidden_too)
{
    struct domain *d;

    spin_lock(&list_lock);
    d = *chain_link_of(id);
    d = d && (hidden_too || is_visible(d)) && get_listed(d) ? d : NULL;
    spin_unlock(&list_lock);
    return d;
}

struct domain *domain_get(domid_t id)
{
    return find(id, false);
}

struct domain *domain_get_to_kill(domid_t id)
{
    struct domain *d = find(id, true);

    if (d && !is_visible(d) && !d->burying) {
        domain_put(d);
        d = NULL;
    }
    return d;
}

struct domain *domain_get_owner(domid_t id)
{
    return find(id, true);
}

struct domain *domain_get_self_or(domid_t id)
{
    struct domain *self = current_vcpu()->domain;

    if (id != DOMID_SELF) {
        return domain_get(id);
    }
    /* It runs, so the list's reference is still there. */
    __atomic_add_fetch(&self->references, 1, __ATOMIC_RELAXED);
    return self;
}

struct domain *domain_get_next(int id)
{
    struct domain *d;

    spin_lock(&list_lock);
    d = *link_of((unsigned int)(id + 1));
    while (d && (!is_visible(d) || !get_listed(d))) {
        d = d->next;
    }
    spin_unlock(&list_lock);
    return d;
}

static void destroy_record(struct domain *d)
{
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        if (d->vcpus[i]) {
            vcpu_destroy(d->vcpus[i]);
        }
    }
    parts_destroy(d);
    unlist_domain(d);
    free_record(d);
}

void domain_put(struct domain *d)
{
    if (d && __atomic_sub_fetch(&d->references, 1, __ATOMIC_ACQ_REL) == 0) {
        destroy_record(d);
    }
}

/* ---- the end -------------------------------------------------------------------------------- */

/* From here on none of its vCPUs gets a CPU; some may have one still. */
static void begin_death(struct domain *d)
{
    spin_lock(&d->lock);
    if (d->life == DOMAIN_ALIVE) {
        WRITE_ONCE(d->life, DOMAIN_DYING);
        domain_pause_locked(d);
    }
    spin_unlock(&d->lock);
}

/* Nobody makes claims for the dying, so this was the last. */
static void drop_claim(struct domain *d)
{
    int error = frames_claim(&d->claimed_pages, 0);

    BUG_ON(error != 0);
}

/* All is given back: whoever still has the record, finds nothing. */
static void finish_death(struct domain *d)
{
    spin_lock(&d->lock);
    WRITE_ONCE(d->life, DOMAIN_DEAD);
    spin_unlock(&d->lock);
    drop_claim(d);
    domain_remove_shared_info(d);
    if (domain_state_changed) {
        domain_state_changed();
    }
}

/*
 * Nobody finds the record any more, if nobody has it but the list and the caller. Without frames it
 * is nobody's owner either, so it stays like this.
 */
static bool hide(struct domain *d)
{
    bool alone;

    spin_lock(&list_lock);
    alone = __atomic_load_n(&d->references, __ATOMIC_ACQUIRE) == 2;
    if (alone) {
        __atomic_store_n(&d->visible, false, __ATOMIC_RELEASE);
    }
    spin_unlock(&list_lock);
    return alone;
}

/* Of the record, what takes long to free; the rest goes with the last reference. */
static long bury(struct domain *d)
{
    for (unsigned int i = d->max_vcpus; i-- > 0;) {
        if (d->vcpus[i]) {
            vcpu_destroy(d->vcpus[i]);
            if (should_stop()) {
                return HYPERCALL_RESTART;
            }
        }
    }
    return parts_bury(d);
}

/* From alive to dead. */
static long die(struct domain *d)
{
    long result;

    begin_death(d);
    result = domain_wait_until_off(d);
    if (result == 0) {
        result = parts_relinquish(d);
    }
    if (result == 0) {
        result = domain_release_pages(d);
    }
    if (result == 0) {
        finish_death(d);
    }
    return result;
}

/* Where others still have the dead domain's record, it goes when they let go of it. */
long domain_kill(struct domain *d)
{
    long result = 0;

    if (d == domain0) {
        return -EINVAL;
    }
    if (d->life == DOMAIN_DEAD && !d->burying) {
        return 0;
    }
    if (d->life != DOMAIN_DEAD) {
        result = die(d);
        d->burying = result == 0 && hide(d);
    }
    if (d->burying) {
        result = bury(d);
    }
    if (result == 0) {
        d->burying = false;
        domain_put(d);
    }
    return result;
}
