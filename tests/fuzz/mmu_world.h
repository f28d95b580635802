// SPDX-License-Identifier: Apache-2.0
// The world of those fuzzers that have real page tables: two domains with two vCPUs each on two
// CPUs, the frames that their calls name, and how they come and go. After every call the audit
// counts everything from scratch.
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define MACHINE_FRAMES 320U
#include "../unit/mmu_fixture.h"
#include "base/log.h"
#include "input.h"
#include "operations.h"

#define DOMAINS 2
#define VCPUS   2
#define CPUS    2
#define POOL    16 /* frames of a domain that calls name */
#define DATA    8  /* of these, what its first table maps at first */
#define DEVICE  0xfe000ULL

struct world_domain {
    struct domain *d; /* NULL: being created again */
    bool dying;
    mfn_t pool[POOL];
    bool restart[VCPUS]; /* the vCPU's last call is to be issued again */
    enum call call[VCPUS];
};
static struct world_domain world[DOMAINS];
static struct vcpu *on_cpu[CPUS];
static struct world_domain *self; /* whose vCPU is current */
static mfn_t m2p_frame;
static domid_t next_id;

static inline void print(struct log_sink *sink, const char *text, size_t bytes)
{
    fwrite(text, 1, bytes, stderr);
}

/* The log has what the audit found. */
static inline void must(bool condition, const char *file, const char *what)
{
    static struct log_sink sink = {.write = print};

    if (!condition) {
        log_add_sink(&sink);
        fprintf(stderr, "%s: %s\n", file, what);
        abort();
    }
}
#define MUST(condition) must((condition), __FILE__, #condition)

/* ---- numbers --------------------------------------------------------------------------------- */

static inline struct world_domain *take_domain(void)
{
    return take(6) == 0 ? &world[self == &world[0]] : self;
}

static inline mfn_t take_frame(void)
{
    uint32_t which = take(64);

    switch (which) {
    case 39:
        return mfn(MACHINE_FRAMES + take(3));
    case 38:
        return mfn(take(MACHINE_FRAMES < 256 ? MACHINE_FRAMES : 256));
    case 37:
        return mfn(DEVICE + take(3));
    case 36:
        return m2p_frame;
    case 35:
        return mfn(self->d->shared_mfn);
    case 34:
        return virt_to_frame(self->d); /* the heap's */
    default:
        return take_domain()->pool[which % POOL];
    }
}

static inline pte_t take_entry(void)
{
    static const uint64_t flags[] = {0, PTE_P, KERNEL_RW, KERNEL_RW, USER_RW, USER_RW, KERNEL_RO,
                                     LINEAR, TABLE, TABLE,
                                     /* and rarely right: */
                                     TABLE | PTE_PSE, USER_RW | PTE_G, KERNEL_RW | PTE_PCD,
                                     KERNEL_RW | PTE_GUEST_KERNEL, PTE_RW, PTE_P | PTE_NX};
    uint64_t f = flags[take(ARRAY_SIZE(flags))];

    return entry_for(take_frame(), f);
}

/* Few slots, so that calls meet; and those at the edges. */
static inline unsigned int take_slot(void)
{
    static const unsigned int edge[] = {255, 256, 271, 272, 511};
    uint32_t which = take(48);

    return which < ARRAY_SIZE(edge) ? edge[which] : which % 4;
}

/* Mostly where there are tables: in the first few pages. */
static inline uint64_t take_va(void)
{
    uint64_t va = (uint64_t)take_slot() << PAGE_SHIFT;

    for (unsigned int level = 2; level <= 4; level++) {
        if (take(6) == 0) {
            va |= (uint64_t)take_slot() << (PAGE_SHIFT + 9 * (level - 1));
        }
    }
    va |= (va >> 47) & 1 ? 0xffff000000000000 : 0;
    return take(20) == 0 ? va ^ 1ULL << 60 : va;
}

static inline uint32_t take_foreigndom(void)
{
    static const uint32_t special[] = {DOMID_IO, DOMID_XEN, 77, DOMID_INVALID};
    const struct domain *other = world[self == &world[0]].d;
    uint32_t fd = DOMID_SELF;

    if (take(4) == 0) {
        uint32_t which = take(12);
        fd = which < ARRAY_SIZE(special) ? special[which] : other ? other->id : 77;
    }
    return take(16) == 0 && other ? fd | (other->id + 1U) << 16 : fd;
}

/* ---- domains come and go --------------------------------------------------------------------- */

/* The fuzzer's own: what a domain does first, on its tables' way to be its base. */
static void domain_begins(struct world_domain *w);

static inline void build_domain(struct world_domain *w)
{
    struct space s;
    int error = 0;

    w->d = domain_create(next_id, VCPUS, w == &world[0] && take(2) == 0, &error);
    if (!w->d) {
        return; /* the number is still the last one's */
    }
    next_id = next_id == 9 ? 1 : (domid_t)(next_id + 1);
    for (unsigned int i = 0; i < VCPUS; i++) {
        spin_lock(&w->d->lock);
        MUST(vcpu_create(w->d, i) != NULL);
        spin_unlock(&w->d->lock);
        w->d->vcpus[i]->pause = 0;
        w->restart[i] = false;
    }
    MUST(ranges_add(w->d->io_memory, DEVICE, DEVICE + 1) == 0 || take(1) == 0);
    build_space(w->d, &s);
    for (unsigned int i = 0; i < 4; i++) {
        w->pool[i] = s.table[i + 1];
    }
    memcpy(w->pool + 4, s.data, DATA * sizeof(s.data[0]));
    for (unsigned int i = 4 + DATA; i < POOL; i++) {
        w->pool[i] = new_frame(w->d);
    }
    w->d->max_pages = MACHINE_FRAMES / 4; /* and memory is left for the audit */
    w->dying = false;
}

static inline void run_on(unsigned int cpu, struct world_domain *w, unsigned int number)
{
    struct vcpu *v = w->d->vcpus[number];

    host_become_cpu(cpu);
    self = w;
    if (on_cpu[cpu] != v) {
        for (unsigned int other = 0; other < CPUS; other++) {
            if (on_cpu[other] == v) {
                on_cpu[other] = NULL;
                cpus[other]->current = NULL;
            }
        }
        on_cpu[cpu] = v;
        run_as(v);
        arch_tlb_flush_local(); /* a switch loads another base */
    }
}

static inline void take_off_cpus(const struct domain *d)
{
    for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
        if (on_cpu[cpu] && on_cpu[cpu]->domain == d) {
            on_cpu[cpu] = NULL;
            cpus[cpu]->current = NULL;
        }
    }
}

static inline void start_domain(struct world_domain *w)
{
    build_domain(w);
    if (!w->d) {
        return;
    }
    for (unsigned int i = 0; i < VCPUS; i++) {
        run_on(i % CPUS, w, i);
        if (i == 0) {
            domain_begins(w);
            MUST(pin(w->pool[3], 4) == 0);
        }
        MUST(new_base(w->pool[3]) == 0);
    }
}

/* A turn of the other domain's end, or of its beginning. */
static inline void other_domain_goes_on(void)
{
    struct world_domain *w = &world[self == &world[0]];
    struct vcpu *v = current_vcpu();
    unsigned int cpu = this_cpu()->id;

    if (!w->d) {
        struct world_domain *before = self;
        start_domain(w);
        run_on(cpu, before, v->id);
        return;
    }
    if (!w->dying) {
        if (take(4) != 0) {
            return;
        }
        w->dying = true;
        take_off_cpus(w->d);
    }
    drop_vcpus(w->d);
    if (domain_kill(w->d) == 0) {
        domain_put(w->d);
        w->d = NULL;
    }
}

static inline bool can_run(const struct world_domain *w)
{
    return w->d && !w->dying;
}

/* The next step is a CPU's: mostly of the vCPU that it runs, as a switch flushes. */
static inline void choose_vcpu(void)
{
    unsigned int cpu = take(CPUS);
    struct world_domain *w = &world[take(DOMAINS)];

    host_become_cpu(cpu);
    if (!on_cpu[cpu] || take(16) == 0) {
        run_on(cpu, can_run(w) ? w : &world[w == &world[0]], take(VCPUS));
    } else {
        self = &world[on_cpu[cpu]->domain != world[0].d];
    }
}

/*
 * A step begins: a CPU's, one time of `seldom` with interrupts that come all the time. True where
 * its vCPU's last call is to be issued again, and mostly is: then that was the step.
 */
static inline bool call_goes_on(unsigned int seldom,
                                void (*issue)(enum call call, unsigned int number))
{
    unsigned int number;

    choose_vcpu();
    number = current_vcpu()->id;
    interrupt_everything(take(seldom) == 0);
    if (self->restart[number] && take(8) != 0) {
        issue(self->call[number], number);
        return true;
    }
    self->restart[number] = false;
    return false;
}

static inline void end_world(void)
{
    for (unsigned int i = 0; i < DOMAINS; i++) {
        struct world_domain *w = &world[i];
        host_become_cpu(0);
        interrupt_everything(false);
        if (w->d) {
            take_off_cpus(w->d);
            (void)kill_domain(w->d);
            domain_put(w->d);
        }
        MUST(audit_frames(NULL) == 0);
    }
}

static inline mfn_t where_the_m2p_is(uint64_t offset)
{
    return offset == 0 ? m2p_frame : mfn(MFN_INVALID);
}

/* Nobody lives here yet. */
static inline void begin_world(const uint8_t *data, size_t size)
{
    input_begin(data, size);
    machine_setup(NULL);
    memset(world, 0, sizeof(world));
    memset(on_cpu, 0, sizeof(on_cpu));
    next_id = 1;
    m2p_frame = virt_to_frame(page_alloc());
    m2p_publish(where_the_m2p_is);
}

static inline void leave_world(void)
{
    end_world();
    page_free(frame_to_virt(m2p_frame));
    machine_teardown(NULL);
}
