// SPDX-License-Identifier: Apache-2.0
// Domains that attack: every hypercall number with arguments that are wrong in likely ways, from a
// fixed seed. The hypervisor lives, domain 0 notices nothing, and all memory comes back.

#include "clock.h"
#include "domu.h"
#include "grant.h"
#include "tap.h"

#define MS              1000000ul
#define ROUNDS          40
#define FIRST_ROUNDS    5
#define CALLS_A_ROUND   3000
#define SEED_STEP       0x9e3779b97f4a7c15ul
#define NUMBERS         64
#define BUFFER_PAGES    2
#define BUFFER_BYTES    (BUFFER_PAGES * PAGE_SIZE)
#define STANDSTILL_LOOK (50 * MS)

// ---- random values (xorshift, 64 bits) --------------------------------------------------------
static uint64_t random_state;

static uint64_t any(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint64_t below(uint64_t bound)
{
    return any() % bound;
}

// ---- what the attacker does; all of this runs in the other domain -----------------------------
static char *buffer;

// Frames that mean something: its own pages and tables, its neighbours', low memory, none at all.
static uint64_t any_frame(void)
{
    uint64_t own = pfn_to_mfn(start_info->nr_pages - 1 - below(start_info->nr_p2m_frames * 64));

    switch (below(8)) {
    case 0:
        return virt_to_mfn((void *)start_info->pt_base);
    case 1:
        return virt_to_mfn((char *)start_info->pt_base + below(4) * PAGE_SIZE);
    case 2:
        return start_info->shared_info >> PAGE_SHIFT;
    case 3:
        return below(0x20000);
    case 4:
        return any() >> below(64);
    default:
        return own;
    }
}

static uint64_t any_address(void)
{
    switch (below(8)) {
    case 0:
        return POINTER(buffer) + BUFFER_BYTES - below(32);
    case 1:
        return 0xffff800000000000ul + (any() & 0x7fffffffffff);
    case 2:
        return any();
    case 3:
        return start_info->pt_base + below(4 * PAGE_SIZE);
    default:
        return POINTER(buffer) + (below(BUFFER_BYTES) & ~7ul);
    }
}

static uint64_t any_value(void)
{
    static const uint64_t edges[] = {
        0,      1,         DOMID_SELF,    DOMID_IO,   DOMID_XEN,  DOMID_INVALID,
        0x7fff, 0x8000,    INT32_MAX,     UINT32_MAX, INT64_MAX,  1ul << 63,
        0xfff,  PAGE_SIZE, PAGE_SIZE - 8, UINT64_MAX, ~0ul << 47, 0x7fffffffffff,
    };

    switch (below(6)) {
    case 0:
        return below(40);
    case 1:
        return edges[below(sizeof(edges) / sizeof(edges[0]))];
    case 2:
        return any_frame();
    case 3:
        return any_frame() << PAGE_SHIFT | below(PAGE_SIZE);
    case 4:
        return any_address();
    default:
        return below(16);
    }
}

// Half of the structure words are small: commands, domains, ports, counts, references.
static void fill_buffer(void)
{
    uint64_t *words = (uint64_t *)buffer;
    unsigned start = (unsigned)below(BUFFER_BYTES / 8 - 64);

    for (unsigned i = 0; i < 64; i++) {
        words[start + i] = any_value();
        if (below(2) == 0) {
            words[start + i] = below(16) | below(16) << 32;
        }
    }
}

// Calls that leave the kernel nowhere to go on, or asleep for ever, are rare so that others follow.
static bool is_final(unsigned number)
{
    return number == __HYPERVISOR_iret || number == __HYPERVISOR_sched_op ||
           number == __HYPERVISOR_sched_op_compat || number == __HYPERVISOR_set_gdt ||
           number == __HYPERVISOR_vcpu_op || number == __HYPERVISOR_multicall;
}

static unsigned any_number(void)
{
    unsigned number;

    do {
        number = (unsigned)below(NUMBERS);
    } while (is_final(number) && below(16) != 0);
    return number;
}

static void call(unsigned number, const uint64_t *arguments)
{
    uint64_t result = number, a1 = arguments[0], a2 = arguments[1], a3 = arguments[2];
    register uint64_t r10 __asm__("r10") = arguments[3];
    register uint64_t r8 __asm__("r8") = arguments[4];
    register uint64_t r9 __asm__("r9") = arguments[5];

    __asm__ volatile("syscall"
                     : "+a"(result), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8), "+r"(r9)
                     :
                     : "rcx", "r11", "memory");
}

// One call, by a command that may exist and a pointer into the buffer, or by anything at all.
static void attack_once(void)
{
    unsigned number = any_number();
    uint64_t arguments[6];

    fill_buffer();
    for (unsigned i = 0; i < 6; i++) {
        arguments[i] = any_value();
    }
    if (below(3) != 0) {
        arguments[0] = below(48);
        arguments[1] = any_address();
        arguments[2] = below(8);
    } else if (below(2) == 0) {
        arguments[0] = any_address();
        arguments[1] = below(8);
    }
    call(number, arguments);
}

// The callbacks and the stack are put back after each call: they were not the aim.
static long attack(void *data)
{
    random_state = *(uint64_t *)data;
    buffer = pages_alloc(BUFFER_PAGES);
    upcalls_disable();
    for (unsigned i = 0; i < CALLS_A_ROUND; i++) {
        struct fault fault;

        EXPECT_FAULT(&fault)
        {
            attack_once();
        }
        domu_mailbox->progress++;
        trap_init();
        upcalls_disable();
    }
    return 0;
}

// ---- domain 0's side --------------------------------------------------------------------------
static struct domu domu;
static uint8_t *canary;
static evtchn_port_t open_port;
static uint64_t frames_before, calls_made;
static unsigned rounds_finished, rounds_ended, rounds_stuck;

static void sleep_ns(uint64_t length)
{
    struct sched_poll poll = {.timeout = clock_ns() + length};

    (void)sched_op(SCHEDOP_poll, &poll);
}

// Until the round is over: done, dead, or no call made for a while.
static void watch(void)
{
    struct mailbox *box = domu.mailbox;
    uint64_t last = UINT64_MAX;

    while (__atomic_load_n(&box->answered, __ATOMIC_SEQ_CST) == 0) {
        uint64_t now = __atomic_load_n(&box->progress, __ATOMIC_SEQ_CST);
        if (domain_shutdown_code(domu.domain.domid) >= 0) {
            rounds_ended++;
            break;
        }
        if (now == last) {
            rounds_stuck++;
            break;
        }
        last = now;
        sleep_ns(STANDSTILL_LOOK);
    }
    rounds_finished += box->answered != 0;
    calls_made += box->progress;
}

// What the attacker may use: a page to read, and a port that waits for it.
static void give_rights(void)
{
    struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = domu.domain.domid};

    for (grant_ref_t ref = 8; ref < 16; ref++) {
        struct grant grant = {.ref = ref,
                              .domid = domu.domain.domid,
                              .frame = virt_to_mfn(canary),
                              .flags = GTF_permit_access | GTF_readonly};
        grant_set(&grant);
    }
    if (event_channel_op(EVTCHNOP_alloc_unbound, &alloc) == 0) {
        open_port = alloc.port;
    }
}

static bool round_of(uint64_t seed)
{
    if (domu_start(&domu, NULL) != 0) {
        return false;
    }
    give_rights();
    domu_ask(&domu, attack, &seed, sizeof(seed));
    sleep_ns(MS);
    watch();
    (void)event_close(open_port);
    return domu_kill(&domu);
}

static bool canary_lives(void)
{
    for (unsigned i = 0; i < PAGE_SIZE; i++) {
        if (canary[i] != (uint8_t)(i * 11)) {
            return false;
        }
    }
    return true;
}

TEST("domain 0 has a page that it will grant to who attacks")
{
    canary = page_alloc();
    for (unsigned i = 0; i < PAGE_SIZE; i++) {
        canary[i] = (uint8_t)(i * 11);
    }
    CHECK_OK(grant_init(1, 1));
}

// What the hypervisor keeps for domain 0's entry once somebody has mapped it, it keeps from here
// on.
TEST("a domain that means no harm uses what domain 0 offers")
{
    struct grant_map_wish wish = {.ref = 8, .domid = 0, .flags = GNTMAP_host_map | GNTMAP_readonly};

    CHECK_OK(domu_start(&domu, NULL));
    give_rights();
    CHECK_EQ(domu_call(&domu, grant_map_there, &wish, sizeof(wish)), GNTST_okay);
    CHECK_EQ(domu_call(&domu, grant_unmap_there, &wish, sizeof(wish)), GNTST_okay);
    CHECK_OK(event_close(open_port));
    CHECK(domu_kill(&domu));
}

TEST("the first attackers are survived")
{
    for (uint64_t round = 1; round <= FIRST_ROUNDS; round++) {
        CHECK(round_of(round * SEED_STEP));
    }
    frames_before = free_frames_settled();
}

TEST("random calls of a hostile domain leave the hypervisor alive")
{
    for (uint64_t round = FIRST_ROUNDS + 1; round <= ROUNDS; round++) {
        if (!round_of(round * SEED_STEP)) {
            diagnose("round %lu", round);
            CHECK(false);
        }
    }
    diagnose("%lu calls; %u domains made all of theirs, %u ended, %u slept or ran off", calls_made,
             rounds_finished, rounds_ended, rounds_stuck);
    CHECK(calls_made > ROUNDS);
}

TEST("domain 0's memory is as it was")
{
    CHECK(canary_lives());
    for (grant_ref_t ref = 8; ref < 16; ref++) {
        CHECK_EQ(grant_flags(ref), GTF_permit_access | GTF_readonly);
    }
}

TEST("domain 0's clock, timers and events go on")
{
    uint64_t before = clock_ns();
    int port = event_bind_ipi(0);

    sleep_ns(5 * MS);
    CHECK(clock_ns() >= before + 5 * MS);
    CHECK(port > 0);
    event_clear_mask((evtchn_port_t)port);
    event_reset_counts();
    CHECK_OK(event_send((evtchn_port_t)port));
    CHECK_EQ(event_count((evtchn_port_t)port), 1);
    event_mask((evtchn_port_t)port);
    CHECK_OK(event_close((evtchn_port_t)port));
}

TEST("every frame of the attackers is free again")
{
    CHECK(free_frames_return_to(frames_before));
}
