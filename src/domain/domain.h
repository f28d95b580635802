// SPDX-License-Identifier: Apache-2.0
// Domains: what one guest owns and may do; creation, references, and an end that never blocks.
//
// Legend: [I] set at creation; [a] atomic; [d] `lock`; [p] `page_lock`; [L] the list's lock;
// [k] domain_kill(), of which there is one at a time.
#pragma once

#include "base/cpu.h"
#include "abi/xen.h"
#include "base/lock.h"
#include "domain/vcpu.h"
#include "lib/address.h"
#include "lib/bitmap.h"
#include "lib/compiler.h"
#include "lib/list.h"
#include "lib/ranges.h"
#include "memory/frame.h"

#define MAX_VCPUS     512 /* more than MAX_VIRT_CPUS: the rest register their vcpu_info */
#define IO_PORTS      65536
#define MAX_DOMAINS   DOMID_FIRST_RESERVED
#define NOT_SHUT_DOWN 0xffffffffU

struct domain_events;
struct domain_grants;
struct domain_irqs;
struct cpuid_policy;

enum domain_life {
    DOMAIN_ALIVE,
    DOMAIN_DYING, /* domain_kill() has begun */
    DOMAIN_DEAD,  /* everything was given back; only references keep the record */
};

struct domain {
    domid_t id;          /* [I] */
    bool privileged;     /* [I] may control others and the machine */
    bool hardware;       /* [I] owns the machine's devices (domain 0) */
    bool is_32bit;       /* [d] width of its kernel */
    bool absent_checked; /* [I] its absent page-table entries must not name memory (mmu/l1tf.h) */
    bool isolated;       /* [I] runs on tables without Pavise (base/speculation.h) */
    uint64_t root_edits; /* [a] counts changes of its level-4 tables, where it is isolated */
    uint32_t max_vcpus;  /* [I] size of `vcpus` */
    struct vcpu **vcpus; /* [d] to add, free to read: entries never go before the end */
    spinlock_t lock;
    uint64_t references;        /* [a] */
    bool visible;               /* [a] creation is over: others may find it */
    bool debugged;              /* [d] its kernel's breakpoints stop it, for a debugger */
    bool started;               /* [d] it was unpaused once: what its CPUs are is settled */
    bool xenstore;              /* [I] runs the store (tools ask for it) */
    enum domain_life life;      /* [d] */
    uint32_t pause_count;       /* [d] see domain/pause.h */
    uint32_t controller_pauses; /* [d] of them, by control software */
    uint32_t shutdown_code;     /* [d] SHUTDOWN_*, NOT_SHUT_DOWN while it has not */
    uint32_t latched_code;      /* [d] what it will report instead, NOT_SHUT_DOWN: nothing */
    uint64_t vm_assist;         /* [a] VMASST_TYPE_* bits */
    xen_domain_handle_t handle; /* [d] */
    uint32_t ssid_reference;    /* [I] */
    struct xen_arch_domainconfig arch_config; /* [I] as its creator gave it */

    struct shared_info *shared;  /* [I] its page, through the direct map */
    uint64_t shared_mfn;         /* [I] */
    uint32_t tsc_mode;           /* [d] as tools set it; reads are the machine's anyway */
    uint32_t tsc_incarnation;    /* [d] */
    int64_t time_offset_seconds; /* [d] of its wall clock from the machine's */

    spinlock_t page_lock;
    struct frame_list pages;     /* [p] frames it owns and that count as its memory */
    struct frame_list own_pages; /* [p] frames of Pavise's that it may map (shared_info, grants) */
    struct frame_list lingering_pages; /* [p] no longer owned, but referenced still */
    struct frame_list released_pages;  /* [p] nobody's, and to be freed by domain_release_pages() */
    bool collecting;                   /* [p] that is at work */
    uint64_t total_pages;              /* [p] */
    uint64_t max_pages;                /* [p] */
    unsigned int relinquished_parts;   /* [k] rooms that have given back what others can see */
    bool burying;                      /* [k] dead, and only domain_kill() knows of it */
    uint32_t relinquish_next;          /* [k] how far the one at it is: its own number, first 0 */
    uint64_t claimed_pages;            /* the allocator's: see frames_claim() */
    uint64_t heap_bytes;               /* [a] of Pavise's memory, charged to it (domain/quota.h) */
    uint64_t most_heap_bytes;          /* [a] and how much that may be */

    spinlock_t access_lock;   /* see domain/access.h */
    struct ranges *io_memory; /* access_lock: machine frames of devices it may map */
    struct ranges *io_irqs;   /* access_lock: interrupts, by Pavise's number, it may bind */
    uint32_t pci_address;     /* [d] what it last wrote to port 0xcf8 */
    uint64_t *io_ports;       /* [a] bitmap, set: denied; NULL: all denied */

    struct cpuid_policy *cpuid;   /* [d] its own (pv), set before it starts; NULL: its kind's */
    uint32_t suspend_port;        /* [a] its port to send on when it suspends; 0: none */
    struct domain_events *events; /* rooms of their own */
    struct domain_grants *grants;
    struct domain_irqs *irqs;      /* physical interrupts bound (control) */
    struct memory_map *memory_map; /* [d] its pseudo-physical map (mmu), NULL: none was set */
    struct domain *next;           /* [L] in the list of all, by rising id */
    struct domain *chained;        /* [L] among those with similar ids */
};

/*
 * A room tells the audit (mmu/audit.h) of a reference that it holds on a frame, with a writable
 * type count or without, and of the domain that may map the frame by it (DOMID_INVALID: none).
 */
typedef void (*audit_tell_t)(void *audit, mfn_t frame, bool writable, domid_t user);

/*
 * A room that keeps state for domains registers its part at start of day. Parts are told in the
 * order of registration at creation and in reverse at the end; a NULL member is skipped.
 */
struct domain_part {
    const char *name;
    int (*create)(struct domain *d); /* 0 or -errno; undone by `destroy` of those before */
    int (*create_vcpu)(struct vcpu *v);
    int (*relinquish)(struct domain *d);  /* give back what others can see; HYPERCALL_RESTART
                                             when there is more to do; called until 0 */
    int (*bury)(struct domain *d);        /* free what is many, nobody can reach it; as above */
    void (*destroy_vcpu)(struct vcpu *v); /* free what is left, nobody can reach it */
    void (*destroy)(struct domain *d);
    uint64_t (*most_heap)(const struct domain *d); /* bytes that it charges to `d` at most */
    void (*audit)(struct domain *d, audit_tell_t tell, void *audit); /* everything is at rest */
    struct domain_part *next;
};
void domain_register_part(struct domain_part *part);

extern struct domain *domain0;

/*
 * A level-4 table of `d` has changed: CPUs that run it on copies make new ones before they enter it
 * again. Before the claim of what was there is dropped, as that is what a flush is waited for.
 */
static inline void root_edited(struct domain *d)
{
    __atomic_fetch_add(&d->root_edits, 1, __ATOMIC_SEQ_CST);
}

/*
 * Create a domain with room for `max_vcpus`. `id` DOMID_INVALID picks a free one. Returns NULL
 * and sets *error (-EEXIST, -ENOMEM, -EINVAL). The caller gets a reference.
 */
must_check struct domain *domain_create(domid_t id, unsigned int max_vcpus, bool privileged,
                                        int *error);

/*
 * The same in two steps, for a creator that has more to settle: nobody finds the domain before it
 * is revealed. One that is not to be is ended by domain_kill() like any other.
 */
must_check struct domain *domain_create_hidden(domid_t id, unsigned int max_vcpus, bool privileged,
                                               int *error);
void domain_reveal(struct domain *d);

/* Find by id and take a reference; NULL where there is none. Drop it with domain_put(). */
must_check struct domain *domain_get(domid_t id);
/* The same with DOMID_SELF standing for the caller's own. */
must_check struct domain *domain_get_self_or(domid_t id);
/* The same for its end, which may have come so far that others don't find it. */
must_check struct domain *domain_get_to_kill(domid_t id);
void domain_put(struct domain *d);
/* Whose number a frame has, revealed or not: a domain's record stays while it has frames. */
must_check struct domain *domain_get_owner(domid_t id);

/*
 * domain_get_self_or() for the length of a call: the caller's own domain runs and needs no
 * reference. End with domain_return().
 */
static inline must_check struct domain *domain_borrow(domid_t id)
{
    struct domain *self = current_vcpu()->domain;

    return id == DOMID_SELF || id == self->id ? self : domain_get(id);
}

static inline void domain_return(struct domain *d)
{
    if (d != current_vcpu()->domain) {
        domain_put(d);
    }
}

/* The next domain after `id` in rising order, with a reference; NULL at the end. */
must_check struct domain *domain_get_next(int id);

/*
 * SCHEDOP_shutdown's effect: stops all vCPUs, records `code` (or the latched one), tells domain 0
 * (VIRQ_DOM_EXC). No lock of the domain's rank or a higher one held.
 */
void domain_shutdown(struct domain *d, uint32_t code);
/* SCHEDOP_shutdown_code: what the domain will report whenever it shuts down. */
void domain_latch_shutdown_code(struct domain *d, uint32_t code);
/* DOMCTL_resumedomain: it runs on as if it had not shut down. Takes the domain's lock. */
void domain_resume(struct domain *d);
/* The domain did what no domain may: print why, end it as crashed. Never returns to that guest. */
void domain_crash(struct domain *d, const char *format, ...) printf_like(2, 3);
/* Called when domain 0 shuts down; set by boot (power-off, reboot, halt). */
extern void (*domain0_gone)(uint32_t shutdown_code);

/* Hooks, set at start of day: some domain's state changed (VIRQ_DOM_EXC); print a guest's state. */
extern void (*domain_state_changed)(void);
/* Tell those who wait for just this domain's suspension, by its suspend_port; false: it can't. */
extern bool (*domain_suspended)(struct domain *d);
extern void (*domain_show_state)(const struct domain *d);

/* DOMCTL_destroydomain's effect, a piece at a time: 0 when done, else HYPERCALL_RESTART. */
must_check long domain_kill(struct domain *d);

/*
 * Give `count` frames of one block to the domain as its memory. -EINVAL: dying; -E2BIG: over
 * max_pages. Takes page_lock.
 */
must_check int domain_assign_frames(struct domain *d, mfn_t first, uint64_t count);
