// SPDX-License-Identifier: Apache-2.0
// State that domain 0 gives another domain, and what of it shows there or comes back: flags at its
// creation, its clock, affinities of both kinds, entry points, extended registers, MSRs, and its
// frames' types while it changes them on another processor (public header domctl.h).

#include "clock.h"
#include "domu.h"
#include "image.h"
#include "tap.h"

IMAGE_BOOT("cpus=2");

#define SECOND       1000000000ul
#define STATE_BYTES  8192
#define LEGACY_XMM0  160 // in the FXSAVE area (processor manual)
#define LEGACY_MXCSR 24
#define X87_AND_SSE  3
#define XSTATE_BV    512
#define HEADER_BYTES 16 // what precedes the state: which states there are, and which were ever used

static struct domu domu;
static struct xen_domctl op;
static int none;

static long on_domu(uint32_t command)
{
    return domctl(command, domu.domain.domid, &op);
}

static void clear(void)
{
    memset(&op, 0, sizeof(op));
}

// ---- creation ---------------------------------------------------------------------------------
static long create_with_flags(uint32_t flags, uint32_t *shown)
{
    struct xen_domctl_createdomain config = domain_defaults();
    long domid;

    config.flags = flags;
    domid = domain_create(0, &config);
    if (domid > 0) {
        *shown = domain_flags((domid_t)domid);
        CHECK_OK(domain_destroy((domid_t)domid));
        CHECK(domain_wait_gone((domid_t)domid));
    }
    return domid;
}

TEST("a domain made to run the store is shown as that, another is not")
{
    uint32_t shown = 0;

    CHECK(create_with_flags(XEN_DOMCTL_CDF_xs_domain, &shown) > 0);
    CHECK(shown & XEN_DOMINF_xs_domain);
    CHECK(create_with_flags(0, &shown) > 0);
    CHECK_EQ(shown & (XEN_DOMINF_xs_domain | XEN_DOMINF_hvm_guest | XEN_DOMINF_hap), 0);
}

TEST("each flag that takes another kind of domain, or hardware that is not there, is refused")
{
    static const uint32_t flags[] = {XEN_DOMCTL_CDF_hvm,          XEN_DOMCTL_CDF_hap,
                                     XEN_DOMCTL_CDF_s3_integrity, XEN_DOMCTL_CDF_iommu,
                                     XEN_DOMCTL_CDF_nested_virt,  XEN_DOMCTL_CDF_vpmu};
    uint32_t shown;

    for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        CHECK(create_with_flags(flags[i], &shown) < 0);
    }
}

TEST("its security label and its grant tables' limits are its creator's choice")
{
    struct xen_domctl_createdomain config = domain_defaults();
    struct xen_domctl_getdomaininfo info;
    long domid;

    config.ssidref = 0;
    config.max_grant_frames = 1;
    config.max_maptrack_frames = 0;
    config.grant_opts = XEN_DOMCTL_GRANT_version(1);
    domid = domain_create(0, &config);
    CHECK(domid > 0);
    CHECK_OK(domain_info((domid_t)domid, &info));
    CHECK_EQ(info.ssidref, 0);
    CHECK_OK(domain_destroy((domid_t)domid));
    config.max_grant_frames = 0;
    CHECK_ERR(domain_create(0, &config), XEN_EINVAL);
}

// ---- its clock --------------------------------------------------------------------------------
static long wall_clock(void *data)
{
    uint32_t version;
    uint64_t seconds;

    do {
        version = *(volatile uint32_t *)&shared_info->wc_version;
        seconds = (uint64_t)shared_info->wc_sec_hi << 32 | shared_info->wc_sec;
    } while (version & 1 || version != *(volatile uint32_t *)&shared_info->wc_version);
    return (long)seconds;
}

TEST("an offset of its clock moves the wall clock that it reads, to and fro")
{
    long before, ahead, back;

    CHECK_OK(domu_start(&domu, NULL));
    before = domu_call(&domu, wall_clock, &none, 0);
    clear();
    op.u.settimeoffset.time_offset_seconds = 3600;
    CHECK_OK(on_domu(XEN_DOMCTL_settimeoffset));
    ahead = domu_call(&domu, wall_clock, &none, 0);
    op.u.settimeoffset.time_offset_seconds = -3600;
    CHECK_OK(on_domu(XEN_DOMCTL_settimeoffset));
    back = domu_call(&domu, wall_clock, &none, 0);
    CHECK(ahead - before >= 3599 && ahead - before <= 3601);
    CHECK(ahead - back >= 7199 && ahead - back <= 7201);
}

// ---- where it runs ----------------------------------------------------------------------------
static uint8_t hard[8], soft[8];

static long affinity(uint32_t command, uint32_t flags, uint8_t hard_map, uint8_t soft_map)
{
    hard[0] = hard_map;
    soft[0] = soft_map;
    clear();
    op.u.vcpuaffinity.flags = flags;
    op.u.vcpuaffinity.cpumap_hard.nr_bits = op.u.vcpuaffinity.cpumap_soft.nr_bits = 64;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, hard);
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_soft.bitmap, soft);
    return on_domu(command);
}

TEST("hard and soft affinity are set at once; what of the soft one is of use is written back")
{
    const uint32_t both = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;

    CHECK_OK(affinity(XEN_DOMCTL_setvcpuaffinity, both, 2, 3));
    CHECK_EQ(hard[0], 2);
    CHECK_EQ(soft[0], 2);
    CHECK_OK(affinity(XEN_DOMCTL_getvcpuaffinity, both, 0, 0));
    CHECK_EQ(hard[0], 2);
    CHECK_EQ(soft[0], 3);
}

TEST("it runs where the hard affinity says")
{
    for (uint8_t cpu = 0; cpu < 2; cpu++) {
        CHECK_OK(
            affinity(XEN_DOMCTL_setvcpuaffinity, XEN_VCPUAFFINITY_HARD, (uint8_t)(1 << cpu), 0));
        (void)domu_call(&domu, wall_clock, &none, 0);
        clear();
        CHECK_OK(on_domu(XEN_DOMCTL_getvcpuinfo));
        CHECK_EQ(op.u.getvcpuinfo.cpu, cpu);
        CHECK_EQ(op.u.getvcpuinfo.online, 1);
    }
    CHECK_OK(affinity(XEN_DOMCTL_setvcpuaffinity, XEN_VCPUAFFINITY_HARD, 3, 0));
}

TEST("maps that cannot be read are refused, and neither affinity changes")
{
    clear();
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    op.u.vcpuaffinity.cpumap_hard.nr_bits = 64;
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, (uint8_t *)SPARE_VA);
    CHECK_ERR(on_domu(XEN_DOMCTL_setvcpuaffinity), XEN_EFAULT);
    CHECK_OK(affinity(XEN_DOMCTL_getvcpuaffinity, XEN_VCPUAFFINITY_HARD, 0, 0));
    CHECK_EQ(hard[0] & 3, 3);
}

// ---- entry points, extended registers, MSRs -----------------------------------------------------
TEST("the entries for system calls of 32 bits that are set are told")
{
    clear();
    op.u.ext_vcpucontext.size = sizeof(op.u.ext_vcpucontext);
    op.u.ext_vcpucontext.syscall32_callback_eip = POINTER(syscall32_entry);
    op.u.ext_vcpucontext.syscall32_callback_cs = FLAT_KERNEL_CS;
    op.u.ext_vcpucontext.sysenter_callback_eip = POINTER(sysenter_entry);
    op.u.ext_vcpucontext.sysenter_callback_cs = FLAT_KERNEL_CS;
    op.u.ext_vcpucontext.sysenter_disables_events = 1;
    CHECK_OK(on_domu(XEN_DOMCTL_set_ext_vcpucontext));
    clear();
    CHECK_OK(on_domu(XEN_DOMCTL_get_ext_vcpucontext));
    CHECK_EQ(op.u.ext_vcpucontext.syscall32_callback_eip, POINTER(syscall32_entry));
    CHECK_EQ(op.u.ext_vcpucontext.syscall32_disables_events, 0);
    CHECK_EQ(op.u.ext_vcpucontext.sysenter_callback_eip, POINTER(sysenter_entry));
    CHECK_EQ(op.u.ext_vcpucontext.sysenter_disables_events, 1);
    op.u.ext_vcpucontext.syscall32_callback_eip = 1ul << 60;
    CHECK_ERR(on_domu(XEN_DOMCTL_set_ext_vcpucontext), XEN_EINVAL);
    op.u.ext_vcpucontext.vcpu = 9;
    CHECK_ERR(on_domu(XEN_DOMCTL_set_ext_vcpucontext), XEN_ESRCH);
}

static uint8_t state[STATE_BYTES] __attribute__((aligned(8)));

static void ask_for_state(void)
{
    clear();
    CHECK_OK(on_domu(XEN_DOMCTL_getvcpuextstate));
    CHECK(op.u.vcpuextstate.size <= STATE_BYTES);
    set_xen_guest_handle(op.u.vcpuextstate.buffer, (uint64_t *)state);
    CHECK_OK(on_domu(XEN_DOMCTL_getvcpuextstate));
}

// x87 and SSE state as after FNINIT, with `value` in XMM0.
static void make_state(uint64_t value)
{
    uint64_t *words = (uint64_t *)state;

    memset(state, 0, sizeof(state));
    words[0] = words[1] = X87_AND_SSE;
    *(uint16_t *)(state + HEADER_BYTES) = 0x37f;
    *(uint32_t *)(state + HEADER_BYTES + LEGACY_MXCSR) = 0x1f80;
    *(uint64_t *)(state + HEADER_BYTES + LEGACY_XMM0) = value;
    *(uint64_t *)(state + HEADER_BYTES + XSTATE_BV) = X87_AND_SSE;
    clear();
    op.u.vcpuextstate.size = HEADER_BYTES + XSTATE_BV + 64;
    op.u.vcpuextstate.xfeature_mask = X87_AND_SSE;
    set_xen_guest_handle(op.u.vcpuextstate.buffer, (uint64_t *)state);
}

TEST("extended registers that are set come back")
{
    CHECK_OK(domain_pause(domu.domain.domid));
    make_state(0x1122334455667788);
    CHECK_OK(on_domu(XEN_DOMCTL_setvcpuextstate));
    memset(state, 0, sizeof(state));
    ask_for_state();
    CHECK_EQ(*(uint64_t *)(state + HEADER_BYTES + LEGACY_XMM0), 0x1122334455667788);
    CHECK_OK(domain_unpause(domu.domain.domid));
}

TEST("a state that is too large, of no such vCPU, or with bits that are reserved is refused")
{
    make_state(0);
    op.u.vcpuextstate.size = 1u << 20;
    CHECK_ERR(on_domu(XEN_DOMCTL_setvcpuextstate), XEN_EINVAL);
    make_state(0);
    op.u.vcpuextstate.vcpu = 9;
    CHECK_ERR(on_domu(XEN_DOMCTL_setvcpuextstate), XEN_ESRCH);
    make_state(0);
    state[HEADER_BYTES + XSTATE_BV + 7] |= 0x40; // a state that no processor has
    CHECK_ERR(on_domu(XEN_DOMCTL_setvcpuextstate), XEN_EINVAL);
    make_state(0);
    ((uint64_t *)state)[0] = 0; // x87 can't be off
    CHECK_ERR(on_domu(XEN_DOMCTL_setvcpuextstate), XEN_EINVAL);
}

// ---- frames while they change -----------------------------------------------------------------
static volatile uint64_t *turns(void)
{
    return (volatile uint64_t *)&domu_mailbox->progress;
}

// Makes a page a table and an ordinary page again, until it is told to stop.
static long change_type(void *data)
{
    uint64_t *page = page_alloc();
    struct mmuext_op pin = {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = virt_to_mfn(page)};
    struct mmuext_op unpin = {.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = virt_to_mfn(page)};
    uint64_t give_up = clock_ns() + 30 * SECOND;

    *turns() = pin.arg1.mfn;
    while (*turns() != 0 && clock_ns() < give_up) {
        CHECK_OK(update_va_mapping(page, pte_of(page, PTE_KERNEL_RO), UVMF_INVLPG));
        CHECK_OK(mmuext_op(&pin, 1, NULL, DOMID_SELF));
        CHECK_OK(mmuext_op(&unpin, 1, NULL, DOMID_SELF));
        CHECK_OK(update_va_mapping(page, pte_of(page, PTE_KERNEL_RW), UVMF_INVLPG));
    }
    return 1;
}

TEST("a frame whose type changes on another processor is told as one of the two, at each moment")
{
    static xen_pfn_t frame;
    uint64_t mfn, give_up = clock_ns() + 20 * SECOND;
    unsigned tables = 0, pages = 0, others = 0;

    CHECK_OK(affinity(XEN_DOMCTL_setvcpuaffinity, XEN_VCPUAFFINITY_HARD, 2, 0));
    domu.mailbox->progress = 0;
    domu_ask(&domu, change_type, &none, 0);
    while ((mfn = *(volatile uint64_t *)&domu.mailbox->progress) == 0 && clock_ns() < give_up) {
        (void)sched_op(SCHEDOP_yield, NULL);
    }
    for (unsigned i = 0; i < 20000 && (tables < 50 || pages < 50); i++) {
        frame = mfn;
        clear();
        op.u.getpageframeinfo3.num = 1;
        set_xen_guest_handle(op.u.getpageframeinfo3.array, &frame);
        CHECK_OK(on_domu(XEN_DOMCTL_getpageframeinfo3));
        tables += (frame & XEN_DOMCTL_PFINFO_LTABTYPE_MASK) == XEN_DOMCTL_PFINFO_L1TAB;
        pages += (frame & XEN_DOMCTL_PFINFO_LTAB_MASK) == 0;
        others += (frame & XEN_DOMCTL_PFINFO_LTAB_MASK) != 0 &&
                  (frame & XEN_DOMCTL_PFINFO_LTABTYPE_MASK) != XEN_DOMCTL_PFINFO_L1TAB;
    }
    *(volatile uint64_t *)&domu.mailbox->progress = 0;
    CHECK_EQ(domu_answer(&domu, &none, 0), 1);
    diagnose("told as a table %u times, as a page %u times", tables, pages);
    CHECK_EQ(others, 0);
}

TEST("the domain goes")
{
    CHECK(domu_kill(&domu));
}
