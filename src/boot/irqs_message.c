// SPDX-License-Identifier: Apache-2.0
// Messages of PCI devices: which vector each one raises, and telling the devices.
//
// Domain 0 owns the devices and switches MSI and MSI-X on and off in their configuration; what a
// device writes where, and which message is masked, is Pavise's to say.
#include "abi/errno.h"
#include "base/cpu.h"
#include "base/panic.h"
#include "boot/irqs.h"
#include "boot/irqs_internal.h"
#include "memory/allocator.h"
#include "mmu/policy.h"
#include "platform/hpet.h"
#include "platform/msi.h"

/* Guarded by messages_lock but for the start of day. */
static struct message {
    bool used;
    bool is_msix;
    bool alone; /* no others were connected with it */
    uint8_t vector;
    uint16_t index; /* in the MSI-X table, or among the device's MSI messages */
    unsigned int cpu;
    union {
        struct pci_msi msi;
        struct pci_msix msix;
    };
} * messages;
static uint32_t first_message_irq;
static unsigned int message_count;

/* Also serialises what a device's several messages share: its capability, its mask bits. */
static spinlock_t messages_lock = SPINLOCK(RANK_DEVICE);

static struct message *message_of(uint32_t irq)
{
    return &messages[irq - first_message_irq];
}

static pci_bdf_t address_of(const struct irq_source *source)
{
    return (pci_bdf_t){.segment = source->segment, .bus = source->bus, .devfn = source->devfn};
}

static pci_bdf_t device_of(const struct message *m)
{
    return m->is_msix ? m->msix.device : m->msi.device;
}

static bool same_device(pci_bdf_t a, pci_bdf_t b)
{
    return a.segment == b.segment && a.bus == b.bus && a.devfn == b.devfn;
}

/* ---- MSI-X tables, mapped once --------------------------------------------------------------- */

/* A mapping of device registers is for good, so it is kept for the next driver of the device. */
struct table {
    struct table *next;
    struct pci_msix msix;
};

static struct table *tables; /* grows under tables_lock; is read without */
static spinlock_t tables_lock = SPINLOCK(RANK_IRQ);

static struct table *find_table(const struct pci_msix *msix)
{
    struct table *table = tables;

    while (table &&
           (table->msix.table_paddr != msix->table_paddr || table->msix.entries < msix->entries)) {
        table = table->next;
    }
    return table;
}

static int add_table(struct pci_msix *msix)
{
    struct table *table = heap_new(struct table);
    int error = table ? pci_msix_map(msix) : -ENOMEM;

    if (error != 0) {
        heap_free(table);
        return error;
    }
    table->msix = *msix;
    table->next = tables;
    __atomic_store_n(&tables, table, __ATOMIC_RELEASE);
    return 0;
}

/*
 * A guest that could write a table could raise any interrupt in Pavise. (Mappings from before its
 * first use stay as they are, as on the reference: domain 0's drivers map it early.)
 */
static bool is_of_a_table(mfn_t m)
{
    const struct table *table = __atomic_load_n(&tables, __ATOMIC_ACQUIRE);

    while (table && !pci_msix_covers(&table->msix, mfn_to_maddr(m).a, PAGE_SIZE)) {
        table = table->next;
    }
    return table != NULL;
}

/*
 * The device's registers say where its table is, and domain 0 writes these: the table has to lie
 * where domain 0 could have written by itself.
 */
static int map_table(struct pci_msix *msix)
{
    struct table *table;
    int error = 0;

    if (!irqs_is_device_memory(msix->table_paddr, (uint64_t)msix->entries * MSIX_ENTRY_BYTES)) {
        return -EINVAL;
    }
    spin_lock(&tables_lock);
    table = find_table(msix);
    if (table) {
        msix->table = table->msix.table;
    } else {
        error = add_table(msix);
    }
    spin_unlock(&tables_lock);
    return error;
}

static bool is_for_reading(mfn_t m)
{
    return is_of_a_table(m) || hpet_covers(mfn_to_maddr(m).a, PAGE_SIZE);
}

void irqs_messages_start(uint32_t first_irq, unsigned int count)
{
    first_message_irq = first_irq;
    message_count = count;
    messages = heap_new_array(struct message, count);
    if (!messages) {
        panic("no memory for %u messages", count);
    }
    device_frame_is_read_only = is_for_reading;
}

/* ---- what a device can do -------------------------------------------------------------------- */

static int probe_msix(const struct irq_source *source, struct message *m)
{
    int error = pci_msix_probe(address_of(source), &m->msix);

    if (error != 0) {
        return error;
    }
    if (source->entry >= m->msix.entries) {
        return -EINVAL;
    }
    m->index = source->entry;
    return map_table(&m->msix);
}

static int probe_msi(const struct irq_source *source, unsigned int count, struct message *m)
{
    int error = pci_msi_probe(address_of(source), &m->msi);

    return error != 0 ? error : count > m->msi.vectors ? -EINVAL : 0;
}

static int probe(const struct irq_source *source, unsigned int count, struct message *m)
{
    *m = (struct message){.used = true, .is_msix = source->is_msix, .alone = count == 1};
    if (source->is_msix) {
        return count == 1 ? probe_msix(source, m) : -EINVAL;
    }
    return probe_msi(source, count, m);
}

int irqs_msix_probe(const struct irq_source *device)
{
    struct pci_msix msix;

    return pci_msix_probe(address_of(device), &msix) == -ENODEV ? -ENODEV : 0;
}

/* ---- vectors --------------------------------------------------------------------------------- */

/* A device is told of a power of two of messages, whatever number was asked for. */
static unsigned int block_size(unsigned int count)
{
    unsigned int size = 1;

    while (size < count) {
        size *= 2;
    }
    return size;
}

static int take_vectors(uint32_t irq, unsigned int count)
{
    unsigned int size = block_size(count);
    int first;

    spin_lock(&irqs_vector_lock);
    first = size == 1 ? vectors_alloc(&irqs_vectors, VECTOR_NORMAL, irq)
                      : vectors_alloc_block(&irqs_vectors, size, irq);
    /* The rest is nobody's, but taken: the device might raise it. */
    for (unsigned int i = count; i < size && first >= 0; i++) {
        WRITE_ONCE(irqs_vectors.owner[(unsigned int)first + i], VECTOR_NO_OWNER);
    }
    spin_unlock(&irqs_vector_lock);
    return first;
}

static void free_vectors(uint8_t first, unsigned int count)
{
    spin_lock(&irqs_vector_lock);
    for (unsigned int i = 0; i < block_size(count); i++) {
        vectors_free(&irqs_vectors, (uint8_t)(first + i));
    }
    spin_unlock(&irqs_vector_lock);
}

/* ---- telling the device; messages_lock is held ----------------------------------------------- */

/* Vector and destination were chosen to fit a message. */
static struct msi_message compose(const struct message *m)
{
    struct msi_message message;

    BUG_ON(msi_compose(m->vector, irqs_destination(m->cpu), &message) != 0);
    return message;
}

static void mask(const struct message *m, bool masked)
{
    if (m->is_msix) {
        (void)!pci_msix_mask(&m->msix, m->index, masked);
    } else {
        (void)pci_msi_mask(&m->msi, m->index, masked);
    }
}

/* Of several messages the device composes all but the first by itself. */
static void write(const struct message *m)
{
    struct msi_message message = compose(m);

    if (m->is_msix) {
        (void)!pci_msix_write(&m->msix, m->index, &message);
    } else if (m->index == 0) {
        (void)!pci_msi_write(&m->msi, &message);
    }
}

/* ---- connecting ------------------------------------------------------------------------------ */

/* A device has one kind of messages at a time, and each only once. */
static bool in_use(const struct message *wanted)
{
    for (unsigned int i = 0; i < message_count; i++) {
        const struct message *m = &messages[i];
        if (m->used && same_device(device_of(m), device_of(wanted)) &&
            !(m->is_msix && wanted->is_msix && m->index != wanted->index)) {
            return true;
        }
    }
    return false;
}

static void tell_device(uint32_t irq, unsigned int count)
{
    const struct message *first = message_of(irq);

    write(first);
    for (unsigned int i = 0; i < count; i++) {
        mask(message_of(irq + i), true);
    }
    if (!first->is_msix) {
        /* How many there are can only be said together with "on"; domain 0 says that anyway. */
        (void)!pci_msi_enable(&first->msi, block_size(count));
    }
}

static int connect_locked(uint32_t irq, unsigned int count, const struct message *m)
{
    int vector;

    if (in_use(m)) {
        return -EEXIST;
    }
    vector = take_vectors(irq, count);
    if (vector < 0) {
        return vector;
    }
    for (unsigned int i = 0; i < count; i++) {
        *message_of(irq + i) = *m;
        message_of(irq + i)->index = (uint16_t)(m->index + i);
        message_of(irq + i)->vector = (uint8_t)((unsigned int)vector + i);
    }
    tell_device(irq, count);
    return 0;
}

int irqs_message_connect(uint32_t irq, unsigned int count, const struct irq_source *source,
                         unsigned int cpu)
{
    struct message m;
    int error = probe(source, count, &m);

    if (error != 0) {
        return error;
    }
    m.cpu = cpu;
    spin_lock(&messages_lock);
    error = connect_locked(irq, count, &m);
    spin_unlock(&messages_lock);
    return error;
}

void irqs_message_disconnect(uint32_t irq, unsigned int count)
{
    struct message *first = message_of(irq);
    uint8_t vector = first->vector;

    spin_lock(&messages_lock);
    if (first->is_msix) {
        mask(first, true);
    } else {
        pci_msi_disable(&first->msi);
    }
    for (unsigned int i = 0; i < count; i++) {
        message_of(irq + i)->used = false;
    }
    spin_unlock(&messages_lock);
    free_vectors(vector, count);
}

/* ---- afterwards ------------------------------------------------------------------------------ */

void irqs_message_restore(uint32_t irq, bool masked)
{
    spin_lock(&messages_lock);
    write(message_of(irq));
    mask(message_of(irq), masked);
    spin_unlock(&messages_lock);
}

void irqs_message_set_masked(uint32_t irq, bool masked)
{
    spin_lock(&messages_lock);
    mask(message_of(irq), masked);
    spin_unlock(&messages_lock);
}

/*
 * Vectors stay, so only the destination in the low half of the address changes: one write, and
 * no half-new message is ever sent. Several MSI messages share one destination: they stay where
 * they are. An MSI-X entry is masked meanwhile, and remembers what came.
 */
void irqs_message_move(uint32_t irq, unsigned int cpu)
{
    struct message *m = message_of(irq);
    struct msi_message old;
    bool masked = false;

    spin_lock(&messages_lock);
    if (m->cpu != cpu && m->alone) {
        m->cpu = cpu;
        if (m->is_msix) {
            (void)!pci_msix_read(&m->msix, m->index, &old, &masked);
        }
        write(m);
        if (m->is_msix && !masked) {
            mask(m, false);
        }
    }
    spin_unlock(&messages_lock);
}
