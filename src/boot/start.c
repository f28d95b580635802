// SPDX-License-Identifier: Apache-2.0
// The order of start, from the first line of C to domain 0. Each step needs those before it.

#include "boot/start.h"

#include "arch/frames.h"
#include "arch/paging.h"
#include "arch/start.h"
#include "base/log.h"
#include "base/panic.h"
#include "boot/boot_info.h"
#include "boot/cmdline.h"
#include "boot/early_memory.h"
#include "boot/launch.h"
#include "memory/frame.h"

/* Firmware's tables, real-mode leftovers and the place where other CPUs start. */
#define LOW_MEMORY_END (1UL << 20)

static struct boot_info boot_info;

/* ---- what the loader says ----------------------------------------------------------------------
 */

static const void *reach_physical(const struct boot_reader *reader, uint64_t pa, uint64_t bytes)
{
    uint64_t end = arch_early_reach();

    if (pa >= end || bytes > end - pa) {
        return NULL;
    }
    return (const char *)frame_to_virt(maddr_to_mfn(maddr(pa))) + pa % PAGE_SIZE;
}

static void read_boot_info(uint32_t magic, uint32_t pa)
{
    static const struct boot_reader reader = {.reach = reach_physical};
    int error = boot_parse(&boot_info, &reader, magic, pa);

    if (error != 0) {
        panic("no usable boot information (magic %#x, at %#x): error %d", magic, pa, error);
    }
}

static void log_screen(const struct boot_framebuffer *screen)
{
    if (screen->type != FRAMEBUFFER_NONE) {
        log_info("screen %ux%u%s at %#lx", screen->width, screen->height,
                 screen->type == FRAMEBUFFER_TEXT ? " characters" : "",
                 (unsigned long)screen->base);
    }
}

static void log_boot_info(void)
{
    const struct memory_map *map = &boot_info.memory;

    log_info("started by %s (%s), command line: %s", boot_info.protocol,
             boot_info.loader[0] != 0 ? boot_info.loader : "no name", boot_info.cmdline);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct memory_region *r = &map->regions[i];
        log_info("memory 0x%012lx-0x%012lx %s", (unsigned long)r->base,
                 (unsigned long)(r->base + r->bytes), memory_type_name(r->type));
    }
    for (uint32_t i = 0; i < boot_info.module_count; i++) {
        const struct boot_module *m = &boot_info.modules[i];
        log_info("module %#lx, %lu bytes: %s", (unsigned long)m->base, (unsigned long)m->bytes,
                 m->cmdline);
    }
    log_screen(&boot_info.framebuffer);
    if (boot_info.truncated || map->dropped != 0) {
        log_warning("the loader's information was too large, or damaged: some is lost");
    }
}

/* ---- memory ------------------------------------------------------------------------------------
 */

static void start_early_memory(void)
{
    struct physical_range image = arch_image_range();

    early_memory_init(&boot_info.memory, LOW_MEMORY_END);
    early_memory_reserve(image.base, image.bytes);
    for (uint32_t i = 0; i < boot_info.module_count; i++) {
        early_memory_reserve(boot_info.modules[i].base, boot_info.modules[i].bytes);
    }
}

static void for_each_usable(void (*act)(uint64_t base, uint64_t bytes))
{
    for (uint32_t i = 0; i < boot_info.memory.count; i++) {
        const struct memory_region *r = &boot_info.memory.regions[i];
        if (r->type == MEMORY_USABLE) {
            act(r->base, r->bytes);
        }
    }
}

static void map_m2p(uint64_t base, uint64_t bytes)
{
    uint64_t first = ROUND_UP(base, PAGE_SIZE) >> PAGE_SHIFT;
    uint64_t end = (base + bytes) >> PAGE_SHIFT;

    if (first < end) {
        paging_map_m2p(first, end - first);
    }
}

static void map_everything(void)
{
    paging_init(early_memory_alloc);
    for_each_usable(paging_map_ram);
    paging_activate();
    paging_map_frame_table(memory_map_usable_end(&boot_info.memory) >> PAGE_SHIFT,
                           sizeof(struct frame));
    for_each_usable(map_m2p);
}

/* ---- in order ----------------------------------------------------------------------------------
 */

void pavise_start(uint32_t magic, uint32_t info)
{
    arch_start_first_cpu();
    log_info("Pavise");
    read_boot_info(magic, info);
    cmdline_apply(boot_info.cmdline);
    log_boot_info();
    arch_log_cpu();
    arch_decide_defences();

    start_early_memory();
    map_everything();
    log_info("%lu MiB of memory, %lu MiB of it free",
             (unsigned long)(memory_map_usable_bytes(&boot_info.memory) >> 20),
             (unsigned long)(early_memory_free_bytes() >> 20));

    launch(&boot_info);
}
