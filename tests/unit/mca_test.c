// SPDX-License-Identifier: Apache-2.0
// Errors of processors: how bad they are, what is kept of them, and what domain 0 hears.
#include "control_fixture.h"

#include "arch/interrupts.h"
#include "arch/msr.h"
#include "control/hypercalls.h"
#include "control/mca_banks.h"
#include "control/mca_collect.h"
#include "control/mca_severity.h"
#include "control/mca_telemetry.h"
#include "pv/traps.h"

#define BANKS 4
#define UC    (MC_VALID | MC_UC | MC_ENABLED)
#define SRAO  (UC | MC_SIGNAL)
#define SRAR  (UC | MC_SIGNAL | MC_ACTION)

/* ---- how bad -----------------------------------------------------------------------------------
 */

static void severities_are_those_of_the_manual(void **state)
{
    static const struct {
        uint64_t status;
        enum mca_severity without, with; /* recovery */
    } known[] = {
        {0, MCA_NOTHING, MCA_NOTHING},
        {MC_UC | MC_PCC, MCA_NOTHING, MCA_NOTHING},
        {MC_VALID, MCA_CORRECTED, MCA_CORRECTED},
        {MC_VALID | MC_ENABLED | MC_OVERFLOW | MC_ACTION, MCA_CORRECTED, MCA_CORRECTED},
        {UC | MC_PCC, MCA_FATAL, MCA_FATAL},
        {MC_VALID | MC_UC | MC_PCC, MCA_FATAL, MCA_FATAL},
        {SRAR | MC_PCC, MCA_FATAL, MCA_FATAL},
        {MC_VALID | MC_UC, MCA_CORRECTED, MCA_CORRECTED}, /* raised nothing */
        {UC, MCA_FATAL, MCA_NOT_NEEDED},
        {SRAO, MCA_FATAL, MCA_NOT_NEEDED},
        {SRAO | MC_OVERFLOW, MCA_FATAL, MCA_NOT_NEEDED},
        {SRAR, MCA_FATAL, MCA_NEEDED},
        {SRAR | MC_OVERFLOW, MCA_FATAL, MCA_FATAL},
        {UC | MC_ACTION, MCA_FATAL, MCA_FATAL},
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
        assert_int_equal(mca_severity(known[i].status, false), known[i].without);
        assert_int_equal(mca_severity(known[i].status, true), known[i].with);
    }
}

static void the_machine_goes_on_where_only_a_guest_needed_it(void **state)
{
    const uint64_t in_progress = MCG_MCIP, resumable = MCG_MCIP | MCG_RIPV;

    for (unsigned int in_guest = 0; in_guest < 2; in_guest++) {
        assert_int_equal(mca_decide(MCA_FATAL, resumable, in_guest), MCA_STOP_MACHINE);
        assert_int_equal(mca_decide(MCA_NOT_NEEDED, resumable, in_guest), MCA_GO_ON);
        assert_int_equal(mca_decide(MCA_NOTHING, resumable, in_guest), MCA_GO_ON);
        assert_int_equal(mca_decide(MCA_NOT_NEEDED, in_progress, in_guest), MCA_STOP_MACHINE);
        assert_int_equal(mca_decide(MCA_NOTHING, in_progress, in_guest), MCA_STOP_MACHINE);
        assert_int_equal(mca_decide(MCA_NOTHING, 0, in_guest), MCA_GO_ON);
    }
    assert_int_equal(mca_decide(MCA_NEEDED, resumable, false), MCA_STOP_MACHINE);
    assert_int_equal(mca_decide(MCA_NEEDED, resumable, true), MCA_TELL_GUEST);
    assert_int_equal(mca_decide(MCA_NEEDED, in_progress, true), MCA_END_GUEST);
}

/* ---- what is kept ------------------------------------------------------------------------------
 */

static uint64_t keep(uint32_t mark)
{
    struct mc_info info = {.mi_nentries = mark};

    return mca_keep(MCA_URGENT, &info) == 0;
}

static uint32_t next_mark(bool acknowledge)
{
    struct mc_info info;
    uint64_t id = mca_fetch(MCA_URGENT, &info);

    if (acknowledge) {
        mca_acknowledge(MCA_URGENT, id);
    }
    return id != 0 ? info.mi_nentries : UINT32_MAX;
}

static void drain(void)
{
    while (next_mark(true) != UINT32_MAX) {
    }
}

static void the_oldest_are_kept_and_fetched_first(void **state)
{
    uint64_t dropped = mca_dropped();

    for (uint32_t i = 0; i < 2 * MCA_ROOM; i++) {
        assert_int_equal(keep(i), i < MCA_ROOM);
    }
    assert_int_equal(mca_dropped(), dropped + MCA_ROOM);
    for (uint32_t i = 0; i < MCA_ROOM; i++) {
        assert_int_equal(next_mark(true), i);
    }
    assert_int_equal(next_mark(true), UINT32_MAX);
    assert_true(keep(9));
    drain();
}

static void the_two_kinds_are_apart(void **state)
{
    struct mc_info info;

    assert_true(keep(1));
    assert_int_equal(mca_fetch(MCA_NONURGENT, &info), 0);
    drain();
}

static void who_never_acknowledges_does_not_stop_the_rest(void **state)
{
    for (uint32_t i = 0; i < MCA_ROOM; i++) {
        assert_true(keep(i));
        assert_int_equal(next_mark(false), i);
    }
    assert_true(keep(100));
    assert_int_equal(next_mark(true), 100);
    drain();
}

static void only_what_was_fetched_is_acknowledged(void **state)
{
    struct mc_info info;
    uint64_t id;

    assert_true(keep(5));
    for (uint64_t guess = 0; guess < 1000; guess++) {
        mca_acknowledge(MCA_URGENT, guess);
    }
    id = mca_fetch(MCA_URGENT, &info);
    assert_int_not_equal(id, 0);
    assert_int_equal(info.mi_nentries, 5);
    mca_acknowledge(MCA_URGENT, id + 1);
    mca_acknowledge(MCA_URGENT, id);
}

/* ---- what domain 0 hears -----------------------------------------------------------------------
 */

static struct xen_mc op;
static struct mc_info info;

static long call(uint32_t cmd)
{
    long result;

    op.cmd = cmd;
    op.interface_version = XEN_MCA_INTERFACE_VERSION;
    result = hypercall_arch_0(PUT(&op));
    TAKE(&op);
    return result;
}

static long fetch(uint32_t flags)
{
    long result;

    op.u.mc_fetch = (struct xen_mc_fetch){.flags = flags};
    op.u.mc_fetch.data.p = elsewhere();
    result = call(XEN_MC_fetch);
    memcpy(&info, elsewhere(), sizeof(info));
    return result;
}

static void *entry_of(uint16_t type)
{
    struct mcinfo_common *entry;

    x86_mcinfo_lookup(entry, &info, type);
    return entry;
}

static int start(void **state)
{
    static bool once;

    fixture_setup(state);
    memset(&op, 0, sizeof(op));
    host_msr_set(MSR_MCG_CAP, MCG_CAP_RECOVERY | BANKS);
    host_msr_set(MSR_MCG_STATUS, 0);
    for (unsigned int bank = 0; bank < BANKS; bank++) {
        for (enum mca_register which = MCA_CTL; which <= MCA_MISC; which++) {
            host_msr_set(MSR_MC(bank, which), 0);
        }
    }
    if (!once) {
        mca_start();
        once = true;
    }
    return 0;
}

static void note_error(unsigned int bank, uint64_t status, uint64_t address)
{
    host_msr_set(MSR_MC(bank, MCA_STATUS), status);
    host_msr_set(MSR_MC(bank, MCA_ADDR), address);
}

static void corrected_errors_are_nonurgent_and_their_banks_free_again(void **state)
{
    const struct mcinfo_bank *bank;
    const struct mcinfo_global *global;

    note_error(1, MC_VALID | MC_ADDRV | 7, 5 << PAGE_SHIFT);
    note_error(3, MC_VALID | 9, 0);
    hardware_corrected_error();
    cpu_do_work();
    assert_int_equal(host_msr_get(MSR_MC(1, MCA_STATUS)), 0);
    assert_int_equal(host_msr_get(MSR_MC(3, MCA_STATUS)), 0);
    assert_int_equal(fetch(XEN_MC_URGENT), 0);
    assert_int_equal(op.u.mc_fetch.flags, XEN_MC_NODATA);
    assert_int_equal(fetch(XEN_MC_NONURGENT), 0);
    assert_int_equal(op.u.mc_fetch.flags, XEN_MC_OK);
    assert_int_equal(info.mi_nentries, 3);
    global = entry_of(MC_TYPE_GLOBAL);
    bank = entry_of(MC_TYPE_BANK);
    assert_int_equal(global->mc_flags, MC_FLAG_CORRECTABLE | MC_FLAG_CMCI);
    assert_int_equal(global->mc_domid, DOMID_INVALID);
    assert_int_equal(bank->mc_bank, 1);
    assert_int_equal(bank->mc_status, MC_VALID | MC_ADDRV | 7);
    assert_int_equal(bank->mc_addr, 5 << PAGE_SHIFT);
    assert_int_equal(bank->mc_domid, frame_of(mfn(5))->owner);
    op.u.mc_fetch.flags = XEN_MC_NONURGENT | XEN_MC_ACK;
    assert_int_equal(call(XEN_MC_fetch), 0);
}

static void nothing_noted_is_nothing_told(void **state)
{
    hardware_corrected_error();
    cpu_do_work();
    assert_int_equal(fetch(XEN_MC_NONURGENT), 0);
    assert_int_equal(op.u.mc_fetch.flags, XEN_MC_NODATA);
}

static void a_guest_that_needed_lost_data_and_cannot_go_on_is_ended(void **state)
{
    const struct mcinfo_global *global;

    note_error(0, SRAR, 0);
    host_msr_set(MSR_MCG_STATUS, MCG_MCIP | MCG_EIPV);
    mca_machine_check(other->vcpus[0]);
    assert_int_equal(host_msr_get(MSR_MCG_STATUS), 0);
    assert_int_equal(other->shutdown_code, SHUTDOWN_crash);
    cpu_do_work();
    assert_int_equal(fetch(XEN_MC_URGENT), 0);
    assert_int_equal(op.u.mc_fetch.flags, XEN_MC_OK);
    global = entry_of(MC_TYPE_GLOBAL);
    assert_int_equal(global->mc_domid, other->id);
    assert_int_equal(global->mc_vcpuid, 0);
    assert_int_equal(global->mc_gstatus, MCG_MCIP | MCG_EIPV);
    assert_int_equal(global->mc_flags, MC_FLAG_MCE | MC_FLAG_UNCORRECTABLE | MC_FLAG_RECOVERABLE);
}

static void one_that_could_go_on_but_does_not_listen_is_ended_too(void **state)
{
    struct vcpu *v = other->vcpus[0];

    note_error(0, SRAR, 0);
    host_msr_set(MSR_MCG_STATUS, MCG_MCIP | MCG_RIPV | MCG_EIPV);
    mca_machine_check(v);
    assert_int_equal(other->shutdown_code, SHUTDOWN_crash); /* no handler */
    cpu_do_work();
    drain();
}

static void what_is_pretended_is_read_until_it_is_cleared(void **state)
{
    struct mca_bank bank;

    op.u.mc_msrinject = (struct xen_mc_msrinject){.mcinj_flags = MC_MSRINJ_F_INTERPOSE,
                                                  .mcinj_count = 1,
                                                  .mcinj_msr = {{MSR_MC(2, MCA_STATUS), MC_VALID}}};
    assert_int_equal(call(XEN_MC_msrinject), 0);
    assert_int_equal(host_msr_get(MSR_MC(2, MCA_STATUS)), 0);
    assert_true(mca_bank_read(2, &bank));
    assert_int_equal(bank.status, MC_VALID);
    mca_bank_clear(2);
    assert_false(mca_bank_read(2, &bank));
    op.u.mc_msrinject.mcinj_flags = 0;
    assert_int_equal(call(XEN_MC_msrinject), 0);
    assert_int_equal(host_msr_get(MSR_MC(2, MCA_STATUS)), MC_VALID);
}

static void no_more_is_pretended_than_there_is_room_for(void **state)
{
    int error = 0;

    host_msr_set(MSR_MCG_CAP, MCG_CAP_RECOVERY | MCA_MOST_BANKS);
    for (unsigned int bank = 0; bank < MCA_MOST_BANKS && error == 0; bank++) {
        error = mca_inject(MSR_MC(bank, MCA_STATUS), MC_VALID, true);
    }
    assert_int_equal(error, -ENOSPC);
    for (unsigned int bank = 0; bank < MCA_MOST_BANKS; bank++) {
        host_msr_set(MSR_MC(bank, MCA_STATUS), 0);
        mca_bank_clear(bank);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(severities_are_those_of_the_manual),
        cmocka_unit_test(the_machine_goes_on_where_only_a_guest_needed_it),
        cmocka_unit_test_setup_teardown(the_oldest_are_kept_and_fetched_first, start,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(the_two_kinds_are_apart, start, fixture_teardown),
        cmocka_unit_test_setup_teardown(who_never_acknowledges_does_not_stop_the_rest, start,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(only_what_was_fetched_is_acknowledged, start,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(corrected_errors_are_nonurgent_and_their_banks_free_again,
                                        start, fixture_teardown),
        cmocka_unit_test_setup_teardown(nothing_noted_is_nothing_told, start, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_guest_that_needed_lost_data_and_cannot_go_on_is_ended,
                                        start, fixture_teardown),
        cmocka_unit_test_setup_teardown(one_that_could_go_on_but_does_not_listen_is_ended_too,
                                        start, fixture_teardown),
        cmocka_unit_test_setup_teardown(what_is_pretended_is_read_until_it_is_cleared, start,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(no_more_is_pretended_than_there_is_room_for, start,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
