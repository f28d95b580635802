// SPDX-License-Identifier: Apache-2.0
// Registers that no trap saves are each vCPU's own: extended registers, segments and their bases,
// the FPU trap, breakpoints, the LDT. Two vCPUs take turns on one CPU, with different values.

#include "image.h"
#include "tap.h"
#include "vcpus.h"

IMAGE_BOOT("vcpus=2");

#define TURNS 8

static volatile bool other_stops;
static volatile uint64_t other_turns;

static void give_turn(void)
{
    (void)sched_op(SCHEDOP_yield, NULL);
}

// What the other vCPU does between `prepare` and `look`, so that its values meet this one's.
static void other_takes_turns(void)
{
    while (!other_stops) {
        other_turns++;
        give_turn();
    }
}

static void other_begins(void (*function)(void *argument))
{
    uint64_t first = other_turns;

    other_stops = false;
    CHECK_OK(vcpu_start(1, function, NULL));
    CHECK(vcpu_wait_for(&other_turns, first + 1, 2000));
}

static void take_turns(void)
{
    uint64_t first = other_turns;

    for (unsigned i = 0; i < 1000 && other_turns < first + TURNS; i++) {
        give_turn();
    }
    CHECK(other_turns >= first + TURNS);
}

static void other_ends(void)
{
    other_stops = true;
    CHECK(vcpu_wait_down(1, 2000));
}

// ---- extended registers -----------------------------------------------------------------------
#define XCR0_LEGACY 3u
#define XCR0_AVX    7u

#define CR4_OSXSAVE (1ul << 18)

static uint64_t read_cr4(void)
{
    uint64_t value;

    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static void write_cr4(uint64_t value)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(value));
}

static uint64_t read_xcr0(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void write_xcr0(uint64_t value)
{
    write_cr4(read_cr4() | CR4_OSXSAVE);
    __asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static bool has_avx(void)
{
    uint32_t eax = 1, ecx = 0, avx_and_xsave = 1u << 28 | 1u << 26;

    __asm__ volatile("cpuid" : "+a"(eax), "+c"(ecx) : : "ebx", "edx");
    return (ecx & avx_and_xsave) == avx_and_xsave;
}

static const uint64_t ours[4] = {1, 2, 3, 4}, others[4] = {0xa, 0xb, 0xc, 0xd};

static void set_xmm(const uint64_t value[2])
{
    __asm__ volatile("movups %0, %%xmm5" : : "m"(*(const uint64_t(*)[2])value));
}

static void get_xmm(uint64_t value[2])
{
    __asm__ volatile("movups %%xmm5, %0" : "=m"(*(uint64_t(*)[2])value));
}

static void set_ymm(const uint64_t value[4])
{
    __asm__ volatile("vmovups %0, %%ymm5" : : "m"(*(const uint64_t(*)[4])value));
}

static void get_ymm(uint64_t value[4])
{
    __asm__ volatile("vmovups %%ymm5, %0" : "=m"(*(uint64_t(*)[4])value));
}

static uint64_t other_found[4], other_xcr0, other_control;

static void other_has_sse(void *argument)
{
    uint32_t control = 0x1fa0;

    __asm__ volatile("ldmxcsr %0" : : "m"(control));
    set_xmm(others);
    other_takes_turns();
    get_xmm(other_found);
    __asm__ volatile("stmxcsr %0" : "=m"(control));
    other_control = control;
}

TEST("SSE registers and MXCSR are each vCPU's own")
{
    uint64_t found[2];
    uint32_t control;

    set_xmm(ours);
    other_begins(other_has_sse);
    take_turns();
    get_xmm(found);
    __asm__ volatile("stmxcsr %0" : "=m"(control));
    other_ends();
    CHECK_EQ(found[0], ours[0]);
    CHECK_EQ(found[1], ours[1]);
    CHECK_EQ(control, 0x1f80);
    CHECK_EQ(other_found[0], others[0]);
    CHECK_EQ(other_found[1], others[1]);
    CHECK_EQ(other_control, 0x1fa0);
}

static void other_has_avx(void *argument)
{
    write_xcr0(XCR0_AVX);
    set_ymm(others);
    other_takes_turns();
    get_ymm(other_found);
    other_xcr0 = read_xcr0();
}

TEST("AVX registers survive the turns of a vCPU that did not enable them")
{
    uint64_t found[2], xcr0;

    if (!has_avx()) {
        skip("there is no AVX");
    }
    write_xcr0(XCR0_LEGACY);
    set_xmm(ours);
    other_begins(other_has_avx);
    take_turns();
    get_xmm(found);
    xcr0 = read_xcr0();
    other_ends();
    CHECK_EQ(xcr0, XCR0_LEGACY);
    CHECK_EQ(other_xcr0, XCR0_AVX);
    CHECK_EQ(found[0], ours[0]);
    CHECK_EQ(found[1], ours[1]);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(other_found[i], others[i]);
    }
}

TEST("who enables AVX then finds nothing of the other's in it, and keeps its SSE registers")
{
    uint64_t found[4];

    if (!has_avx()) {
        skip("there is no AVX");
    }
    set_xmm(ours);
    other_begins(other_has_avx);
    take_turns();
    write_xcr0(XCR0_AVX);
    get_ymm(found);
    other_ends();
    CHECK_EQ(found[0], ours[0]);
    CHECK_EQ(found[1], ours[1]);
    CHECK_EQ(found[2], 0);
    CHECK_EQ(found[3], 0);
}

TEST("AVX registers outlive that they are off for some turns")
{
    uint64_t found[4];

    if (!has_avx()) {
        skip("there is no AVX");
    }
    write_xcr0(XCR0_AVX);
    set_ymm(ours);
    write_xcr0(XCR0_LEGACY);
    other_begins(other_has_avx);
    take_turns();
    write_xcr0(XCR0_AVX);
    get_ymm(found);
    other_ends();
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(found[i], ours[i]);
        CHECK_EQ(other_found[i], others[i]);
    }
}

static void other_computes(void *argument)
{
    static const double number = 1.5;

    __asm__ volatile("fninit\nfldl %0" : : "m"(number));
    other_takes_turns();
    __asm__ volatile("fstpl %0" : "=m"(other_found[0]));
}

TEST("the FPU trap, and what is on the FPU's stack, are each vCPU's own")
{
    struct fault fault;

    other_begins(other_computes);
    CHECK_OK(fpu_taskswitch(1));
    take_turns();
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("fninit");
    }
    CHECK_TRAP(fault, VECTOR_NM);
    take_turns();
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("fninit");
    }
    other_ends();
    CHECK(!fault.taken);
    CHECK_EQ(other_found[0], 0x3ff8000000000000);
}

// ---- segments ---------------------------------------------------------------------------------
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define CR4_FSGSBASE       (1ul << 16)

struct bases {
    uint64_t fs, gs, other_gs;
};

static uint64_t cells[6] = {10, 11, 12, 13, 14, 15};

static void set_bases(const uint64_t cell[3])
{
    CHECK_OK(set_segment_base(SEGBASE_FS, POINTER(&cell[0])));
    CHECK_OK(set_segment_base(SEGBASE_GS_KERNEL, POINTER(&cell[1])));
    CHECK_OK(set_segment_base(SEGBASE_GS_USER, POINTER(&cell[2])));
}

static struct bases get_bases(void)
{
    struct bases found;
    uint32_t low, high;

    __asm__ volatile("mov %%fs:0, %0" : "=r"(found.fs));
    __asm__ volatile("mov %%gs:0, %0" : "=r"(found.gs));
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_KERNEL_GS_BASE));
    found.other_gs = *(uint64_t *)((uint64_t)high << 32 | low);
    return found;
}

static void use_base_instructions(bool on)
{
    uint64_t others = read_cr4() & ~CR4_FSGSBASE;

    write_cr4(on ? others | CR4_FSGSBASE : others);
}

static bool has_base_instructions(void)
{
    uint32_t eax = 7, ebx, ecx = 0;

    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx) : : "edx");
    return (ebx & 1) != 0;
}

static volatile bool other_uses_instructions;
static struct bases other_bases;

static void other_has_bases(void *argument)
{
    if (has_base_instructions()) {
        use_base_instructions(other_uses_instructions);
    }
    set_bases(&cells[3]);
    other_takes_turns();
    other_bases = get_bases();
    other_control = read_cr4();
}

static void check_bases(bool own_instructions, bool others_instructions)
{
    struct bases found;
    uint64_t control;

    use_base_instructions(own_instructions);
    other_uses_instructions = others_instructions;
    set_bases(&cells[0]);
    other_begins(other_has_bases);
    take_turns();
    found = get_bases();
    control = read_cr4();
    other_ends();
    CHECK_EQ((control & CR4_FSGSBASE) != 0, own_instructions);
    CHECK_EQ((other_control & CR4_FSGSBASE) != 0, others_instructions);
    CHECK_EQ(found.fs, 10);
    CHECK_EQ(found.gs, 11);
    CHECK_EQ(found.other_gs, 12);
    CHECK_EQ(other_bases.fs, 13);
    CHECK_EQ(other_bases.gs, 14);
    CHECK_EQ(other_bases.other_gs, 15);
}

TEST("bases of FS and of both GS are each vCPU's own")
{
    check_bases(false, false);
}

TEST("so they are where only one of them, or both, may use WRFSBASE and its like")
{
    if (!has_base_instructions()) {
        skip("there is no FSGSBASE");
    }
    check_bases(false, true);
    check_bases(true, false);
    check_bases(true, true);
    use_base_instructions(false);
}

TEST("a base that an instruction set is kept over turns")
{
    uint64_t found;

    if (!has_base_instructions()) {
        skip("there is no FSGSBASE");
    }
    use_base_instructions(true);
    other_uses_instructions = false;
    other_begins(other_has_bases);
    __asm__ volatile("wrfsbase %0" : : "r"(&cells[2]));
    take_turns();
    __asm__ volatile("mov %%fs:0, %0" : "=r"(found));
    other_ends();
    CHECK_EQ(found, 12);
    use_base_instructions(false);
}

static uint64_t other_selectors[4];

#define SET_SELECTORS(value)                                                  \
    __asm__ volatile("mov %0, %%ds\nmov %0, %%es\nmov %0, %%fs\nmov %0, %%gs" \
                     :                                                        \
                     : "r"((uint32_t)(value)))

static void get_selectors(uint64_t found[4])
{
    __asm__ volatile("mov %%ds, %0" : "=r"(found[0]));
    __asm__ volatile("mov %%es, %0" : "=r"(found[1]));
    __asm__ volatile("mov %%fs, %0" : "=r"(found[2]));
    __asm__ volatile("mov %%gs, %0" : "=r"(found[3]));
}

static void other_has_selectors(void *argument)
{
    SET_SELECTORS(FLAT_RING3_DS32);
    other_takes_turns();
    get_selectors(other_selectors);
    SET_SELECTORS(0);
}

TEST("selectors are each vCPU's own, null selectors too")
{
    uint64_t found[4];

    SET_SELECTORS(0);
    other_begins(other_has_selectors);
    take_turns();
    get_selectors(found);
    other_ends();
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(found[i], 0);
        CHECK_EQ(other_selectors[i], FLAT_RING3_DS32);
    }
}

#define LDT_SELECTOR (1 * 8 | 4 | 3)
#define LDT_DATA     0x00cff2000000fffful

static bool may_be_read(uint16_t selector)
{
    bool may;

    __asm__ volatile("verr %w1" : "=@ccz"(may) : "r"((uint32_t)selector));
    return may;
}

static long set_ldt(const void *base, unsigned entries)
{
    struct mmuext_op op = {
        .cmd = MMUEXT_SET_LDT, .arg1.linear_addr = POINTER(base), .arg2.nr_ents = entries};

    return mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static void other_has_no_ldt(void *argument)
{
    other_takes_turns();
    other_found[0] = may_be_read(LDT_SELECTOR);
}

TEST("the LDT is each vCPU's own, also where the other has none")
{
    uint64_t *ldt = page_alloc();
    struct fault fault;
    bool may;

    // Its base is where the cells are, which the segment's own base shows.
    ldt[1] =
        LDT_DATA | (POINTER(&cells[1]) & 0xffffff) << 16 | (POINTER(&cells[1]) >> 24 & 0xff) << 56;
    CHECK_OK(page_make_readonly(ldt));
    CHECK_OK(set_ldt(ldt, 2));
    other_begins(other_has_no_ldt);
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("mov %0, %%es" : : "r"((uint32_t)LDT_SELECTOR));
    }
    take_turns();
    may = may_be_read(LDT_SELECTOR);
    __asm__ volatile("mov %0, %%es" : : "r"(0));
    CHECK_OK(set_ldt(NULL, 0));
    other_ends();
    CHECK(!fault.taken);
    CHECK(may);
    CHECK_EQ(other_found[0], 0);
}

// ---- breakpoints ------------------------------------------------------------------------------
#define DR7_WATCH_WRITES (1ul << 10 | 2ul | 1ul << 16 | 2ul << 18)

static volatile uint64_t watched;

static void other_writes(void *argument)
{
    while (!other_stops) {
        other_turns++;
        watched++;
        give_turn();
    }
}

TEST("breakpoints are each vCPU's own")
{
    struct fault fault;

    watched = 0;
    other_begins(other_writes);
    CHECK_OK(set_debugreg(6, 0));
    CHECK_OK(set_debugreg(0, POINTER(&watched)));
    CHECK_OK(set_debugreg(7, DR7_WATCH_WRITES));
    EXPECT_FAULT(&fault)
    {
        take_turns();
    }
    CHECK(!fault.taken);
    CHECK(watched >= TURNS);
    EXPECT_FAULT(&fault)
    {
        watched = 1;
        __asm__ volatile("nop\nnop");
    }
    CHECK_OK(set_debugreg(7, 0));
    other_ends();
    CHECK_TRAP(fault, VECTOR_DB);
}
