// SPDX-License-Identifier: Apache-2.0
// Descriptor tables of two domains with two vCPUs each on two CPUs: pages become tables of
// descriptors and cease to be while others want them writable, as page tables, or give them back;
// guests store through whatever translation a processor keeps. And what else names selectors and
// addresses to enter a guest by. After each step the audit counts everything, and no descriptor
// that a processor could load has privilege in it.
//
// Input: bytes that everything takes its numbers from; it ends when they do.
#define TAKE_STORED take_descriptor
#include <stdint.h>

static uint64_t take_descriptor(void);

#include "mmu_world.h"
#include "kept.h"
#include "pv/hypercalls.h"
#include "pv/segment.h"
#include "pv/selectors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PRESENT (1ULL << 47)
#define SEGMENT (1ULL << 44)
#define RING3   (3ULL << 45)

/* ---- numbers --------------------------------------------------------------------------------- */

static uint64_t take_descriptor(void)
{
    static const uint64_t known[] = {0x00af9b000000ffff, 0x00affb000000ffff, 0x00cff3000000ffff,
                                     0x00cf93000000ffff, 0x00af9f000000ffff, 0x0000ec0000080000,
                                     0x00008b0000000067, 0x0000e20000000000};
    uint32_t which = take(16);

    return which < ARRAY_SIZE(known) ? known[which] : which == 15 ? take_bytes(8) : 0;
}

static uint64_t take_address(void)
{
    switch (take(4)) {
    case 0:
        return 0x0000900000000000UL + take(64);
    case 1:
        return HYPERVISOR_VIRT_START + take(64) * PAGE_SIZE;
    case 2:
        return take_bytes(8);
    default:
        return take_va();
    }
}

static uint16_t take_selector(void)
{
    return take(4) ? (uint16_t)(take(32) << 3 | take(8)) : (uint16_t)take_bytes(2);
}

static gva_t take_argument(void)
{
    return gva(take(12) == 0 ? take_address() : address_of(guest_page));
}

/* A few frames at first, so that calls meet on them. */
static mfn_t take_page(void)
{
    return take(4) ? self->pool[4 + take(4)] : take_frame();
}

static unsigned int take_table_slot(void)
{
    return take(8) ? take(4) : take(512);
}

/* ---- descriptor tables -------------------------------------------------------------------------
 */

static void update_descriptor(void)
{
    uint64_t address = mfn_to_maddr(take_page()).a + take_table_slot() * 8;

    (void)hypercall_update_descriptor(take(16) ? address : address + take(8), take_descriptor());
}

static void set_gdt(void)
{
    uint64_t *list = (uint64_t *)guest_page;
    uint32_t entries = take(4) * 512 + take(4);

    for (unsigned int i = 0; i < GDT_GUEST_PAGES + 1; i++) {
        list[i] = i < 4 ? take_page().n : MACHINE_FRAMES;
    }
    (void)hypercall_set_gdt(take_argument(), take(16) ? entries : take_bytes(4));
}

static void set_ldt(void)
{
    struct mmuext_op op = {.cmd = MMUEXT_SET_LDT,
                           .arg1.linear_addr = take(8) ? take(12) * PAGE_SIZE : take_address(),
                           .arg2.nr_ents = take(4) ? take(4) * 512 + take(8) : take_bytes(2)};

    memcpy(guest_page, &op, sizeof(op));
    (void)hypercall_mmuext_op(gva(address_of(guest_page)), 1, gva(0), DOMID_SELF);
}

/* An access to a page of the LDT that the processor has not seen yet. */
static void touch_ldt(void)
{
    (void)ldt_show_page(current_vcpu(), take(4) * PAGE_SIZE + take(16) * 8);
}

/* What an instruction would be looked at with. */
static void look_up_segments(void)
{
    const struct vcpu *v = current_vcpu();
    struct insn_window window;
    enum insn_mode mode;

    for (unsigned int i = 0; i < ARRAY_SIZE(host_processor.selector); i++) {
        host_processor.selector[i] = take_selector();
    }
    current_vcpu()->regs.cs = take_selector();
    if (segment_code(v, &mode, &window)) {
        MUST(mode == INSN_MODE_64 || window.base <= UINT32_MAX);
        (void)segment_data(v, mode, (enum insn_segment)take(6),
                           take(2) ? SEGMENT_READ : SEGMENT_WRITE, &window);
    }
}

/* ---- where guests are entered ------------------------------------------------------------------
 */

static void set_traps(void)
{
    struct trap_info *gates = (struct trap_info *)guest_page;
    uint32_t count = take(4);

    memset(gates, 0, PAGE_SIZE);
    for (uint32_t i = 0; i < count; i++) {
        gates[i] = (struct trap_info){.vector = (uint8_t)take_bytes(1),
                                      .flags = (uint8_t)take_bytes(1),
                                      .cs = take_selector(),
                                      .address = take_address()};
    }
    host_guest_fault_from(take(8) ? UINT64_MAX : take(3) * sizeof(*gates));
    (void)hypercall_set_trap_table(take(8) ? take_argument() : gva(0));
    host_guest_fault_from(UINT64_MAX);
}

static void change_callback(void)
{
    struct callback_register callback = {
        .type = (uint16_t)take(9), .flags = (uint16_t)take(4), .address = take_address()};

    memcpy(guest_page, &callback, sizeof(callback));
    (void)hypercall_callback_op(take(3), take_argument());
}

static void set_entry_points(void)
{
    switch (take(5)) {
    case 0:
        set_traps();
        break;
    case 1:
        change_callback();
        break;
    case 2:
        (void)hypercall_set_callbacks(take_address(), take_address(), take_address());
        break;
    case 3:
        (void)hypercall_stack_switch(take_selector(), take_address());
        break;
    default:
        (void)hypercall_set_segment_base(take(5), take(2) ? take_address() : take_selector());
        break;
    }
}

/* ---- who else wants the pages ------------------------------------------------------------------
 */

static void issue_call(enum call call, unsigned int number)
{
    self->restart[number] = one_turn(call) == HYPERCALL_RESTART;
    self->call[number] = call;
}

static void map_page(unsigned int number)
{
    static const uint64_t flags[] = {KERNEL_RW, USER_RW, KERNEL_RO, KERNEL_RO, 0};

    set_arguments(take(12) * PAGE_SIZE, entry_for(take_page(), flags[take(ARRAY_SIZE(flags))]),
                  take(2) ? UVMF_NONE : UVMF_TLB_FLUSH | UVMF_ALL, 0);
    issue_call(CALL_VA_MAPPING, number);
}

static void pin_or_unpin(unsigned int number)
{
    struct mmuext_op op = {.cmd = take(2) ? MMUEXT_UNPIN_TABLE : take(4),
                           .arg1.mfn = take_page().n};

    memcpy(guest_page, &op, sizeof(op));
    set_arguments(address_of(guest_page), 1, 0, DOMID_SELF);
    issue_call(CALL_MMUEXT, number);
}

/* Given back, and another in its place. */
static void replace_page(unsigned int number)
{
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};
    unsigned int which = 4 + take(POOL - 4);
    xen_pfn_t *list = (xen_pfn_t *)(guest_page + PAGE_SIZE);

    list[0] = self->pool[which].n;
    r.extent_start.p = list;
    memcpy(guest_page, &r, sizeof(r));
    set_arguments(XENMEM_decrease_reservation, address_of(guest_page), 0, 0);
    issue_call(CALL_MEMORY_OP, number);
    set_arguments(XENMEM_increase_reservation, address_of(guest_page), 0, 0);
    if (one_turn(CALL_MEMORY_OP) == 1) {
        self->pool[which] = mfn(list[0]);
    }
}

/* ---- what must hold ----------------------------------------------------------------------------
 */

static bool is_harmless(uint64_t d)
{
    return (d & PRESENT) == 0 || ((d & SEGMENT) != 0 && (d & RING3) == RING3);
}

static void check_page(mfn_t m, const struct domain *d)
{
    uint64_t state = frame_state(frame_of(m));

    MUST(state_type(state) == FRAME_DESCRIPTORS && state_type_count(state) != 0);
    MUST(frame_of(m)->owner == d->id);
    for (unsigned int i = 0; i < TABLE_ENTRIES; i++) {
        MUST(is_harmless(table_at(m)[i]));
    }
}

static void check_tables(const struct vcpu *v)
{
    unsigned int pages = (unsigned int)(v->gdt_entries + 511) / 512;

    for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++) {
        MUST((v->gdt_frames[i].n != MFN_INVALID) == (i < pages));
        if (i < pages) {
            check_page(v->gdt_frames[i], v->domain);
        }
    }
    for (unsigned int i = 0; i < LDT_MAX_PAGES; i++) {
        if (v->ldt_mapped >> i & 1) {
            MUST(i * 512 < v->ldt_entries);
            check_page(v->ldt_frames[i], v->domain);
        }
    }
}

static bool is_for_guests(uint16_t selector)
{
    return (selector & ~3) == 0 || (selector & 3) == 3;
}

static void check_entry_points(const struct vcpu *v)
{
    for (unsigned int i = 0; i < 256; i++) {
        MUST(is_canonical(v->traps[i].address) && is_for_guests(v->traps[i].cs));
    }
    MUST(is_for_guests(v->kernel_ss));
    MUST(is_canonical(v->event.address) && is_canonical(v->failsafe.address) &&
         is_canonical(v->syscall64.address) && is_canonical(v->syscall32.address) &&
         is_canonical(v->sysenter.address) && is_canonical(v->nmi.address));
    for (unsigned int i = 0; i < ARRAY_SIZE(host_processor.base); i++) {
        MUST(is_canonical(host_processor.base[i]));
    }
}

static void check(void)
{
    MUST(audit_frames(NULL) == 0);
    for (unsigned int i = 0; i < DOMAINS; i++) {
        for (unsigned int number = 0; world[i].d && number < VCPUS; number++) {
            check_tables(world[i].d->vcpus[number]);
            check_entry_points(world[i].d->vcpus[number]);
        }
    }
}

/* ---- one input ------------------------------------------------------------------------------- */

static void domain_begins(struct world_domain *w)
{
}

/* False where nobody but the processor did anything. */
static bool step(void)
{
    unsigned int number;

    if (call_goes_on(4, issue_call)) {
        return true;
    }
    number = current_vcpu()->id;
    fuzz_operations++;
    switch (take(16)) {
    case 0:
    case 1:
        update_descriptor();
        break;
    case 2:
    case 3:
        set_gdt();
        break;
    case 4:
        set_ldt();
        break;
    case 5:
    case 6:
        touch_ldt();
        break;
    case 7:
        look_up_segments();
        break;
    case 8:
        set_entry_points();
        break;
    case 9:
    case 10:
        map_page(number);
        break;
    case 11:
        pin_or_unpin(number);
        break;
    case 12:
        take(2) ? replace_page(number) : other_domain_goes_on();
        break;
    case 13:
        walk(take(12) * PAGE_SIZE);
        return false;
    default:
        use_kept();
        return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin_world(data, size);
    memset(kept, 0, sizeof(kept));
    for (unsigned int i = 0; i < DOMAINS; i++) {
        self = &world[i];
        start_domain(self);
    }
    while (input.size > 0) {
        if (step()) {
            check();
        }
    }
    leave_world();
    return 0;
}
