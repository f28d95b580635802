// SPDX-License-Identifier: Apache-2.0
// Errors of processors, made up by the calls for it: what domain 0 is told, and that the machine
// goes on where it may.

#include "event.h"
#include "image.h"
#include "tap.h"

IMAGE_BOOT("cpus=2");

#define MSR_MCG_CAP    0x179
#define MSR_MCG_STATUS 0x17a
#define BANK           2
#define MSR_STATUS     (0x401 + 4 * BANK)
#define MSR_ADDR       (0x402 + 4 * BANK)

#define STATUS_VALID   (1ul << 63)
#define STATUS_UC      (1ul << 61)
#define STATUS_ENABLED (1ul << 60)
#define STATUS_ADDRV   (1ul << 58)
#define STATUS_SIGNAL  (1ul << 56)
#define GLOBAL_RIPV    1ul
#define GLOBAL_MCIP    4ul

// A patrol scrubber has found lost data that nobody has asked for.
#define SCRUBBED (STATUS_VALID | STATUS_UC | STATUS_ENABLED | STATUS_ADDRV | STATUS_SIGNAL | 0xcf)

static struct xen_mc op;
static struct mc_info info;

static long mca(uint32_t cmd)
{
    op.cmd = cmd;
    op.interface_version = XEN_MCA_INTERFACE_VERSION;
    return hypercall1(__HYPERVISOR_mca, POINTER(&op));
}

static long fetch(uint32_t flags, uint64_t id)
{
    op.u.mc_fetch = (struct xen_mc_fetch){.flags = flags, .fetch_id = id};
    op.u.mc_fetch.data.p = &info;
    return mca(XEN_MC_fetch);
}

static void *entry_of(uint16_t type)
{
    struct mcinfo_common *entry = NULL;

    x86_mcinfo_lookup(entry, &info, type);
    return entry;
}

// ---- fetch -------------------------------------------------------------------------------------

TEST("without errors there is nothing to fetch, urgent or not")
{
    CHECK_OK(fetch(XEN_MC_NONURGENT, 0));
    CHECK_EQ(op.u.mc_fetch.flags, XEN_MC_NODATA);
    CHECK_EQ(op.u.mc_fetch.fetch_id, 0);
    CHECK_OK(fetch(XEN_MC_URGENT, 0));
    CHECK_EQ(op.u.mc_fetch.flags, XEN_MC_NODATA);
}

TEST("a fetch is of one kind and has a place for the data; what nobody fetched can be acknowledged")
{
    CHECK_ERR(fetch(0, 0), XEN_EINVAL);
    CHECK_ERR(fetch(XEN_MC_URGENT | XEN_MC_NONURGENT, 0), XEN_EINVAL);
    CHECK_ERR(fetch(XEN_MC_ACK, 0), XEN_EINVAL);
    CHECK_ERR(fetch(XEN_MC_ACK | XEN_MC_URGENT | XEN_MC_NONURGENT, 0), XEN_EINVAL);
    CHECK_OK(fetch(XEN_MC_ACK | XEN_MC_URGENT, 77));
    CHECK_OK(fetch(XEN_MC_ACK | XEN_MC_NONURGENT, 0));
    op.u.mc_fetch = (struct xen_mc_fetch){.flags = XEN_MC_URGENT};
    CHECK_ERR(mca(XEN_MC_fetch), XEN_EINVAL);
}

TEST("the interface's version is checked, and commands that nobody knows are refused")
{
    op = (struct xen_mc){.cmd = XEN_MC_fetch, .interface_version = XEN_MCA_INTERFACE_VERSION + 1};
    CHECK_ERR(hypercall1(__HYPERVISOR_mca, POINTER(&op)), XEN_EACCES);
    CHECK_ERR(mca(0), XEN_EINVAL);
    CHECK_ERR(mca(7), XEN_EINVAL);
    CHECK_ERR(hypercall1(__HYPERVISOR_mca, 8), XEN_EFAULT);
}

// ---- processors --------------------------------------------------------------------------------

TEST("processors are described, as many as there is room for")
{
    static struct mcinfo_logical_cpu cpu[3];

    op.u.mc_physcpuinfo = (struct xen_mc_physcpuinfo){0};
    CHECK_OK(mca(XEN_MC_physcpuinfo));
    CHECK_EQ(op.u.mc_physcpuinfo.ncpus, 2);
    op.u.mc_physcpuinfo.ncpus = 3;
    op.u.mc_physcpuinfo.info.p = cpu;
    CHECK_OK(mca(XEN_MC_physcpuinfo));
    CHECK_EQ(op.u.mc_physcpuinfo.ncpus, 2);
    CHECK_EQ(cpu[0].mc_cpunr, 0);
    CHECK_EQ(cpu[1].mc_cpunr, 1);
    CHECK_EQ(cpu[1].mc_apicid, 1);
    CHECK_EQ(cpu[1].mc_nmsrvals, 1);
    CHECK_EQ(cpu[1].mc_msrvalues[0].reg, MSR_MCG_CAP);
    op.u.mc_physcpuinfo.ncpus = 0;
    CHECK_ERR(mca(XEN_MC_physcpuinfo), XEN_EINVAL);
}

// ---- notifydomain ------------------------------------------------------------------------------

TEST("a domain that is not there cannot be told")
{
    op.u.mc_notifydomain = (struct xen_mc_notifydomain){.mc_domid = 77};
    CHECK_ERR(mca(XEN_MC_notifydomain), XEN_EINVAL);
}

TEST("one without a handler of NMIs cannot handle it")
{
    if (running_on_oracle()) {
        skip("notifydomain is refused there, whatever it names");
        return;
    }
    op.u.mc_notifydomain = (struct xen_mc_notifydomain){.mc_domid = 0, .mc_vcpuid = 0};
    CHECK_OK(mca(XEN_MC_notifydomain));
    CHECK_EQ(op.u.mc_notifydomain.flags, XEN_MC_CANNOTHANDLE);
    op.u.mc_notifydomain.mc_vcpuid = 999;
    CHECK_ERR(mca(XEN_MC_notifydomain), XEN_EINVAL);
}

// ---- msrinject ---------------------------------------------------------------------------------

static long inject(uint32_t cpu, uint32_t msr, uint64_t value)
{
    op.u.mc_msrinject = (struct xen_mc_msrinject){
        .mcinj_cpunr = cpu, .mcinj_flags = MC_MSRINJ_F_INTERPOSE, .mcinj_count = 1};
    op.u.mc_msrinject.mcinj_msr[0].reg = msr;
    op.u.mc_msrinject.mcinj_msr[0].value = value;
    return mca(XEN_MC_msrinject);
}

TEST("values are injected into registers of banks and the global status, and no others")
{
    CHECK_OK(inject(1, MSR_STATUS, 0));
    CHECK_OK(inject(1, MSR_ADDR, 0));
    CHECK_OK(inject(1, MSR_MCG_STATUS, 0));
    CHECK_ERR(inject(1, MSR_MCG_CAP, 0), XEN_EINVAL);
    CHECK_ERR(inject(1, 0x400, 0), XEN_EINVAL);
    CHECK_ERR(inject(1, 0x174, 0), XEN_EINVAL);
    CHECK_ERR(inject(1, 0x401 + 4 * 60, 0), XEN_EINVAL);
    CHECK_ERR(inject(2, MSR_STATUS, 0), XEN_EINVAL);
    op.u.mc_msrinject.mcinj_cpunr = 1;
    op.u.mc_msrinject.mcinj_count = MC_MSRINJ_MAXMSRS + 1;
    CHECK_ERR(mca(XEN_MC_msrinject), XEN_EINVAL);
    op.u.mc_msrinject.mcinj_count = 0;
    CHECK_OK(mca(XEN_MC_msrinject));
}

// ---- mceinject and inject_v2 -------------------------------------------------------------------

static long machine_check(uint32_t cpu)
{
    op.u.mc_mceinject.mceinj_cpunr = cpu;
    return mca(XEN_MC_mceinject);
}

static long inject_v2(uint32_t flags, uint64_t *cpus)
{
    op.u.mc_inject_v2 = (struct xen_mc_inject_v2){.flags = flags};
    op.u.mc_inject_v2.cpumap.bitmap.p = (void *)cpus;
    op.u.mc_inject_v2.cpumap.nr_bits = 8;
    return mca(XEN_MC_inject_v2);
}

TEST("a machine check that no bank explains is survived, on one processor or on all")
{
    uint64_t second = 2;

    CHECK_ERR(machine_check(2), XEN_EINVAL);
    CHECK_OK(machine_check(1));
    CHECK_OK(machine_check(0));
    CHECK_OK(inject_v2(XEN_MC_INJECT_TYPE_MCE, &second));
    CHECK_OK(inject_v2(XEN_MC_INJECT_TYPE_MCE | XEN_MC_INJECT_CPU_BROADCAST, &second));
    CHECK_OK(fetch(XEN_MC_URGENT, 0));
    CHECK_EQ(op.u.mc_fetch.flags, XEN_MC_NODATA);
}

TEST("what the processor does not have is not injected")
{
    uint64_t second = 2;

    CHECK_ERR(inject_v2(XEN_MC_INJECT_TYPE_CMCI, &second), XEN_EINVAL);
    CHECK_ERR(inject_v2(XEN_MC_INJECT_TYPE_LMCE, &second), XEN_EINVAL);
    CHECK_ERR(inject_v2(3, &second), XEN_EINVAL);
}

static int port;

static void prepare_lost_data(uint32_t cpu, uint64_t address)
{
    CHECK_OK(inject(cpu, MSR_STATUS, SCRUBBED));
    CHECK_OK(inject(cpu, MSR_ADDR, address));
    CHECK_OK(inject(cpu, MSR_MCG_STATUS, GLOBAL_RIPV | GLOBAL_MCIP));
}

static bool told(void)
{
    for (unsigned i = 0; i < 100000000 && !event_pending((evtchn_port_t)port); i++) {
        __asm__ volatile("pause");
    }
    return event_pending((evtchn_port_t)port);
}

TEST("lost data that nobody needs is survived, and told by VIRQ_MCA and urgent telemetry")
{
    static uint64_t page_of_ours[512] __attribute__((aligned(4096)));
    uint64_t address = virt_to_mfn(page_of_ours) << 12;
    uint64_t first_id = 0;

    if (running_on_oracle()) {
        skip("a made-up machine check leaves no telemetry there");
        return;
    }
    shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
    port = event_bind_virq(VIRQ_MCA, 0);
    CHECK(port > 0);
    for (uint32_t cpu = 0; cpu < 2; cpu++) {
        struct mcinfo_global *global;
        struct mcinfo_bank *bank;

        event_clear_pending((evtchn_port_t)port);
        prepare_lost_data(cpu, address);
        CHECK_OK(machine_check(cpu));
        CHECK(told());
        CHECK_OK(fetch(XEN_MC_NONURGENT, 0));
        CHECK_EQ(op.u.mc_fetch.flags, XEN_MC_NODATA);
        CHECK_OK(fetch(XEN_MC_URGENT, 0));
        CHECK_EQ(op.u.mc_fetch.flags, XEN_MC_OK);
        CHECK(op.u.mc_fetch.fetch_id > first_id);
        first_id = op.u.mc_fetch.fetch_id;
        CHECK_EQ(x86_mcinfo_nentries(&info), 2);
        global = entry_of(MC_TYPE_GLOBAL);
        bank = entry_of(MC_TYPE_BANK);
        CHECK_EQ(global->mc_apicid, cpu);
        CHECK_EQ(global->mc_flags, MC_FLAG_MCE | MC_FLAG_UNCORRECTABLE | MC_FLAG_RECOVERABLE);
        CHECK_EQ(global->mc_gstatus, GLOBAL_RIPV | GLOBAL_MCIP);
        CHECK_EQ(bank->mc_bank, BANK);
        CHECK_EQ(bank->mc_status, SCRUBBED);
        CHECK_EQ(bank->mc_addr, address);
        CHECK_EQ(bank->mc_domid, 0);
        CHECK_OK(fetch(XEN_MC_URGENT | XEN_MC_ACK, first_id));
        CHECK_OK(fetch(XEN_MC_URGENT, 0));
        CHECK_EQ(op.u.mc_fetch.flags, XEN_MC_NODATA);
    }
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("more errors than anybody fetches are survived, and the oldest are kept")
{
    unsigned kept = 0;
    uint64_t before = 0;

    if (running_on_oracle()) {
        skip("a made-up machine check leaves no telemetry there");
        return;
    }
    for (unsigned i = 0; i < 60; i++) {
        prepare_lost_data(0, 0x1000 * i);
        CHECK_OK(machine_check(0));
    }
    while (fetch(XEN_MC_URGENT, 0) == 0 && op.u.mc_fetch.flags == XEN_MC_OK && kept < 100) {
        struct mcinfo_bank *bank;
        bank = entry_of(MC_TYPE_BANK);
        CHECK_EQ(bank->mc_addr, 0x1000 * kept);
        CHECK(op.u.mc_fetch.fetch_id > before);
        before = op.u.mc_fetch.fetch_id;
        kept++;
        CHECK_OK(fetch(XEN_MC_URGENT | XEN_MC_ACK, before));
    }
    CHECK(kept >= 8 && kept < 60);
}
