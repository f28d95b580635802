// SPDX-License-Identifier: Apache-2.0
// The machine's side of the seam, played by a process.
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/clock.h"
#include "arch/frames.h"
#include "arch/guest.h"
#include "arch/interrupts.h"
#include "arch/power.h"
#include "arch/race.h"
#include "arch/tlb.h"
#include "base/cpu_call.h"
#include "memory/allocator.h"
#include "memory/flush.h"
#include "pv/traps.h"

_Thread_local struct cpu *host_this_cpu;
bool host_cpus_are_threads;
unsigned char *host_ram;
struct host_calls host_calls;
uint64_t host_tsc;
_Thread_local int64_t host_tsc_ahead;
uint64_t host_tsc_hz = 1000000000;
uint64_t host_wall_clock = 1700000000;
uint64_t host_alarm = UINT64_MAX;
uint64_t host_alarms[MAX_CPUS];

void (*host_race_window)(bool waits);

static unsigned char *guest_memory;
static uint64_t guest_bytes, guest_fault_offset = UINT64_MAX;
static bool guest_read_only;

static void *must_have(void *p)
{
    if (!p) {
        fprintf(stderr, "host machine: out of memory\n");
        abort();
    }
    return p;
}

/*
 * The memory of the machine before, if it was as large: a fuzzer makes thousands of machines a
 * second, and most of its time would be the system's, for new pages.
 */
static unsigned char *ram_kept;
static uint64_t frames_kept;

static unsigned char *take_ram(uint64_t frames)
{
    unsigned char *ram = ram_kept;

    if (frames != frames_kept) {
        free(ram);
        ram = must_have(aligned_alloc(PAGE_SIZE, frames * PAGE_SIZE));
    }
    ram_kept = NULL;
    frames_kept = 0;
    memset(ram, 0, frames * PAGE_SIZE);
    return ram;
}

uint64_t host_allocations_left;

void host_machine_create(uint64_t frames, unsigned int number)
{
    host_ram = take_ram(frames);
    frame_table = must_have(calloc(frames, sizeof(*frame_table)));
    frame_count = frames;
    for (unsigned int id = 0; id < number; id++) {
        cpus[id] = must_have(calloc(1, sizeof(*cpus[id])));
        cpus[id]->self = cpus[id];
        cpus[id]->id = id;
        cpus[id]->flush_stamp = flush_clock;
        host_alarms[id] = UINT64_MAX;
    }
    cpu_count = number;
    cpu_online_bits = number == MAX_CPUS ? ~0ULL : (1ULL << number) - 1;
    host_become_cpu(0);
    memset(&host_calls, 0, sizeof(host_calls));
    host_guest_fault_from(UINT64_MAX);
    host_guest_read_only(false);
    frame_table[0].owner = DOMID_XEN;
    frames_reset();
    frames_add_range(mfn(1), frames - 1);
}

/* Where 32-bit code of a guest's reaches it, too; new pages are zeroes. */
static unsigned char *map_low(uint64_t bytes)
{
    void *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

    return must_have(memory == MAP_FAILED ? NULL : memory);
}

static void drop_guest_memory(void)
{
    if (guest_memory) {
        munmap(guest_memory, ROUND_UP(guest_bytes, PAGE_SIZE));
    }
    guest_memory = NULL;
    guest_bytes = 0;
}

void host_machine_destroy(void)
{
    for (unsigned int id = 0; id < cpu_count; id++) {
        free(cpus[id]);
        cpus[id] = NULL;
    }
    cpu_count = 0;
    cpu_online_bits = 0;
    host_this_cpu = NULL;
    free(frame_table);
    drop_guest_memory();
    free(ram_kept);
    ram_kept = host_ram;
    frames_kept = frame_count;
    frame_table = NULL;
    host_ram = NULL;
}

void host_become_cpu(unsigned int id)
{
    host_this_cpu = cpus[id];
}

unsigned char *host_guest_memory(uint64_t bytes)
{
    drop_guest_memory();
    guest_memory = map_low(ROUND_UP(bytes, PAGE_SIZE));
    guest_bytes = bytes;
    return guest_memory;
}

gva_t host_guest_address(const void *p)
{
    return gva((uint64_t)p);
}

void host_guest_fault_from(uint64_t offset)
{
    guest_fault_offset = offset;
}

void host_guest_read_only(bool on)
{
    guest_read_only = on;
}

/* Nothing may come from a null pointer or go to one, not even no bytes. */
static void copy(void *to, const void *from, size_t bytes)
{
    if (bytes != 0) {
        memcpy(to, from, bytes);
    }
}

/* How many of the bytes at `address` lie in guest memory and before the faulting offset. */
static size_t reachable(gva_t address, size_t bytes)
{
    uint64_t offset = address.a - (uint64_t)guest_memory;
    uint64_t end = MIN(guest_bytes, guest_fault_offset);

    return !guest_memory || offset >= end ? 0 : MIN(bytes, (size_t)(end - offset));
}

bool guest_range_ok(gva_t base, uint64_t bytes)
{
    return base.a + bytes >= base.a;
}

int copy_from_guest(void *to, gva_t from, size_t bytes)
{
    size_t good;

    race_window();
    good = reachable(from, bytes);
    copy(to, (const void *)from.a, good);
    return good == bytes ? 0 : -14;
}

int copy_word_from_guest(uint64_t *to, gva_t from)
{
    return copy_from_guest(to, from, sizeof(*to));
}

int copy_to_guest(gva_t to, const void *from, size_t bytes)
{
    size_t good;

    race_window();
    good = guest_read_only ? 0 : reachable(to, bytes);
    copy((void *)to.a, from, good);
    return good == bytes ? 0 : -14;
}

int clear_guest(gva_t to, size_t bytes)
{
    size_t good = guest_read_only ? 0 : reachable(to, bytes);

    if (good != 0) {
        memset((void *)to.a, 0, good);
    }
    return good == bytes ? 0 : -14;
}

void arch_kick_cpu(unsigned int id)
{
    __atomic_add_fetch(&host_calls.kicks[id], 1, __ATOMIC_RELAXED);
}

/* Where one thread plays all CPUs, it is the other one for as long as the call takes. */
void arch_send_call(unsigned int id)
{
    struct cpu *caller = host_this_cpu;

    if (!host_cpus_are_threads) {
        host_this_cpu = cpus[id];
        cpu_serve_call();
        host_this_cpu = caller;
    }
}

void arch_poll_interrupts(void)
{
}

/* A test may bring the interrupt that ends it. */
void arch_idle(void)
{
    race_window();
}

void arch_clock_start(uint64_t tsc_hz, uint8_t century_index)
{
    host_tsc_hz = tsc_hz;
}

struct idle_state host_idle_state;

void arch_set_idle_state(const struct idle_state *state)
{
    host_idle_state = *state;
}

uint8_t arch_broadcast_vector(void)
{
    return 0xfb;
}

void arch_start_local_interrupts(void)
{
}

void arch_enable_corrected_error_interrupt(void)
{
}

void arch_raise_machine_check(void)
{
    hardware_machine_check(NULL);
}

void arch_raise_corrected_error(void)
{
    hardware_corrected_error();
}

void arch_set_device_interrupt(void (*serve)(unsigned int vector))
{
}

uint64_t arch_tsc_hz(void)
{
    return host_tsc_hz;
}

void arch_set_alarm(uint64_t tsc)
{
    WRITE_ONCE(host_alarm, tsc);
    host_alarms[host_this_cpu->id] = tsc;
}

uint64_t arch_read_wall_clock(void)
{
    return host_wall_clock;
}

void arch_tlb_flush_local(void)
{
    flush_note_local();
    __atomic_add_fetch(&host_calls.tlb_flush_local, 1, __ATOMIC_RELAXED);
}

void arch_tlb_flush_page_local(uint64_t address)
{
    host_calls.last_flushed_address = address;
    __atomic_add_fetch(&host_calls.tlb_flush_page, 1, __ATOMIC_RELAXED);
}

void arch_tlb_flush_cpus(uint64_t mask)
{
    uint64_t stamp = __atomic_add_fetch(&flush_clock, 1, __ATOMIC_SEQ_CST);

    __atomic_add_fetch(&host_calls.tlb_flush_cpus, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&host_calls.last_flushed_cpus, mask, __ATOMIC_RELAXED);
    for (unsigned int id = 0; id < cpu_count; id++) {
        if ((mask >> id) & 1) {
            WRITE_ONCE(cpus[id]->flush_stamp, stamp);
        }
    }
}

void arch_tlb_flush_page_cpus(uint64_t mask, uint64_t address)
{
    __atomic_store_n(&host_calls.last_flushed_cpus, mask, __ATOMIC_RELAXED);
    arch_tlb_flush_page_local(address);
}

void arch_cache_flush_local(void)
{
    __atomic_add_fetch(&host_calls.cache_flush, 1, __ATOMIC_RELAXED);
}

void arch_without_caches(void (*function)(const void *argument), const void *argument)
{
    arch_cache_flush_local();
    function(argument);
    arch_cache_flush_local();
}

void arch_cache_flush_lines(const void *from, size_t bytes)
{
    __atomic_add_fetch(&host_calls.bytes_flushed, bytes, __ATOMIC_RELAXED);
}

void arch_halt(void)
{
    abort();
}

void arch_reboot(void)
{
    abort();
}
