// SPDX-License-Identifier: Apache-2.0
// memory_op with every command, by two domains with two vCPUs each on two CPUs, of which one may be
// privileged: lists that end in a fault, that can't be written, and that change while they are
// read; calls that are interrupted and go on after whatever others did. The frames are mapped,
// tables and pinned meanwhile. After every call the audit counts everything, and what came and went
// is what the call says.
//
// Input: bytes that everything takes its numbers from; it ends when they do.
#include "grant/grant.h"
#include "mmu/memory_map.h"
#include "mmu_world.h"
#include "kept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIST_PAGE (guest_page + PAGE_SIZE)
#define LIST_END  (guest_page + 3 * PAGE_SIZE) /* where a fault may begin */
#define RESULTS   64                           /* entries between a list and the next */

/* ---- numbers --------------------------------------------------------------------------------- */

static domid_t take_domid(void)
{
    const struct domain *other = world[self == &world[0]].d;

    switch (take(12)) {
    case 0:
        return 77;
    case 1:
        return self->d->id;
    case 2:
    case 3:
        return other ? other->id : DOMID_IO;
    default:
        return DOMID_SELF;
    }
}

/* Lists mostly lie whole in memory; others reach into what faults, or are nowhere. */
static xen_pfn_t *take_list(unsigned int number)
{
    switch (take(12)) {
    case 0:
        return NULL;
    case 1:
        return (xen_pfn_t *)0x10;
    case 2:
        return (xen_pfn_t *)(UINT64_MAX - 7 * take(4));
    case 3:
    case 4:
        return (xen_pfn_t *)LIST_END - take(6);
    default:
        return (xen_pfn_t *)LIST_PAGE + number * RESULTS;
    }
}

static uint64_t take_count(void)
{
    switch (take(16)) {
    case 0:
        return 0;
    case 1:
        return 1ULL << take(64);
    default:
        return 1 + take(6);
    }
}

static unsigned int take_order(void)
{
    return take(16) == 0 ? take(64) : take(3);
}

static unsigned int take_flags(void)
{
    switch (take(8)) {
    case 0:
        return XENMEMF_address_bits(12 + take(10));
    case 1:
        return XENMEMF_exact_node(take(3));
    case 2:
        return (unsigned int)take_bytes(4);
    default:
        return 0;
    }
}

static struct xen_memory_reservation take_reservation(unsigned int number)
{
    struct xen_memory_reservation r = {.nr_extents = take_count(),
                                       .extent_order = take_order(),
                                       .mem_flags = take_flags(),
                                       .domid = take_domid()};

    r.extent_start.p = take_list(number);
    for (unsigned int i = 0; i < 8; i++) {
        ((xen_pfn_t *)LIST_PAGE)[number * RESULTS + i] = take_frame().n;
    }
    return r;
}

/* ---- what a guest does meanwhile ---------------------------------------------------------------
 */

static unsigned int meddle_at; /* the copy, from or to the guest, before which it comes; 0: never */
static xen_pfn_t meddle_with;
static unsigned int meddle_where;

/* Another vCPU's store into what is being read. */
static void meddle(bool waits)
{
    if (!waits && meddle_at != 0 && --meddle_at == 0) {
        ((xen_pfn_t *)guest_page)[meddle_where] = meddle_with;
    }
}

static void choose_meddling(void)
{
    meddle_at = take(4) == 0 ? 1 + take(64) : 0;
    meddle_with = take(2) ? take_frame().n : take_bytes(8);
    meddle_where = take(2) ? take(16) : (unsigned int)(PAGE_SIZE / 8) + take(2 * RESULTS);
    host_race_window = meddle;
}

static void choose_faults(void)
{
    uint32_t which = take(16);

    host_guest_read_only(which == 0);
    host_guest_fault_from(which < 6    ? 3 * PAGE_SIZE
                          : which == 6 ? take(PAGE_SIZE / 16)
                                       : UINT64_MAX);
}

static void no_faults(void)
{
    host_race_window = NULL;
    host_guest_read_only(false);
    host_guest_fault_from(UINT64_MAX);
}

/* ---- what came and went ------------------------------------------------------------------------
 */

static domid_t owner_before[MACHINE_FRAMES];
static uint64_t done_before;

static void note(void)
{
    for (uint64_t n = 0; n < MACHINE_FRAMES; n++) {
        owner_before[n] = frame_of(mfn(n))->owner;
    }
    done_before = (uint32_t)current_vcpu()->regs.rdi >> 6;
}

static bool is_clear(mfn_t m)
{
    const uint64_t *words = frame_to_virt(m);
    uint64_t any = 0;

    for (unsigned int i = 0; i < PAGE_SIZE / sizeof(*words); i++) {
        any |= words[i];
    }
    return any == 0;
}

/* Frames that became some domain's; nothing of what they held before is left in them. */
static uint64_t frames_that_came(void)
{
    uint64_t came = 0;

    for (uint64_t n = 0; n < MACHINE_FRAMES; n++) {
        const struct frame *f = frame_of(mfn(n));
        if (f->owner != owner_before[n] && f->owner < DOMID_FIRST_RESERVED &&
            frame_entries(f) != FRAME_SHARED) {
            MUST(is_clear(mfn(n)));
            came++;
        }
    }
    return came;
}

static bool is_reservation(unsigned int command)
{
    return command == XENMEM_increase_reservation || command == XENMEM_populate_physmap ||
           command == XENMEM_decrease_reservation;
}

/*
 * The number of extents done, from the arguments of the next turn or from the result, agrees with
 * what came. An exchange keeps its progress in the guest's memory, where the guest may change it.
 */
static void check_result(unsigned int command, long result)
{
    uint64_t came = frames_that_came();

    if (!is_reservation(command)) {
        MUST(came == 0 || command == XENMEM_exchange);
        return;
    }
    if (result == HYPERCALL_RESTART) {
        result = (long)((uint32_t)current_vcpu()->regs.rdi >> 6);
    }
    MUST(result >= (long)done_before || result == -EPERM);
    if (command == XENMEM_decrease_reservation || result < 0) {
        MUST(came == 0);
    } else {
        MUST((came == 0) == (result == (long)done_before) ||
             command == XENMEM_decrease_reservation);
        MUST(came % (uint64_t)(result > (long)done_before ? result - (long)done_before : 1) == 0);
    }
}

static void check_domains(void)
{
    for (unsigned int i = 0; i < DOMAINS; i++) {
        const struct domain *d = world[i].d;
        if (d) {
            MUST(d->claimed_pages <= frames_free_count());
            MUST(d->total_pages <= d->pages.count + d->lingering_pages.count + d->own_pages.count);
        }
    }
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* Frames that came take the place of some in the pool, so that later calls name them. */
static void learn_frames(void)
{
    for (uint64_t n = 0; n < MACHINE_FRAMES; n++) {
        if (frame_of(mfn(n))->owner == self->d->id && owner_before[n] != self->d->id &&
            frame_entries(frame_of(mfn(n))) != FRAME_SHARED) {
            self->pool[4 + take(POOL - 4)] = mfn(n);
        }
    }
}

static void issue_call(enum call call, unsigned int number)
{
    unsigned int command = (unsigned int)current_vcpu()->regs.rdi & 63;
    long result;

    note();
    choose_faults();
    choose_meddling();
    result = one_turn(call);
    no_faults();
    self->restart[number] = result == HYPERCALL_RESTART;
    self->call[number] = call;
    if (call == CALL_MEMORY_OP) {
        check_result(command, result);
        learn_frames();
    }
    check_domains();
}

static void call_memory_op(unsigned int number, unsigned int command, const void *argument,
                           size_t bytes)
{
    memcpy(guest_page, argument, bytes);
    fuzz_operations++;
    set_arguments(command | (take(16) == 0 ? take(8) << 6 : 0),
                  take(24) == 0 ? take_bytes(8) : address_of(guest_page), 0, 0);
    issue_call(CALL_MEMORY_OP, number);
}
#define CALL_OP(number, command, argument) \
    call_memory_op((number), (command), &(argument), sizeof(argument))

static void change_reservation(unsigned int number)
{
    static const unsigned int commands[] = {XENMEM_increase_reservation, XENMEM_populate_physmap,
                                            XENMEM_decrease_reservation};
    struct xen_memory_reservation r = take_reservation(0);

    CALL_OP(number, commands[take(3)], r);
}

/* As many frames on both sides, but for some. */
static void exchange(unsigned int number)
{
    struct xen_memory_exchange e = {.in = take_reservation(0), .out = take_reservation(1)};

    if (take(16) != 0) {
        e.out.domid = e.in.domid;
        e.in.extent_order %= 3;
        e.out.extent_order %= 3;
        e.in.nr_extents = 1 + take(3);
        e.out.nr_extents = e.in.nr_extents << e.in.extent_order >> e.out.extent_order;
        if (e.in.extent_order < e.out.extent_order) {
            e.out.nr_extents = 1 + take(2);
            e.in.nr_extents = e.out.nr_extents << (e.out.extent_order - e.in.extent_order);
        }
    }
    e.nr_exchanged = take(8) == 0 ? take(4) : 0;
    CALL_OP(number, XENMEM_exchange, e);
}

static void claim(unsigned int number)
{
    struct xen_memory_reservation r = {.nr_extents = take(3) ? take(128) : 0,
                                       .domid = take_domid(),
                                       .extent_order = take(16) == 0};

    CALL_OP(number, XENMEM_claim_pages, r);
}

static void ask_for_map(unsigned int number)
{
    struct xen_foreign_memory_map map = {.domid = take_domid(), .map.nr_entries = take(8)};
    struct xen_machphys_mfn_list list = {.max_extents = take(4)};

    map.map.buffer.p = take_list(0);
    list.extent_start.p = take_list(0);
    switch (take(5)) {
    case 0:
        CALL_OP(number, XENMEM_set_memory_map, map);
        break;
    case 1:
        CALL_OP(number, XENMEM_memory_map, map.map);
        break;
    case 2:
        CALL_OP(number, XENMEM_machine_memory_map, map.map);
        break;
    case 3:
        CALL_OP(number, XENMEM_machphys_mapping, list);
        break;
    default:
        CALL_OP(number, XENMEM_machphys_mfn_list, list);
        break;
    }
}

static void acquire(unsigned int number)
{
    struct xen_mem_acquire_resource r = {.domid = take_domid(),
                                         .type = (uint16_t)(take(8) ? 1 : take(4)),
                                         .id = take(3),
                                         .nr_frames = take(4),
                                         .frame = take(8) ? take(4) : take_bytes(8)};

    r.frame_list.p = take_list(0);
    CALL_OP(number, XENMEM_acquire_resource, r);
}

/* Any command, on any bytes. */
static void ask_anything(unsigned int number)
{
    uint64_t words[8];

    words[0] = take_domid();
    for (unsigned int i = 1; i < ARRAY_SIZE(words); i++) {
        words[i] = take(4) == 0 ? take_bytes(8) : take(8);
    }
    CALL_OP(number, take(64), words);
}

/* ---- what frames are used for meanwhile --------------------------------------------------------
 */

static void use_frames(unsigned int number)
{
    struct mmuext_op op = {.cmd = take(2) ? MMUEXT_UNPIN_TABLE : take(4)};
    struct mmu_update update = {maddr_of_entry(self->pool[take(4)], take_slot()),
                                take(4) == 0 ? 0 : take_entry()};

    fuzz_operations++;
    if (take(2)) {
        op.arg1.mfn = take_frame().n;
        memcpy(guest_page, &op, sizeof(op));
        set_arguments(address_of(guest_page), 1, 0, DOMID_SELF);
        issue_call(CALL_MMUEXT, number);
    } else {
        memcpy(guest_page, &update, sizeof(update));
        set_arguments(address_of(guest_page), 1, 0, take_foreigndom());
        issue_call(CALL_MMU_UPDATE, number);
    }
}

/* What was in a frame before it goes must not come back with it. */
static void scribble(void)
{
    struct frame *f = frame_of(self->pool[take(POOL)]);

    if (frame_get_writable(f, self->d->id)) {
        memset(frame_to_virt(mfn_of(f)), 0x5a, 64);
        frame_put_writable(f);
    }
}

static void change_limits(void)
{
    self->d->max_pages = take(4) == 0 ? self->d->total_pages : MACHINE_FRAMES / 4 + take(16);
    self->d->hardware = take(4) == 0;
}

/* ---- one input ------------------------------------------------------------------------------- */

static void domain_begins(struct world_domain *w)
{
}

static void new_call(unsigned int number)
{
    switch (take(10)) {
    case 0:
    case 1:
    case 2:
        change_reservation(number);
        break;
    case 3:
    case 4:
        exchange(number);
        break;
    case 5:
        claim(number);
        break;
    case 6:
        ask_for_map(number);
        break;
    case 7:
        acquire(number);
        break;
    case 8:
        ask_anything(number);
        break;
    default:
        use_frames(number);
        break;
    }
}

/* False where nobody but the processor did anything: then there is nothing to audit. */
static bool step(void)
{
    if (call_goes_on(3, issue_call)) {
        return true;
    }
    switch (take(16)) {
    case 0:
        walk(take_va());
        return false;
    case 1:
        use_kept();
        return false;
    case 2:
        scribble();
        break;
    case 3:
        change_limits();
        break;
    case 4:
        other_domain_goes_on();
        break;
    default:
        new_call(current_vcpu()->id);
        break;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct e820entry machine[] = {{0, 0x9f000, 1}, {0x100000, 0x40000, 1}};
    static bool registered;

    if (!registered) {
        grant_init();
        registered = true;
    }
    begin_world(data, size);
    memory_map_set_machine(machine, ARRAY_SIZE(machine));
    memset(kept, 0, sizeof(kept));
    for (unsigned int i = 0; i < DOMAINS; i++) {
        self = &world[i];
        start_domain(self);
    }
    while (input.size > 0) {
        if (step()) {
            MUST(audit_frames(NULL) == 0);
        }
    }
    leave_world();
    return 0;
}
