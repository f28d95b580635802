// SPDX-License-Identifier: Apache-2.0
// What is mapped where in Pavise's part of every address space (layout.h): the image, all RAM, the
// tables with an entry a frame, and devices. The order of the calls: arch/paging.h.

#include "arch/frames.h"
#include "base/lock.h"
#include "base/panic.h"
#include "cpu_features.h"
#include "instructions.h"
#include "layout.h"
#include "lib/string.h"
#include "paging.h"

#define LARGE_PAGE_BYTES (1UL << 21)
#define L4_SLOT_BYTES    (1UL << 39)

extern const char text_start[], text_end[], rodata_start[], rodata_end[], data_start[], data_end[];
extern const char boot_stack_guard[];

static paging_source memory_source;
static uint64_t next_device_va = DEVICE_MAP_BASE; /* guarded by window_lock */
static spinlock_t window_lock = SPINLOCK(RANK_HEAP);

static void map_or_die(uint64_t va, uint64_t pa, uint64_t bytes, unsigned int flags)
{
    int error = paging_map(va, pa, bytes, flags);

    if (error != 0) {
        panic("cannot map %#lx bytes of %#lx at %#lx: error %d", bytes, pa, va, error);
    }
}

static uint64_t image_physical(const char *address)
{
    return (uint64_t)address - IMAGE_BASE;
}

/* ---- the image ------------------------------------------------------------------------------- */

static void map_image_part(const char *start, const char *end, unsigned int flags)
{
    map_or_die((uint64_t)start, image_physical(start), (uint64_t)(end - start), flags);
}

void paging_init(paging_source source)
{
    memory_source = source;
    paging_set_source(source, BOOT_MAPPED_GIB << 30);
    for (uint64_t va = M2P_READ_ONLY_BASE; va < DIRECT_MAP_BASE; va += L4_SLOT_BYTES) {
        if (paging_prepare_slot(va) != 0) {
            panic("no memory for page tables");
        }
    }
    map_image_part(text_start, text_end, PAGING_EXECUTE);
    map_image_part(rodata_start, rodata_end, PAGING_READ);
    map_image_part(data_start, boot_stack_guard, PAGING_WRITE);
    map_image_part(boot_stack_guard + PAGE_SIZE, data_end, PAGING_WRITE);
}

/* ---- the direct map -------------------------------------------------------------------------- */

static void map_direct(uint64_t start, uint64_t end, unsigned int flags)
{
    if (start < end) {
        map_or_die(DIRECT_MAP_BASE + start, start, end - start, flags);
    }
}

/*
 * The image is RAM as well, and must not become writable through the back door. Text and read-only
 * data lie side by side.
 */
void paging_map_ram(uint64_t base, uint64_t bytes)
{
    uint64_t start = ROUND_UP(base, PAGE_SIZE);
    uint64_t end = ROUND_DOWN(base + bytes, PAGE_SIZE);
    uint64_t fixed_start = image_physical(text_start);
    uint64_t fixed_end = image_physical(rodata_end);

    if (end > DIRECT_MAP_END - DIRECT_MAP_START) {
        panic("RAM at %#lx is beyond the direct map", end);
    }
    map_direct(start, MIN(end, fixed_start), PAGING_WRITE);
    map_direct(MAX(start, fixed_start), MIN(end, fixed_end), PAGING_READ);
    map_direct(MAX(start, fixed_end), end, PAGING_WRITE);
}

/* Global entries that the boot tables left would outlive a load of CR3: clearing PGE drops them. */
void paging_activate(void)
{
    uint64_t cr4 = read_cr4();

    write_cr4(cr4 & ~CR4_PGE);
    write_cr3(paging_root());
    write_cr4(cr4);
    paging_set_source(memory_source, UINT64_MAX);
}

/* ---- an entry a frame ------------------------------------------------------------------------ */

/* Backs one page, large if it can be; returns the bytes that are there now from `va` on. */
static uint64_t back_table_page(uint64_t va, uint64_t end, uint64_t alias, int fill)
{
    uint64_t mapped_bytes;
    if (paging_find(va, &mapped_bytes) != NULL) {
        return mapped_bytes - va % mapped_bytes;
    }
    bool large = va % LARGE_PAGE_BYTES == 0 && end - va >= LARGE_PAGE_BYTES;
    uint64_t bytes = large ? LARGE_PAGE_BYTES : PAGE_SIZE;
    uint64_t pa = memory_source(bytes, bytes, UINT64_MAX);
    if (pa == 0) {
        panic("no memory left for the tables of frames");
    }
    memset(frame_to_virt(maddr_to_mfn(maddr(pa))), fill, bytes);
    map_or_die(va, pa, bytes, PAGING_WRITE);
    if (alias != 0) {
        map_or_die(alias, pa, bytes, PAGING_USER);
    }
    return bytes;
}

/* `alias` is where guests see the same, or 0. */
static void back_table(uint64_t start, uint64_t end, uint64_t alias, int fill)
{
    uint64_t va = ROUND_DOWN(start, PAGE_SIZE);

    alias -= alias != 0 ? start - va : 0;
    end = ROUND_UP(end, PAGE_SIZE);
    while (va < end) {
        uint64_t bytes = back_table_page(va, end, alias, fill);
        va += bytes;
        alias += alias != 0 ? bytes : 0;
    }
}

void paging_map_frame_table(uint64_t frames, size_t bytes_per_frame)
{
    uint64_t bytes = frames * bytes_per_frame;

    if (bytes > IMAGE_BASE - FRAME_TABLE_BASE) {
        panic("%lu frames are more than the frame table has room for", frames);
    }
    back_table(FRAME_TABLE_BASE, FRAME_TABLE_BASE + bytes, 0, 0);
}

void paging_map_m2p(uint64_t first_frame, uint64_t frames)
{
    uint64_t offset = first_frame * sizeof(uint64_t);

    back_table(M2P_BASE + offset, M2P_BASE + offset + frames * sizeof(uint64_t),
               M2P_READ_ONLY_BASE + offset, 0xff);
}

void *frame_table_base(void)
{
    return (void *)FRAME_TABLE_BASE;
}

uint64_t *m2p_base(void)
{
    return (uint64_t *)M2P_BASE;
}

uintptr_t m2p_guest_base(void)
{
    return M2P_READ_ONLY_BASE;
}

/* ---- devices --------------------------------------------------------------------------------- */

static void *map_next(uint64_t pa, uint64_t bytes, unsigned int flags)
{
    uint64_t va = next_device_va;

    if (bytes > DEVICE_MAP_END - va || paging_map(va, pa, bytes, flags) != 0) {
        return NULL;
    }
    next_device_va += bytes;
    return (void *)va;
}

/* Nothing was ever mapped there, so no CPU has anything to forget. */
static void *map_window(uint64_t pa, size_t bytes, unsigned int flags)
{
    uint64_t start = ROUND_DOWN(pa, PAGE_SIZE);
    char *mapped;

    if (pa + bytes < pa) {
        return NULL;
    }
    spin_lock(&window_lock);
    mapped = map_next(start, ROUND_UP(pa + bytes, PAGE_SIZE) - start, flags);
    spin_unlock(&window_lock);
    return mapped ? mapped + pa % PAGE_SIZE : NULL;
}

void *arch_map_device(uint64_t pa, size_t bytes)
{
    return map_window(pa, bytes, PAGING_WRITE | PAGING_UNCACHED);
}

const void *arch_map_firmware(uint64_t pa, size_t bytes)
{
    return map_window(pa, bytes, PAGING_READ);
}

uint64_t paging_physical_of(const void *p)
{
    uint64_t bytes, va = (uint64_t)p;
    const uint64_t *entry = paging_find(va, &bytes);

    return entry ? (*entry & PTE_ADDRESS & ~(bytes - 1)) + (va & (bytes - 1)) : UINT64_MAX;
}
