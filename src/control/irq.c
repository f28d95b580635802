// SPDX-License-Identifier: Apache-2.0
// Irqs: their records, delivery, binding to event ports, the end of an interrupt.
#include "control/irq.h"

#include "abi/errno.h"
#include "base/cpu.h"
#include "control/irq_internal.h"
#include "event/event.h"
#include "lib/bitmap.h"
#include "memory/allocator.h"

const struct irq_ops *irq_ops;

static struct irq *irqs;
static uint64_t message_used[BITMAP_WORDS(IRQ_MESSAGES)]; /* guarded by message_lock */
static spinlock_t message_lock = SPINLOCK(RANK_IRQ);

uint32_t irq_gsi_count(void)
{
    return irq_ops->gsi_count;
}

uint32_t pirq_limit(void)
{
    return irq_ops->gsi_count + IRQ_MESSAGES;
}

struct irq *irq_of(uint32_t number)
{
    return &irqs[number];
}

static struct irq *existing_gsi(uint32_t gsi)
{
    return gsi < irq_ops->gsi_count && irq_ops->gsi_exists(gsi) ? irq_of(gsi) : NULL;
}

bool irq_needs_eoi(const struct irq *irq)
{
    return !irq_is_message(irq->number) && irq->trigger.level;
}

/* ---- the mask -------------------------------------------------------------------------------- */

/* Open while someone listens and nobody still serves the last one. */
static void settle_mask(struct irq *irq)
{
    bool masked = irq->handler == NULL && (irq->bound_count == 0 || irq->eois_owed > 0);

    if (masked != irq->masked) {
        irq->masked = masked;
        irq_ops->set_masked(irq->number, masked);
    }
}

/* ---- arrival --------------------------------------------------------------------------------- */

static unsigned int cpu_of(const struct vcpu *v)
{
    const struct cpu *cpu = v ? READ_ONCE(v->cpu) : NULL;

    return cpu && cpu_is_online(cpu->id) ? cpu->id : 0;
}

/* The irq's lock is held. */
static void move_to(struct irq *irq, unsigned int cpu)
{
    if (irq->cpu != cpu) {
        irq->cpu = cpu;
        irq_ops->move(irq->number, cpu);
    }
}

/*
 * An interrupt that found its vCPU on another CPU goes there next time: cheaper than to move all of
 * a vCPU's whenever it moves. One that tells several domains stays.
 */
static void follow(struct irq *irq, const struct irq_guest *guest)
{
    if (irq->bound_count == 1) {
        move_to(irq, cpu_of(event_port_vcpu(guest->domain, guest->port)));
    }
}

static void expect_eois(struct irq *irq)
{
    for (unsigned int i = 0; i < irq->guest_count; i++) {
        struct irq_guest *guest = &irq->guest[i];
        if (guest->port != 0 && !guest->owes_eoi) {
            guest->owes_eoi = true;
            irq->eois_owed++;
        }
    }
}

static void send_to_guests(struct irq *irq)
{
    if (irq_needs_eoi(irq)) {
        expect_eois(irq);
    }
    settle_mask(irq);
    for (unsigned int i = 0; i < irq->guest_count; i++) {
        if (irq->guest[i].port != 0) {
            event_send_port(irq->guest[i].domain, irq->guest[i].port);
            follow(irq, &irq->guest[i]);
        }
    }
}

void irq_deliver(uint32_t number)
{
    struct irq *irq = irq_of(number);
    void (*handler)(void);

    spin_lock(&irq->lock);
    handler = irq->handler;
    if (!handler) {
        send_to_guests(irq);
    }
    spin_unlock(&irq->lock);
    if (handler) {
        handler();
    }
}

/* ---- listed domains -------------------------------------------------------------------------- */

struct irq *irq_lock_pirq(const struct domain *d, uint32_t pirq, struct irq_guest **guest)
{
    int number = pirq_to_irq(d, pirq);
    struct irq *irq;

    if (number < 0) {
        return NULL;
    }
    irq = irq_of((uint32_t)number);
    spin_lock(&irq->lock);
    for (unsigned int i = 0; i < irq->guest_count; i++) {
        if (irq->guest[i].domain == d && irq->guest[i].pirq == pirq) {
            *guest = &irq->guest[i];
            return irq;
        }
    }
    spin_unlock(&irq->lock);
    return NULL; /* unmapped since the table was read */
}

int irq_add_guest(struct irq *irq, struct domain *d, uint32_t pirq)
{
    if (irq->guest_count == IRQ_MAX_GUESTS) {
        return -ENOSPC;
    }
    irq->guest[irq->guest_count++] = (struct irq_guest){.domain = d, .pirq = pirq};
    return 0;
}

static void unbind_guest(struct irq *irq, struct irq_guest *guest)
{
    if (guest->port == 0) {
        return;
    }
    guest->port = 0;
    irq->bound_count--;
    if (guest->owes_eoi) {
        guest->owes_eoi = false;
        irq->eois_owed--;
    }
    pirq_show_eoi_needed(guest->domain, guest->pirq, false);
    settle_mask(irq);
}

void irq_remove_guest(struct irq *irq, struct irq_guest *guest)
{
    unbind_guest(irq, guest);
    *guest = irq->guest[--irq->guest_count];
}

/* ---- event ports ----------------------------------------------------------------------------- */

/* All that are bound to a pin have to want to share it. */
static bool may_join(const struct irq *irq, bool will_share)
{
    for (unsigned int i = 0; i < irq->guest_count; i++) {
        if (irq->guest[i].port != 0 && !(will_share && irq->guest[i].will_share)) {
            return false;
        }
    }
    return irq->handler == NULL;
}

/* A new port tells vCPU 0. Messages were connected when they were mapped. */
static int connect(struct irq *irq, const struct domain *d)
{
    if (irq_is_message(irq->number) || irq->bound_count > 0) {
        return 0;
    }
    irq->cpu = cpu_of(d->vcpus[0]);
    return irq_ops->gsi_connect(irq->number, irq->trigger, false, irq->cpu);
}

static int bind_guest(struct irq *irq, struct irq_guest *guest, bool will_share, evtchn_port_t port)
{
    int error;

    if (guest->port != 0) {
        return -EEXIST;
    }
    if (!may_join(irq, will_share)) {
        return -EBUSY;
    }
    error = connect(irq, guest->domain);
    if (error != 0) {
        return error;
    }
    guest->port = port;
    guest->will_share = will_share;
    irq->bound_count++;
    pirq_show_eoi_needed(guest->domain, guest->pirq, irq_needs_eoi(irq));
    settle_mask(irq);
    return 0;
}

static int bind(struct domain *d, uint32_t pirq, uint32_t flags, evtchn_port_t port)
{
    struct irq_guest *guest;
    struct irq *irq;
    int error;

    if (pirq >= pirq_limit()) {
        return -EINVAL;
    }
    irq = irq_lock_pirq(d, pirq, &guest);
    if (!irq) {
        return -EPERM; /* nobody with the right to do so has mapped it */
    }
    error = bind_guest(irq, guest, (flags & BIND_PIRQ__WILL_SHARE) != 0, port);
    spin_unlock(&irq->lock);
    return error;
}

/* The pirq may have been unmapped, and even mapped and bound anew, while the port was open. */
static void unbind(struct domain *d, uint32_t pirq, evtchn_port_t port)
{
    struct irq_guest *guest;
    struct irq *irq = irq_lock_pirq(d, pirq, &guest);

    if (!irq) {
        return;
    }
    if (guest->port == port) {
        unbind_guest(irq, guest);
    }
    spin_unlock(&irq->lock);
}

static void follow_vcpu(struct domain *d, uint32_t pirq, struct vcpu *v)
{
    struct irq_guest *guest;
    struct irq *irq = irq_lock_pirq(d, pirq, &guest);

    if (!irq) {
        return;
    }
    if (irq->bound_count == 1) {
        move_to(irq, cpu_of(v));
    }
    spin_unlock(&irq->lock);
}

static const struct event_pirq_ops event_ops = {
    .bind = bind,
    .unbind = unbind,
    .follow_vcpu = follow_vcpu,
};

/* ---- the end of an interrupt ----------------------------------------------------------------- */

int pirq_eoi(struct domain *d, uint32_t pirq)
{
    struct irq_guest *guest;
    struct irq *irq = irq_lock_pirq(d, pirq, &guest);
    evtchn_port_t port;

    if (!irq) {
        return -EINVAL;
    }
    port = guest->port;
    if (guest->owes_eoi) {
        guest->owes_eoi = false;
        irq->eois_owed--;
        settle_mask(irq);
    }
    spin_unlock(&irq->lock);
    if (d->irqs->unmask_ports && port != 0) {
        /* The port may have been closed since: then there is nothing to unmask. */
        (void)!event_unmask_port(d, port);
    }
    return 0;
}

/* As the guest with the 2-level form of events sees it; the call is older than any other. */
static bool port_is_unmasked(const struct domain *d, evtchn_port_t port)
{
    return port != 0 && port < EVTCHN_2L_NR_CHANNELS &&
           !bit_test((const uint64_t *)d->shared->evtchn_mask, port);
}

void pirq_eoi_unmasked(struct domain *d)
{
    for (uint32_t pirq = 0; pirq < pirq_limit(); pirq++) {
        struct irq_guest *guest;
        struct irq *irq = irq_lock_pirq(d, pirq, &guest);
        bool served;

        if (!irq) {
            continue;
        }
        served = guest->owes_eoi && port_is_unmasked(d, guest->port);
        spin_unlock(&irq->lock);
        if (served) {
            (void)!pirq_eoi(d, pirq);
        }
    }
}

int pirq_status(struct domain *d, uint32_t pirq, uint32_t *flags)
{
    struct irq_guest *guest;
    struct irq *irq;

    if (pirq >= pirq_limit()) {
        return -EINVAL;
    }
    irq = irq_lock_pirq(d, pirq, &guest);
    if (!irq) {
        *flags = XENIRQSTAT_needs_eoi; /* it might: to say one too many does no harm */
        return 0;
    }
    *flags = (irq_needs_eoi(irq) ? XENIRQSTAT_needs_eoi : 0) |
             (irq->bound_count > 1 ? XENIRQSTAT_shared : 0);
    spin_unlock(&irq->lock);
    return 0;
}

/* ---- pins ------------------------------------------------------------------------------------ */

static int claim(struct irq *irq, void (*handler)(void))
{
    int error;

    if (irq->handler || irq->bound_count > 0) {
        return -EBUSY;
    }
    irq->cpu = this_cpu()->id;
    error = irq_ops->gsi_connect(irq->number, irq->trigger, true, irq->cpu);
    if (error == 0) {
        irq->handler = handler;
        settle_mask(irq);
    }
    return error;
}

int irq_claim(uint32_t gsi, void (*handler)(void))
{
    struct irq *irq = existing_gsi(gsi);
    int error;

    if (!irq) {
        return -EINVAL;
    }
    spin_lock(&irq->lock);
    error = claim(irq, handler);
    spin_unlock(&irq->lock);
    return error;
}

static int set_trigger(struct irq *irq, struct irq_trigger trigger)
{
    bool same =
        irq->trigger.level == trigger.level && irq->trigger.active_low == trigger.active_low;

    if (irq->trigger_known || irq->handler || (irq->bound_count > 0 && !same)) {
        return -EEXIST;
    }
    irq->trigger = trigger;
    irq->trigger_known = true;
    return 0;
}

int irq_set_trigger(uint32_t gsi, struct irq_trigger trigger)
{
    struct irq *irq = existing_gsi(gsi);
    int error;

    if (!irq) {
        return -EINVAL;
    }
    spin_lock(&irq->lock);
    error = set_trigger(irq, trigger);
    spin_unlock(&irq->lock);
    return error;
}

/* ---- messages -------------------------------------------------------------------------------- */

static bool free_run(unsigned int first, unsigned int count)
{
    return bit_find(message_used, first + count, first, true) == first + count;
}

int irq_take_messages(unsigned int count, uint32_t *first)
{
    int error = -ENOSPC;

    spin_lock(&message_lock);
    for (unsigned int at = 0; at + count <= IRQ_MESSAGES; at++) {
        if (free_run(at, count)) {
            for (unsigned int i = 0; i < count; i++) {
                bit_set(message_used, at + i);
            }
            *first = irq_ops->gsi_count + at;
            error = 0;
            break;
        }
    }
    spin_unlock(&message_lock);
    return error;
}

void irq_free_messages(uint32_t first, unsigned int count)
{
    spin_lock(&message_lock);
    for (unsigned int i = 0; i < count; i++) {
        bit_clear(message_used, first - irq_ops->gsi_count + i);
    }
    spin_unlock(&message_lock);
}

static bool is_of_device(const struct irq *irq, const struct irq_source *device)
{
    return irq->message_count != 0 && irq->source.segment == device->segment &&
           irq->source.bus == device->bus && irq->source.devfn == device->devfn;
}

unsigned int irq_restore_messages(const struct irq_source *device)
{
    unsigned int restored = 0;

    for (uint32_t number = irq_ops->gsi_count; number < pirq_limit(); number++) {
        struct irq *irq = irq_of(number);

        spin_lock(&irq->lock);
        if (is_of_device(irq, device)) {
            irq_ops->message_restore(number, irq->masked);
            restored++;
        }
        spin_unlock(&irq->lock);
    }
    return restored;
}

bool irq_device_in_use(const struct irq_source *device)
{
    bool found = false;

    for (uint32_t number = irq_ops->gsi_count; number < pirq_limit() && !found; number++) {
        struct irq *irq = irq_of(number);

        spin_lock(&irq->lock);
        found = is_of_device(irq, device);
        spin_unlock(&irq->lock);
    }
    return found;
}

/* ---- CPUs that go ---------------------------------------------------------------------------- */

void irq_leave_cpu(unsigned int cpu)
{
    for (uint32_t number = 0; number < pirq_limit(); number++) {
        struct irq *irq = irq_of(number);

        spin_lock(&irq->lock);
        if (irq->cpu == cpu && (irq->handler || irq->guest_count > 0)) {
            move_to(irq, 0);
        }
        spin_unlock(&irq->lock);
    }
}

/* ---- start of day ---------------------------------------------------------------------------- */

int irq_init(const struct irq_ops *ops)
{
    irq_ops = ops;
    irqs = heap_new_array(struct irq, pirq_limit());
    if (!irqs) {
        return -ENOMEM;
    }
    for (uint32_t number = 0; number < pirq_limit(); number++) {
        struct irq *irq = irq_of(number);

        spin_init(&irq->lock, RANK_IRQ);
        irq->number = number;
        irq->masked = true;
        if (existing_gsi(number)) {
            irq->trigger = ops->gsi_trigger(number);
        }
    }
    event_register_pirq_ops(&event_ops);
    domain_register_part(&irq_domain_part);
    return 0;
}
