// SPDX-License-Identifier: Apache-2.0
// domctl: a vCPU's state, given and taken: contexts, entry points, extended registers, MSRs; and
// its domain's start by them.
#include "domctl_fixture.h"

#include "domain/pause.h"
#include "pv/flags.h"
#include "pv/selectors.h"

static domid_t id;
static struct domain *d;
static mfn_t l4, l3, l2, l1, data;

static struct vcpu_guest_context *context(void)
{
    return page_of_guest(1);
}

static pte_t *table(mfn_t m)
{
    return frame_to_virt(m);
}

static void link_to(mfn_t from, unsigned int slot, mfn_t to, uint64_t flags)
{
    table(from)[slot] = mfn_to_maddr(to).a | flags;
}

/* A domain with a space of its own that maps one page, as a builder leaves it: nothing is typed. */
static void build(void)
{
    id = create_domain(2);
    d = record_of(id);
    l4 = add_frame(d);
    l3 = add_frame(d);
    l2 = add_frame(d);
    l1 = add_frame(d);
    data = add_frame(d);
    link_to(l4, 0, l3, PTE_P | PTE_RW | PTE_US);
    link_to(l3, 0, l2, PTE_P | PTE_RW | PTE_US);
    link_to(l2, 0, l1, PTE_P | PTE_RW | PTE_US);
    for (unsigned int slot = 1; slot < 8; slot++) {
        link_to(l2, slot, add_frame(d), PTE_P | PTE_RW | PTE_US);
    }
    link_to(l1, 5, data, PTE_P | PTE_RW);
    memset(context(), 0, sizeof(*context()));
    context()->flags = VGCF_in_kernel | VGCF_online;
    context()->user_regs.rip = 0x5000;
    context()->user_regs.rsp = 0x6000;
    context()->user_regs.cs = FLAT_KERNEL_CS;
    context()->user_regs.ss = FLAT_KERNEL_SS;
    context()->ctrlreg[3] = xen_pfn_to_cr3(l4.n);
    clear_op();
}

static long context_call(uint32_t command, uint32_t vcpu)
{
    op.u.vcpucontext.vcpu = vcpu;
    op.u.vcpucontext.ctxt.p = context();
    return call(command, id);
}

/* ---- contexts ----------------------------------------------------------------------------------
 */

static void a_context_makes_a_vcpu_run(void **state)
{
    build();
    assert_int_equal(context_call(XEN_DOMCTL_getvcpucontext, 0), -ENODATA);
    assert_int_equal(context_call(XEN_DOMCTL_setvcpucontext, 0), 0);
    assert_true(d->vcpus[0]->initialised);
    assert_int_equal(d->vcpus[0]->pause, VCPU_DOMAIN_PAUSED);
    assert_int_equal(d->vcpus[0]->kernel_cr3, mfn_to_maddr(l4).a);
    assert_int_equal(frame_state(frame_of(l1)) & FRAME_VALIDATED, FRAME_VALIDATED);
    assert_int_equal(audit_frames(NULL), 0);
    assert_int_equal(call(XEN_DOMCTL_unpausedomain, id), 0);
    assert_int_equal(d->vcpus[0]->pause, 0);
    assert_int_equal(call(XEN_DOMCTL_pausedomain, id), 0);
    memset(context(), 0xff, sizeof(*context()));
    assert_int_equal(context_call(XEN_DOMCTL_getvcpucontext, 0), 0);
    assert_int_equal(context()->user_regs.rip, 0x5000);
    assert_int_equal(context()->ctrlreg[3], xen_pfn_to_cr3(l4.n));
    assert_int_equal(context()->flags & (VGCF_in_kernel | VGCF_online),
                     VGCF_in_kernel | VGCF_online);
}

static void contexts_that_can_not_be(void **state)
{
    build();
    assert_int_equal(context_call(XEN_DOMCTL_setvcpucontext, 2), -EINVAL);
    assert_int_equal(context_call(XEN_DOMCTL_getvcpucontext, 2), -EINVAL);
    host_guest_fault_from(PAGE_SIZE + 512);
    assert_int_equal(context_call(XEN_DOMCTL_setvcpucontext, 0), -EFAULT);
    host_guest_fault_from(UINT64_MAX);
    context()->ctrlreg[3] = 0;
    assert_int_equal(context_call(XEN_DOMCTL_setvcpucontext, 0), -EINVAL);
    context()->ctrlreg[3] = xen_pfn_to_cr3(dom0->shared_mfn);
    assert_int_equal(context_call(XEN_DOMCTL_setvcpucontext, 0), -EINVAL);
    assert_false(d->vcpus[0]->initialised);
    assert_int_equal(d->vcpus[0]->pause, VCPU_DOWN | VCPU_DOMAIN_PAUSED);
    id = 0;
    assert_int_equal(context_call(XEN_DOMCTL_setvcpucontext, 1), -EINVAL);
    assert_int_equal(context_call(XEN_DOMCTL_getvcpucontext, 0), -EINVAL);
    assert_int_equal(context_call(XEN_DOMCTL_getvcpucontext, 1), 0);
}

static void what_is_initialised_goes_offline_and_comes_back(void **state)
{
    build();
    assert_int_equal(context_call(XEN_DOMCTL_setvcpucontext, 0), 0);
    context()->flags = VGCF_in_kernel;
    context()->user_regs.rip = 0x5005;
    assert_int_equal(context_call(XEN_DOMCTL_setvcpucontext, 0), 0);
    assert_int_equal(d->vcpus[0]->regs.rip, 0x5005);
    assert_int_equal(d->vcpus[0]->pause, VCPU_DOWN | VCPU_DOMAIN_PAUSED);
    context()->ctrlreg[3] = xen_pfn_to_cr3(l3.n);
    assert_int_equal(context_call(XEN_DOMCTL_setvcpucontext, 0), -EOPNOTSUPP);
    op.u.vcpucontext.ctxt.p = NULL;
    assert_int_equal(call(XEN_DOMCTL_setvcpucontext, id), 0);
    assert_int_equal(d->vcpus[0]->kernel_cr3, 0);
    assert_int_equal(context_call(XEN_DOMCTL_getvcpucontext, 0), -ENODATA);
    assert_int_equal(state_type_count(frame_state(frame_of(l4))), 0);
}

static void a_context_may_take_several_turns(void **state)
{
    unsigned int turns = 0;

    build();
    this_cpu()->pending = 1U << WORK_TIMER;
    op.u.vcpucontext.ctxt.p = context();
    while (call_once(XEN_DOMCTL_setvcpucontext, id) == HYPERCALL_RESTART) {
        assert_true(++turns < 1000);
    }
    this_cpu()->pending = 0;
    assert_true(turns > 0);
    assert_true(d->vcpus[0]->initialised);
    assert_int_equal(audit_frames(NULL), 0);
}

/* Whoever started to validate the tables may never come back. */
static void a_domain_dies_between_two_turns_of_its_context(void **state)
{
    build();
    this_cpu()->pending = 1U << WORK_TIMER;
    op.u.vcpucontext.ctxt.p = context();
    assert_int_equal(call_once(XEN_DOMCTL_setvcpucontext, id), HYPERCALL_RESTART);
    this_cpu()->pending = 0;
    assert_int_equal(destroy_domain(id), 0);
    assert_false(exists(id));
}

/* ---- entry points ------------------------------------------------------------------------------
 */

static void other_entry_points_are_kept(void **state)
{
    struct xen_domctl_ext_vcpucontext *e = &op.u.ext_vcpucontext;

    build();
    assert_int_equal(call(XEN_DOMCTL_get_ext_vcpucontext, id), 0);
    assert_int_equal(e->size, sizeof(*e));
    e->syscall32_callback_eip = 0x1000;
    e->syscall32_callback_cs = FLAT_KERNEL_CS32 & ~3;
    e->syscall32_disables_events = 7;
    assert_int_equal(call(XEN_DOMCTL_set_ext_vcpucontext, id), 0);
    assert_int_equal(d->vcpus[0]->syscall32.address, 0x1000);
    assert_int_equal(d->vcpus[0]->syscall32.cs, FLAT_KERNEL_CS32 | 3);
    assert_int_equal(d->vcpus[0]->syscall32.mask_events, 1);
    e->sysenter_callback_eip = 1UL << 62;
    assert_int_equal(call(XEN_DOMCTL_set_ext_vcpucontext, id), -EINVAL);
    e->sysenter_callback_eip = 0;
    e->size = 8;
    assert_int_equal(call(XEN_DOMCTL_set_ext_vcpucontext, id), -EINVAL);
    e->vcpu = 2;
    assert_int_equal(call(XEN_DOMCTL_set_ext_vcpucontext, id), -ESRCH);
    assert_int_equal(call(XEN_DOMCTL_get_ext_vcpucontext, id), -ESRCH);
    e->vcpu = 0;
    assert_int_equal(call(XEN_DOMCTL_get_ext_vcpucontext, 0), -ESRCH);
}

/* ---- extended registers ------------------------------------------------------------------------
 */

static void extended_registers_go_out_and_come_back(void **state)
{
    struct xen_domctl_vcpuextstate *e = &op.u.vcpuextstate;
    uint64_t *image = page_of_guest(1), bytes;

    build();
    assert_int_equal(call(XEN_DOMCTL_getvcpuextstate, id), 0);
    assert_int_equal(e->xfeature_mask, 7);
    bytes = e->size;
    e->buffer.p = image;
    e->size = bytes - 1;
    assert_int_equal(call(XEN_DOMCTL_getvcpuextstate, id), -EINVAL);
    e->size = bytes;
    memset(d->vcpus[0]->fpu, 0, vcpu_fpu_bytes);
    ((uint64_t *)d->vcpus[0]->fpu)[64] = 3;
    ((uint64_t *)d->vcpus[0]->fpu)[80] = 0x1234;
    assert_int_equal(call(XEN_DOMCTL_getvcpuextstate, id), 0);
    assert_int_equal(image[0], 3);
    assert_int_equal(image[1], 7);
    assert_int_equal(image[2 + 80], 0x1234);
    e->vcpu = 1;
    image[0] = 7;
    assert_int_equal(call(XEN_DOMCTL_setvcpuextstate, id), 0);
    assert_int_equal(d->vcpus[1]->xcr0, 7);
    assert_int_equal(((uint64_t *)d->vcpus[1]->fpu)[80], 0x1234);
    e->size = 16;
    assert_int_equal(call(XEN_DOMCTL_setvcpuextstate, id), 0);
    assert_int_equal(((uint64_t *)d->vcpus[1]->fpu)[80], 0);
}

static void extended_registers_that_can_not_be(void **state)
{
    struct xen_domctl_vcpuextstate *e = &op.u.vcpuextstate;
    uint64_t *image = page_of_guest(1), bytes;
    static const struct {
        unsigned int word;
        uint64_t value;
    } bad[] = {
        {0, 0},          {0, 4},          {0, 5},      {0, 1ULL << 60},
        {1, 1ULL << 60}, {2 + 64, 8},     {2 + 65, 1}, {2 + 65, 1ULL << 63},
        {2 + 66, 1},     {2 + 71, ~0ULL},
    };

    build();
    assert_int_equal(call(XEN_DOMCTL_getvcpuextstate, id), 0);
    bytes = e->size;
    e->buffer.p = image;
    assert_int_equal(call(XEN_DOMCTL_getvcpuextstate, id), 0);
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        uint64_t good = image[bad[i].word];
        image[bad[i].word] = bad[i].value;
        assert_int_equal(call(XEN_DOMCTL_setvcpuextstate, id), -EINVAL);
        image[bad[i].word] = good;
    }
    assert_int_equal(call(XEN_DOMCTL_setvcpuextstate, id), 0);
    e->size = bytes + 8;
    assert_int_equal(call(XEN_DOMCTL_setvcpuextstate, id), -EINVAL);
    e->size = 16 + 512;
    assert_int_equal(call(XEN_DOMCTL_setvcpuextstate, id), -EINVAL);
    e->size = 8;
    assert_int_equal(call(XEN_DOMCTL_setvcpuextstate, id), -EINVAL);
    e->vcpu = 9;
    assert_int_equal(call(XEN_DOMCTL_setvcpuextstate, id), -ESRCH);
    assert_int_equal(call(XEN_DOMCTL_getvcpuextstate, id), -ESRCH);
    e->vcpu = 0;
    assert_int_equal(call(XEN_DOMCTL_setvcpuextstate, 0), -EINVAL);
    assert_int_equal(call(XEN_DOMCTL_getvcpuextstate, 0), -EINVAL);
}

/* ---- model-specific registers ------------------------------------------------------------------
 */

static void registers_that_are_not_new_are_listed(void **state)
{
    struct xen_domctl_vcpu_msrs *m = &op.u.vcpu_msrs;
    struct xen_domctl_vcpu_msr *list = page_of_guest(1);

    build();
    assert_int_equal(call(XEN_DOMCTL_get_vcpu_msrs, id), 0);
    assert_int_equal(m->msr_count, 2);
    m->msrs.p = list;
    assert_int_equal(call(XEN_DOMCTL_get_vcpu_msrs, id), 0);
    assert_int_equal(m->msr_count, 0);
    list[0] = (struct xen_domctl_vcpu_msr){0x48, 0, 0};
    list[1] = (struct xen_domctl_vcpu_msr){0x10, 0, 0};
    m->msr_count = 2;
    assert_int_equal(call(XEN_DOMCTL_set_vcpu_msrs, id), -EINVAL);
    assert_int_equal(m->msr_count, 1);
    list[0].reserved = 1;
    assert_int_equal(call(XEN_DOMCTL_set_vcpu_msrs, id), -EINVAL);
    assert_int_equal(m->msr_count, 0);
    list[0] = (struct xen_domctl_vcpu_msr){0x48, 0, 1ULL << 40};
    m->msr_count = 1;
    assert_int_equal(call(XEN_DOMCTL_set_vcpu_msrs, id), -EINVAL);
    m->msr_count = 3;
    assert_int_equal(call(XEN_DOMCTL_set_vcpu_msrs, id), -EINVAL);
    m->vcpu = 2;
    assert_int_equal(call(XEN_DOMCTL_get_vcpu_msrs, id), -ESRCH);
    assert_int_equal(call(XEN_DOMCTL_set_vcpu_msrs, id), -ESRCH);
    m->vcpu = 0;
    assert_int_equal(call(XEN_DOMCTL_get_vcpu_msrs, 0), -EINVAL);
    d->vcpus[1]->pv->msrs.tsc_aux = 77;
    m->vcpu = 1;
    m->msr_count = 0;
    assert_int_equal(call(XEN_DOMCTL_get_vcpu_msrs, id), -ENOBUFS);
    assert_int_equal(m->msr_count, 1);
    assert_int_equal(call(XEN_DOMCTL_get_vcpu_msrs, id), 0);
    assert_int_equal(list[0].index, 0xc0000103);
    assert_int_equal(list[0].value, 77);
}

/* ---- debugging ---------------------------------------------------------------------------------
 */

static void a_debugger_reads_and_writes_by_the_guests_addresses(void **state)
{
    struct xen_domctl_gdbsx_memio *m = &op.u.gdbsx_guest_memio;
    char *bytes = page_of_guest(1);

    build();
    assert_int_equal(context_call(XEN_DOMCTL_setvcpucontext, 0), 0);
    strcpy((char *)frame_to_virt(data) + 8, "hello");
    clear_op();
    m->gva = 0x5008;
    m->uva = (uint64_t)bytes;
    m->len = 6;
    assert_int_equal(call(XEN_DOMCTL_gdbsx_guestmemio, id), 0);
    assert_string_equal(bytes, "hello");
    assert_int_equal(m->remain, 0);
    m->gwr = 1;
    m->gva = 0x5ffe;
    m->len = 4;
    assert_int_equal(call(XEN_DOMCTL_gdbsx_guestmemio, id), -EFAULT);
    assert_int_equal(m->remain, 2);
    assert_memory_equal((char *)frame_to_virt(data) + 0xffe, "he", 2);
    m->gva = 0x9000;
    assert_int_equal(call(XEN_DOMCTL_gdbsx_guestmemio, id), -EFAULT);
    assert_int_equal(call(XEN_DOMCTL_gdbsx_guestmemio, 0), -EINVAL);
}

static void a_debugger_stops_vcpus(void **state)
{
    build();
    assert_int_equal(call(XEN_DOMCTL_gdbsx_unpausevcpu, id), -EINVAL);
    assert_int_equal(call(XEN_DOMCTL_gdbsx_pausevcpu, id), 0);
    assert_int_equal(call(XEN_DOMCTL_gdbsx_pausevcpu, id), -EBUSY);
    assert_int_equal(d->vcpus[0]->pause_count, 1);
    assert_int_equal(call(XEN_DOMCTL_gdbsx_unpausevcpu, id), 0);
    assert_int_equal(d->vcpus[0]->pause_count, 0);
    op.u.gdbsx_pauseunp_vcpu.vcpu = 2;
    assert_int_equal(call(XEN_DOMCTL_gdbsx_pausevcpu, id), -EINVAL);
    assert_int_equal(call(XEN_DOMCTL_gdbsx_domstatus, id), 0);
    assert_int_equal(op.u.gdbsx_domstatus.paused, 1);
    clear_op();
    op.u.setdebugging.enable = 1;
    assert_int_equal(call(XEN_DOMCTL_setdebugging, id), 0);
    assert_int_equal(call(XEN_DOMCTL_getdomaininfo, id), 0);
    assert_true((op.u.getdomaininfo.flags & XEN_DOMINF_debugged) != 0);
}

/* The port on which domain 0 hears of domains that have paused for debugging. */
static evtchn_port_t debugger_port(void)
{
    struct evtchn_bind_virq bind = {.virq = VIRQ_DEBUGGER};

    memcpy(guest, &bind, sizeof(bind));
    assert_int_equal(hypercall_event_channel_op(EVTCHNOP_bind_virq, host_guest_address(guest)), 0);
    memcpy(&bind, guest, sizeof(bind));
    return bind.port;
}

static bool debugger_told(evtchn_port_t port)
{
    uint64_t *word = (uint64_t *)&dom0->shared->evtchn_pending[port / 64];
    uint64_t bit = 1UL << (port % 64);
    bool told = (*word & bit) != 0;

    *word &= ~bit;
    return told;
}

/* The domain's vCPU takes an exception. */
static void take(unsigned int vector)
{
    struct vcpu *v = d->vcpus[0];

    run_as(v);
    v->regs.entry_vector = vector;
    exception_from_guest(v);
    run_as(dom0->vcpus[0]);
}

static void expect_status(bool paused, uint32_t vcpu, uint32_t event)
{
    clear_op();
    assert_int_equal(call(XEN_DOMCTL_gdbsx_domstatus, id), 0);
    assert_int_equal(op.u.gdbsx_domstatus.paused, paused);
    assert_int_equal(op.u.gdbsx_domstatus.vcpu_id, vcpu);
    assert_int_equal(op.u.gdbsx_domstatus.vcpu_ev, event);
}

static void set_debugging(bool on)
{
    clear_op();
    op.u.setdebugging.enable = on;
    assert_int_equal(call(XEN_DOMCTL_setdebugging, id), 0);
}

static void exceptions_stop_a_domain_that_is_debugged(void **state)
{
    evtchn_port_t port;
    uint64_t rip;

    build();
    assert_int_equal(context_call(XEN_DOMCTL_setvcpucontext, 0), 0);
    port = debugger_port();
    rip = d->vcpus[0]->regs.rip;
    set_debugging(true);
    assert_int_equal(call(XEN_DOMCTL_unpausedomain, id), 0);
    expect_status(false, UINT32_MAX, 0);
    take(3);
    assert_true(debugger_told(port));
    expect_status(true, 0, 3);
    expect_status(true, UINT32_MAX, 0);
    assert_int_equal(d->vcpus[0]->regs.rip, rip);
    assert_int_equal(call(XEN_DOMCTL_unpausedomain, id), 0);
    expect_status(false, UINT32_MAX, 0);
    take(1);
    assert_true(debugger_told(port));
    expect_status(true, 0, 1);
    assert_int_equal(d->shutdown_code, NOT_SHUT_DOWN);
}

static void without_a_debugger_and_in_user_mode_nothing_stops(void **state)
{
    evtchn_port_t port;

    build();
    assert_int_equal(context_call(XEN_DOMCTL_setvcpucontext, 0), 0);
    port = debugger_port();
    assert_int_equal(call(XEN_DOMCTL_unpausedomain, id), 0);
    set_debugging(true);
    d->vcpus[0]->mode &= ~(uint32_t)MODE_KERNEL;
    take(3);
    assert_false(debugger_told(port));
    d->vcpus[0]->mode |= MODE_KERNEL;
    set_debugging(false);
    take(3);
    assert_false(debugger_told(port));
    expect_status(false, UINT32_MAX, 0);
}

/* Each stop is a pause; what is not counted any more is paused all the same. */
static void stops_add_up_and_do_not_overflow(void **state)
{
    build();
    assert_int_equal(context_call(XEN_DOMCTL_setvcpucontext, 0), 0);
    set_debugging(true);
    for (unsigned int i = 1; i < DOMAIN_MAX_CONTROLLER_PAUSES + 2; i++) {
        take(3);
    }
    assert_int_equal(d->controller_pauses, DOMAIN_MAX_CONTROLLER_PAUSES);
    for (unsigned int i = 0; i < DOMAIN_MAX_CONTROLLER_PAUSES; i++) {
        assert_int_equal(call(XEN_DOMCTL_unpausedomain, id), 0);
    }
    assert_int_equal(call(XEN_DOMCTL_unpausedomain, id), -EINVAL);
    set_debugging(false);
    expect_status(false, UINT32_MAX, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_context_makes_a_vcpu_run),
        TEST(contexts_that_can_not_be),
        TEST(what_is_initialised_goes_offline_and_comes_back),
        TEST(a_context_may_take_several_turns),
        TEST(a_domain_dies_between_two_turns_of_its_context),
        TEST(other_entry_points_are_kept),
        TEST(extended_registers_go_out_and_come_back),
        TEST(extended_registers_that_can_not_be),
        TEST(registers_that_are_not_new_are_listed),
        TEST(a_debugger_reads_and_writes_by_the_guests_addresses),
        TEST(a_debugger_stops_vcpus),
        TEST(exceptions_stop_a_domain_that_is_debugged),
        TEST(without_a_debugger_and_in_user_mode_nothing_stops),
        TEST(stops_add_up_and_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
