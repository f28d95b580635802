// SPDX-License-Identifier: Apache-2.0
// Pirqs: a domain's own numbers for interrupts, mapped and unmapped; its part of the end.
#include "abi/errno.h"
#include "arch/frames.h"
#include "arch/index.h"
#include "base/cpu.h"
#include "base/hypercall.h"
#include "base/panic.h"
#include "control/irq.h"
#include "control/irq_internal.h"
#include "domain/quota.h"
#include "lib/bitmap.h"

/* ---- the table ------------------------------------------------------------------------------- */

static uint16_t entry_of(const struct domain *d, uint32_t pirq)
{
    return READ_ONCE(d->irqs->irq_of[pirq]);
}

static void set_entry(struct domain *d, uint32_t pirq, uint32_t value)
{
    WRITE_ONCE(d->irqs->irq_of[pirq], (uint16_t)value);
}

int pirq_to_irq(const struct domain *d, uint32_t pirq)
{
    uint16_t entry =
        pirq < pirq_limit() ? entry_of(d, (uint32_t)index_below(pirq, pirq_limit())) : PIRQ_FREE;

    return entry >= PIRQ_RESERVED ? -EINVAL : entry;
}

/* The domain's pirq for an irq, or PIRQ_ANY. */
static int find_pirq(const struct domain *d, uint32_t irq)
{
    for (uint32_t pirq = 0; pirq < pirq_limit(); pirq++) {
        if (entry_of(d, pirq) == irq) {
            return (int)pirq;
        }
    }
    return PIRQ_ANY;
}

/* Whether [first, first + count) are numbers that nothing is mapped as. */
static bool are_unmapped(const struct domain *d, uint32_t first, unsigned int count)
{
    for (uint32_t pirq = first; pirq < first + count; pirq++) {
        if (entry_of(d, pirq) < PIRQ_RESERVED) {
            return false;
        }
    }
    return true;
}

static bool are_free(const struct domain *d, uint32_t first, unsigned int count)
{
    for (uint32_t pirq = first; pirq < first + count; pirq++) {
        if (entry_of(d, pirq) != PIRQ_FREE) {
            return false;
        }
    }
    return true;
}

#define ISA_PIRQS 16 /* whoever wants one of these says so */

/* Numbers for messages come from the top, so that pins can keep theirs. */
static int free_for_messages(const struct domain *d, unsigned int count)
{
    for (uint32_t first = pirq_limit() - count + 1; first-- > ISA_PIRQS;) {
        if (are_free(d, first, count)) {
            return (int)first;
        }
    }
    return -ENOSPC;
}

static int free_for_gsi(const struct domain *d)
{
    for (uint32_t pirq = ISA_PIRQS; pirq < pirq_limit(); pirq++) {
        if (are_free(d, pirq, 1)) {
            return (int)pirq;
        }
    }
    return -ENOSPC;
}

/* What the caller asked for, checked, or what is free. The domain's lock is held. */
static int choose(const struct domain *d, int wanted, unsigned int count)
{
    if (wanted < 0) {
        return free_for_messages(d, count);
    }
    if ((uint32_t)wanted >= pirq_limit() || count > pirq_limit() - (uint32_t)wanted) {
        return -EINVAL;
    }
    return are_unmapped(d, (uint32_t)wanted, count) ? wanted : -EEXIST;
}

/* ---- pins ------------------------------------------------------------------------------------ */

static int choose_for_gsi(const struct domain *d, uint32_t gsi, int wanted)
{
    if (wanted >= 0) {
        return choose(d, wanted, 1);
    }
    return are_free(d, gsi, 1) ? (int)gsi : free_for_gsi(d);
}

static int map_gsi_locked(struct domain *d, uint32_t gsi, int *pirq)
{
    struct irq *irq = irq_of(gsi);
    int current = find_pirq(d, gsi);
    int chosen, error;

    if (current != PIRQ_ANY) {
        error = *pirq < 0 || *pirq == current ? 0 : -EEXIST;
        *pirq = current;
        return error;
    }
    chosen = choose_for_gsi(d, gsi, *pirq);
    if (chosen < 0) {
        return chosen;
    }
    spin_lock(&irq->lock);
    error = irq_add_guest(irq, d, (uint32_t)chosen);
    spin_unlock(&irq->lock);
    if (error == 0) {
        set_entry(d, (uint32_t)chosen, gsi);
        *pirq = chosen;
    }
    return error;
}

int pirq_map_gsi(struct domain *d, uint32_t gsi, int *pirq)
{
    int error;

    if (gsi >= irq_ops->gsi_count || !irq_ops->gsi_exists(gsi)) {
        return -EINVAL;
    }
    spin_lock(&d->lock);
    error = d->life == DOMAIN_ALIVE ? map_gsi_locked(d, gsi, pirq) : -EINVAL;
    spin_unlock(&d->lock);
    return error;
}

/* ---- messages -------------------------------------------------------------------------------- */

/* Nobody else knows the irq yet, and a fresh one has room for its one domain. */
static void publish(struct domain *d, uint32_t pirq, uint32_t first, unsigned int count,
                    unsigned int index, const struct irq_source *source)
{
    struct irq *irq = irq_of(first + index);

    spin_lock(&irq->lock);
    irq->cpu = this_cpu()->id; /* pirq_map_messages() connected it here */
    irq->first_message = first;
    irq->message_count = count;
    irq->source = *source;
    irq->guest_count = 0;
    (void)!irq_add_guest(irq, d, pirq + index);
    spin_unlock(&irq->lock);
    set_entry(d, pirq + index, first + index);
}

static int install(struct domain *d, uint32_t first, unsigned int count,
                   const struct irq_source *source, int *pirq)
{
    int chosen;

    spin_lock(&d->lock);
    chosen = d->life == DOMAIN_ALIVE ? choose(d, *pirq, count) : -EINVAL;
    for (unsigned int i = 0; i < count && chosen >= 0; i++) {
        publish(d, (uint32_t)chosen, first, count, i, source);
    }
    spin_unlock(&d->lock);
    if (chosen < 0) {
        return chosen;
    }
    *pirq = chosen;
    return 0;
}

static int connect_and_install(struct domain *d, uint32_t first, unsigned int count,
                               const struct irq_source *source, int *pirq)
{
    int error = irq_ops->message_connect(first, count, source, this_cpu()->id);

    if (error != 0) {
        return error;
    }
    error = install(d, first, count, source, pirq);
    if (error != 0) {
        irq_ops->message_disconnect(first, count);
    }
    return error;
}

int pirq_map_messages(struct domain *d, const struct irq_source *source, unsigned int count,
                      int *pirq)
{
    uint32_t first;
    int error;

    if (count == 0 || count > IRQ_MESSAGES) {
        return -EINVAL;
    }
    error = irq_take_messages(count, &first);
    if (error != 0) {
        return error;
    }
    error = connect_and_install(d, first, count, source, pirq);
    if (error != 0) {
        irq_free_messages(first, count);
    }
    return error;
}

/* ---- unmap ----------------------------------------------------------------------------------- */

static void unmap_one(struct domain *d, uint32_t pirq)
{
    struct irq_guest *guest;
    struct irq *irq = irq_lock_pirq(d, pirq, &guest);

    BUG_ON(!irq); /* the table changes under the lock that the caller holds */
    irq_remove_guest(irq, guest);
    irq->message_count = 0;
    set_entry(d, pirq, PIRQ_FREE);
    spin_unlock(&irq->lock);
}

/* Their pirqs are as consecutive as they are. */
static int unmap_messages(struct domain *d, uint32_t pirq, uint32_t first)
{
    unsigned int count = irq_of(first)->message_count;

    if (irq_of(first)->first_message != first) {
        return -EINVAL;
    }
    for (unsigned int i = 0; i < count; i++) {
        unmap_one(d, pirq + i);
    }
    irq_ops->message_disconnect(first, count);
    irq_free_messages(first, count);
    return 0;
}

static int unmap_locked(struct domain *d, uint32_t pirq)
{
    int irq = pirq_to_irq(d, pirq);

    if (irq < 0) {
        return -EINVAL;
    }
    if (irq_is_message((uint32_t)irq)) {
        return unmap_messages(d, pirq, (uint32_t)irq);
    }
    unmap_one(d, pirq);
    return 0;
}

int pirq_unmap(struct domain *d, uint32_t pirq)
{
    int error;

    spin_lock(&d->lock);
    error = unmap_locked(d, pirq);
    spin_unlock(&d->lock);
    return error;
}

/* ---- numbers put aside ----------------------------------------------------------------------- */

int pirq_reserve(struct domain *d, bool for_gsi, uint32_t *pirq)
{
    int chosen = -EINVAL;

    spin_lock(&d->lock);
    if (d->life == DOMAIN_ALIVE) {
        chosen = for_gsi ? free_for_gsi(d) : free_for_messages(d, 1);
    }
    if (chosen >= 0) {
        set_entry(d, (uint32_t)chosen, PIRQ_RESERVED);
        *pirq = (uint32_t)chosen;
        chosen = 0;
    }
    spin_unlock(&d->lock);
    return chosen;
}

/* ---- the guest's page of bits ---------------------------------------------------------------- */

void pirq_show_eoi_needed(struct domain *d, uint32_t pirq, bool needed)
{
    uint64_t *bits = __atomic_load_n(&d->irqs->eoi_bits, __ATOMIC_ACQUIRE);

    if (!bits) {
        return;
    }
    if (needed) {
        (void)bit_test_and_set(bits, pirq);
    } else {
        (void)bit_test_and_clear(bits, pirq);
    }
}

/* Those that were bound before the page was there. */
static void show_all(struct domain *d)
{
    for (uint32_t pirq = 0; pirq < pirq_limit(); pirq++) {
        struct irq_guest *guest;
        struct irq *irq = irq_lock_pirq(d, pirq, &guest);

        if (irq) {
            pirq_show_eoi_needed(d, pirq, guest->port != 0 && irq_needs_eoi(irq));
            spin_unlock(&irq->lock);
        }
    }
}

static int set_eoi_page_locked(struct domain *d, mfn_t frame, bool unmask_ports)
{
    struct domain_irqs *irqs = d->irqs;

    if (d->life != DOMAIN_ALIVE) {
        return -EINVAL;
    }
    if (irqs->eoi_bits) {
        return -EBUSY;
    }
    if (!mfn_valid(frame) || !frame_get_writable(frame_of_guests(frame), d->id)) {
        return -EINVAL;
    }
    irqs->eoi_frame = frame;
    irqs->unmask_ports = unmask_ports;
    __atomic_store_n(&irqs->eoi_bits, frame_to_virt(frame), __ATOMIC_RELEASE);
    show_all(d);
    return 0;
}

int pirq_set_eoi_page(struct domain *d, mfn_t frame, bool unmask_ports)
{
    int error;

    spin_lock(&d->lock);
    error = set_eoi_page_locked(d, frame, unmask_ports);
    spin_unlock(&d->lock);
    return error;
}

/* ---- a domain's life ------------------------------------------------------------------------- */

static size_t irqs_bytes(void)
{
    return sizeof(struct domain_irqs) + pirq_limit() * sizeof(uint16_t);
}

static int create(struct domain *d)
{
    d->irqs = quota_alloc(d, irqs_bytes());
    if (!d->irqs) {
        return -ENOMEM;
    }
    for (uint32_t pirq = 0; pirq < pirq_limit(); pirq++) {
        set_entry(d, pirq, PIRQ_FREE);
    }
    return 0;
}

/* Devices fall silent before the domain's memory goes, and its ports may still be open. */
static long unmap_all(struct domain *d)
{
    while (d->relinquish_next < pirq_limit()) {
        long unmapped;

        spin_lock(&d->lock);
        /* Not the first of several: gone with its first, or about to. */
        unmapped = unmap_locked(d, d->relinquish_next++);
        spin_unlock(&d->lock);
        if (unmapped == 0 && should_stop()) {
            return HYPERCALL_RESTART;
        }
    }
    return 0;
}

static int relinquish(struct domain *d)
{
    struct domain_irqs *irqs = d->irqs;
    long result = unmap_all(d);

    if (result != 0) {
        return (int)result;
    }
    spin_lock(&d->lock);
    if (irqs->eoi_bits) {
        irqs->eoi_bits = NULL;
        frame_put_writable(frame_of(irqs->eoi_frame));
    }
    spin_unlock(&d->lock);
    return 0;
}

static void destroy(struct domain *d)
{
    quota_free(d, d->irqs);
    d->irqs = NULL;
}

static void audit_eoi_page(struct domain *d, audit_tell_t tell, void *audit)
{
    if (d->irqs->eoi_bits) {
        tell(audit, d->irqs->eoi_frame, true, DOMID_INVALID);
    }
}

/* With the contexts that its vCPUs set for each other (vcpu_op), as many as can run at once. */
static uint64_t most_heap(const struct domain *d)
{
    uint64_t runs = MIN(d->max_vcpus, (uint32_t)MAX_CPUS);

    return quota_cost(1, irqs_bytes()) + runs * quota_cost(1, sizeof(struct vcpu_guest_context));
}

struct domain_part irq_domain_part = {
    .most_heap = most_heap,
    .name = "interrupts",
    .create = create,
    .relinquish = relinquish,
    .destroy = destroy,
    .audit = audit_eoi_page,
};
