// SPDX-License-Identifier: Apache-2.0
// What each operation costs a guest, in ticks of the time-stamp counter, the guest's own loop and
// handler included. Under QEMU's `-icount shift=0,sleep=off` a tick is an instruction, the
// hypervisor's too, and the figures are the same on every machine and every run.
//
// Prints a row by measure.h for each, and TAP of one test around.

#include "event.h"
#include "measure.h"
#include "trap.h"
#include "user.h"
#include "vcpus.h"

IMAGE_BOOT("vcpus=2");

// ---- handlers as short as is legal --------------------------------------------------------------
// Each takes RCX and R11 off, steps over what trapped, and leaves by the iret hypercall.
__asm__(".pushsection .text\n"
        "short_ud: pop %rcx\npop %r11\naddq $2, (%rsp)\npush $0\njmp hypercall_page + 23 * 32\n"
        "short_pf: pop %rcx\npop %r11\nadd $8, %rsp\naddq $2, (%rsp)\npush $0\n"
        "    jmp hypercall_page + 23 * 32\n"
        "short_syscall: pop %rcx\npop %r11\npush $0x100\njmp hypercall_page + 23 * 32\n"
        "short_event: mov short_event_vcpu, %rcx\nmovb $0, (%rcx)\nmovq $0, 8(%rcx)\n"
        "    mov short_event_pending, %rcx\nmovq $0, (%rcx)\npop %rcx\npop %r11\npush $0\n"
        "    jmp hypercall_page + 23 * 32\n"
        ".popsection");
extern const char short_ud[], short_pf[], short_syscall[], short_event[];
struct vcpu_info *short_event_vcpu;
uint64_t *short_event_pending;

_Static_assert(ITERATIONS == 64, "user_syscalls counts its own loop");
USER_CODE(
    user_syscalls,
    MARK_TEXT(
        MARK_ROUND_START) "rdtsc\nshl $32, %rdx\nor %rdx, %rax\nmov %rax, %r12\nmov $64, %ebx\n"
                          "1: syscall\ndec %ebx\njnz 1b\n"
                          "rdtsc\nshl $32, %rdx\nor %rdx, %rax\nsub %r12, %rax\n" MARK_TEXT(
                              MARK_ROUND_END) "int $0x80");

static void measure_calls(void)
{
    static struct multicall_entry calls[32];

    for (unsigned i = 0; i < 32; i++) {
        calls[i] = (struct multicall_entry){.op = __HYPERVISOR_xen_version};
    }
    MEASURE("hypercall", (void)xen_version(XENVER_version, NULL));
    MEASURE("multicall-32", (void)multicall(calls, 32));
    MEASURE("set-timer", (void)set_timer_op(0));
    MEASURE("stack-switch", (void)stack_switch(KERNEL_SS, boot_registers.rsp));
    MEASURE("set-segment-base", (void)set_segment_base(SEGBASE_FS, 0));
    MEASURE("fpu-taskswitch", (void)fpu_taskswitch(0));
    MEASURE("yield", (void)sched_op(SCHEDOP_yield, NULL));
}

static void measure_page_table_calls(void)
{
    char *page = page_alloc();
    uint64_t rw = pte_of(page, PTE_KERNEL_RW), ro = pte_of(page, PTE_KERNEL_RO);
    uint64_t maddr = pte_maddr(pte_lookup(page, 1));
    static struct mmu_update one, batch[128];

    MEASURE("update-va-mapping", (void)update_va_mapping(page, i & 1 ? rw : ro, UVMF_NONE));
    MEASURE("update-va-mapping-invlpg",
            (void)update_va_mapping(page, i & 1 ? rw : ro, UVMF_INVLPG | UVMF_LOCAL));
    one.ptr = maddr;
    MEASURE("mmu-update-1", one.val = i & 1 ? rw : ro, (void)mmu_update(&one, 1, NULL, DOMID_SELF));
    for (unsigned i = 0; i < 128; i++) {
        batch[i] = (struct mmu_update){.ptr = maddr, .val = i & 1 ? rw : ro};
    }
    MEASURE_ROUNDS("mmu-update-128-each", 128, (void)mmu_update(batch, 128, NULL, DOMID_SELF));
}

static void measure_page_table_writes(void)
{
    char *page = page_alloc();
    uint64_t rw = pte_of(page, PTE_KERNEL_RW), ro = pte_of(page, PTE_KERNEL_RO);
    volatile uint64_t *pte = (volatile uint64_t *)pte_lookup(page, 1);

    (void)vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
    MEASURE("pte-write-mov", *pte = i & 1 ? rw : ro);
    MEASURE("pte-write-xchg", uint64_t value = i & 1 ? rw : ro;
            __asm__ volatile("xchg %0, %1"
                             : "+r"(value), "+m"(*pte)));
    *pte = rw;
    MEASURE("pte-write-cmpxchg", uint64_t old = i & 1 ? ro : rw, new = i & 1 ? rw : ro;
            __asm__ volatile("lock cmpxchg %2, %1"
                             : "+a"(old), "+m"(*pte)
                             : "r"(new)));
}

static void measure_pin(void)
{
    uint64_t *table = page_alloc();
    void *page = page_alloc();

    for (unsigned i = 0; i < TABLE_ENTRIES; i++) {
        table[i] = pte_of(page, PTE_KERNEL_RO);
    }
    require(page_make_readonly(table) == 0, "a table for pinning");
    uint64_t mfn = virt_to_mfn(table);
    MEASURE("pin-unpin-l1", (void)mmuext_frame(MMUEXT_PIN_L1_TABLE, mfn),
            (void)mmuext_frame(MMUEXT_UNPIN_TABLE, mfn));
}

static void measure_mmuext(void)
{
    uint64_t base = virt_to_mfn(live_l4());
    void *page = page_alloc();

    MEASURE("tlb-flush-local", (void)mmuext_address(MMUEXT_TLB_FLUSH_LOCAL, NULL));
    MEASURE("invlpg-local", (void)mmuext_address(MMUEXT_INVLPG_LOCAL, page));
    MEASURE("set-ldt-none", (void)mmuext_address(MMUEXT_SET_LDT, NULL));
    MEASURE("new-baseptr-same", (void)mmuext_frame(MMUEXT_NEW_BASEPTR, base));
}

static void measure_traps(void)
{
    require(trap_set_gate(VECTOR_UD, 0, POINTER(short_ud)) == 0, "a gate");
    MEASURE("undefined-instruction", __asm__ volatile("ud2" : : : "memory"));
    require(trap_set_gate(VECTOR_PF, 0, POINTER(short_pf)) == 0, "a gate");
    MEASURE("page-fault", __asm__ volatile("mov (%0), %%al" : : "c"(SPARE_VA) : "rax", "memory"));
    trap_table_reset();
    MEASURE("read-cr0", uint64_t cr0; __asm__ volatile("mov %%cr0, %0" : "=r"(cr0)));
    MEASURE("cpuid", uint32_t eax = 0x40000001; __asm__ volatile(XEN_CPUID
                                                                 : "+a"(eax)
                                                                 :
                                                                 : "rbx", "rcx", "rdx"));
}

static void measure_system_call(void)
{
    uint64_t best = UINT64_MAX;
    struct fault exit;

    user_init();
    require(trap_set_gate(0x80, 3, trap_stub(0x80)) == 0, "a gate");
    require(set_callbacks(POINTER(event_entry), POINTER(failsafe_entry), POINTER(short_syscall)) ==
                0,
            "callbacks");
    for (unsigned round = 0; round < ROUNDS; round++) {
        user_call(user_syscalls, &exit);
        best = exit.frame.rax < best ? exit.frame.rax : best;
    }
    report("system-call", best, ITERATIONS);
    trap_init();
}

static void measure_events(void)
{
    int port = event_bind_ipi(0);
    struct evtchn_send send = {.port = (evtchn_port_t)port};

    require(port > 0, "a port");
    event_clear_mask((evtchn_port_t)port);
    upcalls_disable();
    (void)event_send((evtchn_port_t)port);
    MEASURE("event-send-pending", (void)event_channel_op(EVTCHNOP_send, &send));
    struct vcpu_info *vcpu = this_vcpu();
    MEASURE("event-send-masked", vcpu->evtchn_upcall_pending = 0, vcpu->evtchn_pending_sel = 0,
            shared_info->evtchn_pending[0] = 0, (void)event_channel_op(EVTCHNOP_send, &send));
    vcpu->evtchn_upcall_pending = 0;
    vcpu->evtchn_pending_sel = 0;
    shared_info->evtchn_pending[0] = 0;
    short_event_vcpu = vcpu;
    short_event_pending = &shared_info->evtchn_pending[0];
    (void)set_callbacks(POINTER(short_event), POINTER(failsafe_entry), POINTER(syscall_entry));
    upcalls_allow();
    MEASURE("event-send-upcall", __asm__ volatile(""
                                                  :
                                                  :
                                                  : "rdx");
            (void)event_channel_op(EVTCHNOP_send, &send));
    upcalls_disable();
    trap_init();
}

// ---- two vCPUs on the one CPU -------------------------------------------------------------------
// Each vCPU's port for the other's events, and its upcall: takes the event off, and no more.
struct partner {
    struct vcpu_info *vcpu;
    uint64_t port;
};
struct partner partners[2];
uint64_t *partner_pending;
#define PARTNER_UPCALL(name, partner)                                           \
    __asm__(".pushsection .text\n" name ": mov partners + " partner ", %rcx\n"  \
            "movb $0, (%rcx)\nmovq $0, 8(%rcx)\n"                               \
            "mov partner_pending, %rcx\nmov partners + " partner " + 8, %r11\n" \
            "lock btr %r11, (%rcx)\npop %rcx\npop %r11\npush $0\n"              \
            "jmp hypercall_page + 23 * 32\n.popsection")
PARTNER_UPCALL("first_upcall", "0");
PARTNER_UPCALL("second_upcall", "16");
extern const char first_upcall[], second_upcall[];

// Masked before the wake-up, so that one that comes back at once is not lost: SCHEDOP_block
// unmasks, and does not sleep with an upcall pending.
static void wake(struct partner *self, const struct partner *other)
{
    struct evtchn_send send = {.port = (evtchn_port_t)other->port};

    self->vcpu->evtchn_upcall_mask = 1;
    (void)event_channel_op(EVTCHNOP_send, &send);
}

static void sleep_until_woken(void)
{
    (void)sched_op(SCHEDOP_block, NULL);
}

// The second vCPU yields while it is told to, and from then on answers each wake-up.
static volatile bool second_yields = true;

static void second_main(void *argument)
{
    (void)set_callbacks(POINTER(second_upcall), POINTER(failsafe_entry), POINTER(syscall_entry));
    while (second_yields) {
        (void)sched_op(SCHEDOP_yield, NULL);
    }
    for (;;) {
        sleep_until_woken();
        wake(&partners[1], &partners[0]);
    }
}

static void partners_setup(void)
{
    partner_pending = &shared_info->evtchn_pending[0];
    for (unsigned i = 0; i < 2; i++) {
        int port = event_bind_ipi(i);
        require(port > 0 && port < 64, "a port");
        partners[i] = (struct partner){.vcpu = &shared_info->vcpu_info[i], .port = (uint64_t)port};
        event_clear_mask((evtchn_port_t)port);
    }
    (void)set_callbacks(POINTER(first_upcall), POINTER(failsafe_entry), POINTER(syscall_entry));
}

// The last row, as the second vCPU stays.
static void measure_vcpus(void)
{
    partners_setup();
    require(vcpu_start(1, second_main, NULL) == 0, "a second vCPU");
    MEASURE("vcpu-yield-and-back", (void)sched_op(SCHEDOP_yield, NULL));
    second_yields = false;
    (void)sched_op(SCHEDOP_yield, NULL);
    MEASURE("vcpu-wake-and-back", wake(&partners[0], &partners[1]), sleep_until_woken());
    upcalls_disable();
    trap_init();
}

#define GRANT_REF 9

// Domain 0 grants a page to itself.
static struct grant_entry_v1 *grant_setup(uint64_t mfn)
{
    xen_pfn_t frame = 0;
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 1};
    struct grant_entry_v1 *table = map_spare(SPARE_VA);

    set_xen_guest_handle(setup.frame_list, &frame);
    require(grant_table_op(GNTTABOP_setup_table, &setup, 1) == 0 && setup.status == GNTST_okay,
            "a grant table");
    require(update_va_mapping(table, frame << PAGE_SHIFT | PTE_KERNEL_RW, UVMF_INVLPG) == 0,
            "the grant table's mapping");
    table[GRANT_REF].domid = 0;
    table[GRANT_REF].frame = (uint32_t)mfn;
    table[GRANT_REF].flags = GTF_permit_access;
    return table;
}

static void measure_grants(void)
{
    char *granted = page_alloc(), *to = page_alloc();
    void *window = map_spare(SPARE_VA + PAGE_SIZE);
    static struct gnttab_map_grant_ref map;
    static struct gnttab_unmap_grant_ref unmap;
    static struct gnttab_copy copy;

    (void)grant_setup(virt_to_mfn(granted));
    map.host_addr = unmap.host_addr = POINTER(window);
    map.flags = GNTMAP_host_map;
    map.ref = GRANT_REF;
    MEASURE("grant-map-unmap", (void)grant_table_op(GNTTABOP_map_grant_ref, &map, 1),
            unmap.handle = map.handle, (void)grant_table_op(GNTTABOP_unmap_grant_ref, &unmap, 1));
    if (map.status != GNTST_okay || unmap.status != GNTST_okay) {
        print("# grant map: status %d, unmap %d\n", map.status, unmap.status);
    }
    copy.source.u.ref = GRANT_REF;
    copy.dest.domid = DOMID_SELF;
    copy.dest.u.gmfn = virt_to_mfn(to);
    copy.len = 64;
    copy.flags = GNTCOPY_source_gref;
    MEASURE("grant-copy-64", (void)grant_table_op(GNTTABOP_copy, &copy, 1));
    if (copy.status != GNTST_okay) {
        print("# grant copy: status %d\n", copy.status);
    }
}

void guest_main(void)
{
    print("1..1\n");
    (void)vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    measure_calls();
    measure_page_table_calls();
    measure_page_table_writes();
    measure_pin();
    measure_mmuext();
    measure_traps();
    measure_system_call();
    measure_events();
    measure_grants();
    measure_vcpus();
    print("ok 1 - every operation was measured\n");
}
