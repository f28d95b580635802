// SPDX-License-Identifier: Apache-2.0
// vCPU contexts: taken over whole, or refused.
#include "pv_fixture.h"

#include "pv/context.h"
#include "pv/control.h"

static struct vcpu_guest_context context;
static mfn_t base, gdt;

static struct vcpu *second(void)
{
    return guest_domain->vcpus[1];
}

/* What a kernel passes for another vCPU. */
static void prepare(void)
{
    base = new_frame();
    gdt = new_frame();
    memset(&context, 0, sizeof(context));
    context.flags = VGCF_in_kernel;
    context.user_regs.rip = 0x1000;
    context.user_regs.rsp = 0x2000;
    context.user_regs.rdi = 0xd1;
    context.user_regs.cs = 0xe030;
    context.user_regs.ss = 0xe028;
    context.user_regs.ds = 0x28;
    context.user_regs.rflags = 1UL << 12;
    context.gdt_frames[0] = gdt.n;
    context.gdt_ents = 16;
    context.kernel_ss = 0xe028;
    context.kernel_sp = 0x3000;
    context.ctrlreg[3] = xen_pfn_to_cr3(base.n);
    context.event_callback_eip = 0x4000;
    context.failsafe_callback_eip = 0x5000;
    context.syscall_callback_eip = 0x6000;
    context.fs_base = 0x7000;
    context.gs_base_kernel = 0x8000;
    context.gs_base_user = 0x9000;
}

static void a_context_is_taken_over(void **state)
{
    struct vcpu *w = second();

    prepare();
    context.trap_ctxt[14] = (struct trap_info){.vector = 14, .cs = 0xe030, .address = 0xa000};
    context.debugreg[0] = 0xb000;
    assert_int_equal(pv_set_context(w, &context), 0);
    assert_int_equal(w->regs.rip, 0x1000);
    assert_int_equal(w->regs.rsp, 0x2000);
    assert_int_equal(w->regs.rdi, 0xd1);
    assert_int_equal(w->regs.cs, 0xe033);
    assert_int_equal(w->regs.ss, 0xe02b);
    assert_int_equal(w->regs.ds, 0x2b);
    assert_int_equal(w->regs.es, 0);
    assert_int_equal(w->regs.rflags, RFLAGS_IF | RFLAGS_FIXED);
    assert_int_equal(w->regs.entry_vector, ENTRY_NONE);
    assert_int_equal(w->iopl, 1UL << 12);
    assert_true(vcpu_in_kernel(w));
    assert_int_equal(w->kernel_sp, 0x3000);
    assert_true(w->kernel_cr3 == mfn_to_maddr(base).a);
    assert_int_equal(w->user_cr3, 0);
    assert_true(mfn_equal(w->gdt_frames[0], gdt));
    assert_int_equal(w->event.address, 0x4000);
    assert_int_equal(w->failsafe.address, 0x5000);
    assert_int_equal(w->syscall64.address, 0x6000);
    assert_int_equal(w->fs_base, 0x7000);
    assert_int_equal(w->gs_base_kernel, 0x8000);
    assert_int_equal(w->gs_base_user, 0x9000);
    assert_int_equal(w->traps[14].address, 0xa000);
    assert_int_equal(w->traps[14].cs, 0xe033);
    assert_int_equal(w->debug_registers[0], 0xb000);
    assert_int_equal(w->control4, control4_initial());
}

static void flags_say_how_it_starts(void **state)
{
    struct vcpu *w = second();
    mfn_t user = new_frame();

    prepare();
    context.flags = VGCF_failsafe_disables_events | VGCF_syscall_disables_events | VGCF_i387_valid;
    context.ctrlreg[0] = CONTROL0_TS;
    context.ctrlreg[1] = xen_pfn_to_cr3(user.n);
    context.ctrlreg[4] = CONTROL4_TSD;
    memset(&context.fpu_ctxt, 0x5a, sizeof(context.fpu_ctxt));
    assert_int_equal(pv_set_context(w, &context), 0);
    assert_false(vcpu_in_kernel(w));
    assert_int_not_equal(w->mode & MODE_FPU_TRAP, 0);
    assert_true(w->user_cr3 == mfn_to_maddr(user).a);
    assert_int_equal(w->failsafe.mask_events, 1);
    assert_int_equal(w->syscall64.mask_events, 1);
    assert_int_equal(w->control4, control4_initial() | CONTROL4_TSD);
    assert_memory_equal(w->fpu, &context.fpu_ctxt, sizeof(context.fpu_ctxt));
}

/* What a vCPU has told of itself comes back, and may be told again while it keeps its tables. */
static void an_initialised_vcpu_keeps_its_tables(void **state)
{
    struct vcpu *w = second();
    struct vcpu_guest_context got;

    prepare();
    context.flags = VGCF_in_kernel | VGCF_failsafe_disables_events | VGCF_syscall_disables_events;
    context.ldt_base = 0x10000;
    context.ldt_ents = 16;
    assert_int_equal(pv_set_context(w, &context), 0);
    w->initialised = true;
    memset(&got, 0, sizeof(got));
    pv_get_context(w, &got);
    assert_int_equal(got.flags & (VGCF_failsafe_disables_events | VGCF_syscall_disables_events),
                     VGCF_failsafe_disables_events | VGCF_syscall_disables_events);
    assert_int_equal(pv_set_context(w, &context), 0);
    context.ldt_base = 0x11000;
    assert_int_equal(pv_set_context(w, &context), -EOPNOTSUPP);
    context.ldt_base = 0x10000;
    context.ldt_ents = 17;
    assert_int_equal(pv_set_context(w, &context), -EOPNOTSUPP);
    assert_int_equal(w->ldt_entries, 16);
}

static void an_ldt_may_lie_anywhere(void **state)
{
    struct vcpu *w = second();

    prepare();
    context.ldt_base = 0x10000;
    context.ldt_ents = 16;
    assert_int_equal(pv_set_context(w, &context), 0);
    assert_int_equal(w->ldt_entries, 16);
    assert_int_equal(w->ldt_base, 0x10000);
}

static void only_the_first_vcpu_speaks_for_the_domain(void **state)
{
    prepare();
    context.vm_assist = 1UL << VMASST_TYPE_writable_pagetables;
    assert_int_equal(pv_set_context(second(), &context), 0);
    assert_int_equal(guest_domain->vm_assist, 0);
    v->initialised = false;
    prepare();
    context.vm_assist = 1UL << VMASST_TYPE_writable_pagetables;
    assert_int_equal(pv_set_context(v, &context), 0);
    assert_int_equal(guest_domain->vm_assist, context.vm_assist);
}

static void refuse(void)
{
    struct vcpu *w = second();

    assert_int_equal(pv_set_context(w, &context), -EINVAL);
    assert_int_equal(w->kernel_cr3, 0);
    assert_int_equal(w->gdt_entries, 0);
    assert_true(frame_get_writable(frame_of(base), guest_domain->id));
    frame_put_writable(frame_of(base));
}

static void addresses_must_be_canonical(void **state)
{
    unsigned long *const addresses[] = {
        &context.user_regs.rip,
        &context.event_callback_eip,
        &context.failsafe_callback_eip,
        &context.syscall_callback_eip,
        &context.fs_base,
        &context.gs_base_kernel,
        &context.gs_base_user,
        &context.debugreg[3],
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(addresses); i++) {
        prepare();
        *addresses[i] = NON_CANONICAL;
        refuse();
    }
    prepare();
    context.trap_ctxt[255].address = NON_CANONICAL;
    refuse();
}

static void unknown_assists_are_refused(void **state)
{
    prepare();
    context.vm_assist = 1UL << 3 | 1UL << 63;
    refuse();
}

static void what_runs_already_keeps_its_tables(void **state)
{
    struct vcpu *w = second();

    prepare();
    assert_int_equal(pv_set_context(w, &context), 0);
    w->initialised = true;
    context.user_regs.rip = 0x1111;
    assert_int_equal(pv_set_context(w, &context), 0);
    assert_int_equal(w->regs.rip, 0x1111);
    context.user_regs.rip = 0x2222;
    context.gdt_ents = 15;
    assert_int_equal(pv_set_context(w, &context), -EOPNOTSUPP);
    context.gdt_ents = 16;
    context.gdt_frames[0]++;
    assert_int_equal(pv_set_context(w, &context), -EOPNOTSUPP);
    context.gdt_frames[0]--;
    context.ldt_ents = 1;
    assert_int_equal(pv_set_context(w, &context), -EOPNOTSUPP);
    context.ldt_ents = 0;
    context.ctrlreg[1] = context.ctrlreg[3];
    assert_int_equal(pv_set_context(w, &context), -EOPNOTSUPP);
    context.ctrlreg[1] = 0;
    context.ctrlreg[3] = xen_pfn_to_cr3(base.n + 1);
    context.debugreg[0] = 0x3333;
    assert_int_equal(pv_set_context(w, &context), -EOPNOTSUPP);
    assert_int_equal(w->regs.rip, 0x1111);
    assert_int_equal(w->debug_registers[0], 0);
    assert_true(w->kernel_cr3 == mfn_to_maddr(base).a);
}

static void a_reset_gives_the_pages_back(void **state)
{
    struct vcpu *w = second();

    prepare();
    assert_int_equal(pv_set_context(w, &context), 0);
    pv_reset_context(w);
    assert_int_equal(w->kernel_cr3, 0);
    assert_int_equal(w->gdt_entries, 0);
    assert_true(frame_get_writable(frame_of(gdt), guest_domain->id));
    frame_put_writable(frame_of(gdt));
    assert_int_equal(pv_set_context(w, &context), 0);
}

static void pages_must_be_the_domains_and_fit(void **state)
{
    prepare();
    context.ctrlreg[3] = xen_pfn_to_cr3(1UL << 45);
    refuse();
    prepare();
    context.ctrlreg[3] = 0;
    refuse();
    prepare();
    context.ctrlreg[1] = xen_pfn_to_cr3(gdt.n) + (1UL << 50);
    refuse();
    prepare();
    context.gdt_frames[0] = 0;
    refuse();
    prepare();
    context.gdt_ents = GDT_GUEST_ENTRIES + 1;
    refuse();
    prepare();
    context.ldt_base = 8;
    context.ldt_ents = 1;
    refuse();
    prepare();
    context.ldt_ents = 1UL << 32 | 1;
    refuse();
}

static void user_mode_needs_tables(void **state)
{
    prepare();
    context.flags = 0;
    refuse();
}

static void a_context_replaces_the_one_before(void **state)
{
    mfn_t old_base, old_gdt;

    prepare();
    old_base = base;
    old_gdt = gdt;
    assert_int_equal(pv_set_context(second(), &context), 0);
    prepare();
    assert_int_equal(pv_set_context(second(), &context), 0);
    assert_true(frame_get_writable(frame_of(old_base), guest_domain->id));
    frame_put_writable(frame_of(old_base));
    assert_true(frame_get_writable(frame_of(old_gdt), guest_domain->id));
    frame_put_writable(frame_of(old_gdt));
}

static void what_was_set_is_got(void **state)
{
    static struct vcpu_guest_context got;

    prepare();
    context.trap_ctxt[3] = (struct trap_info){.vector = 3, .flags = 3, .address = 0xa000};
    context.user_regs.cs |= 3;
    assert_int_equal(pv_set_context(second(), &context), 0);
    second()->info->evtchn_upcall_mask = 1;
    second()->info->arch.cr2 = 0x1234;
    pv_get_context(second(), &got);
    assert_int_equal(got.flags, VGCF_in_kernel | VGCF_i387_valid);
    assert_int_equal(got.user_regs.rip, 0x1000);
    assert_int_equal(got.user_regs.cs, 0xe033);
    assert_int_equal(got.user_regs.rflags, RFLAGS_FIXED | RFLAGS_IF | 1UL << 12);
    assert_int_equal(got.user_regs.saved_upcall_mask, 1);
    assert_int_equal(got.user_regs.entry_vector, 0);
    assert_memory_equal(&got.trap_ctxt[3], &context.trap_ctxt[3], sizeof(struct trap_info));
    assert_int_equal(got.gdt_ents, 16);
    assert_true(got.gdt_frames[0] == gdt.n && got.gdt_frames[1] == 0);
    assert_int_equal(got.ctrlreg[0], control0_of(second()));
    assert_int_equal(got.ctrlreg[2], 0x1234);
    assert_true(got.ctrlreg[3] == context.ctrlreg[3]);
    assert_int_equal(got.ctrlreg[4], control4_initial());
    assert_int_equal(got.syscall_callback_eip, 0x6000);
    assert_int_equal(got.gs_base_user, 0x9000);
}

static void a_vcpu_is_created_with_registers_as_the_interface_has_them(void **state)
{
    assert_int_equal(v->control4, control4_initial());
    assert_int_equal(v->xcr0, 3);
    assert_non_null(v->pv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_context_is_taken_over),
        TEST(flags_say_how_it_starts),
        TEST(an_initialised_vcpu_keeps_its_tables),
        TEST(an_ldt_may_lie_anywhere),
        TEST(only_the_first_vcpu_speaks_for_the_domain),
        TEST(addresses_must_be_canonical),
        TEST(unknown_assists_are_refused),
        TEST(what_runs_already_keeps_its_tables),
        TEST(a_reset_gives_the_pages_back),
        TEST(pages_must_be_the_domains_and_fit),
        TEST(user_mode_needs_tables),
        TEST(a_context_replaces_the_one_before),
        TEST(what_was_set_is_got),
        TEST(a_vcpu_is_created_with_registers_as_the_interface_has_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
