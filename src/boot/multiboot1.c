// SPDX-License-Identifier: Apache-2.0
// The Multiboot 1 information structure (Multiboot Specification 0.6.96, section 3.3).

#include "abi/errno.h"
#include "boot/boot_info.h"
#include "lib/string.h"

#define HAS_MEMORY      (1U << 0)
#define HAS_CMDLINE     (1U << 2)
#define HAS_MODULES     (1U << 3)
#define HAS_MEMORY_MAP  (1U << 6)
#define HAS_LOADER_NAME (1U << 9)
#define HAS_FRAMEBUFFER (1U << 12)

struct multiboot1_info {
    uint32_t flags;
    uint32_t lower_kib, upper_kib;
    uint32_t boot_device;
    uint32_t cmdline;
    uint32_t module_count, modules;
    uint32_t symbols[4];
    uint32_t memory_map_bytes, memory_map;
    uint32_t drives_bytes, drives;
    uint32_t config_table;
    uint32_t loader_name;
    uint32_t apm_table;
    uint32_t vbe[4];
    uint64_t framebuffer;
    uint32_t pitch_bytes, width, height;
    uint8_t bits_per_pixel;
    uint8_t framebuffer_type; /* 0 palette, 1 RGB, 2 text */
    uint8_t red_position, red_bits, green_position, green_bits, blue_position, blue_bits;
} __attribute__((packed));
_Static_assert(sizeof(struct multiboot1_info) == 116, "as the specification draws it");

struct multiboot1_module {
    uint32_t start, end;
    uint32_t cmdline;
    uint32_t reserved;
};

struct multiboot1_region {
    uint32_t bytes_that_follow; /* at least 20; the next region comes after them */
    uint64_t base, bytes;
    uint32_t type;
} __attribute__((packed));

static void parse_memory_map(struct boot_info *info, const struct boot_reader *reader, uint64_t pa,
                             uint32_t bytes)
{
    const uint32_t own = sizeof(uint32_t);
    struct multiboot1_region region;

    for (uint64_t end = pa + bytes; pa < end && end - pa >= sizeof(region);
         pa += own + region.bytes_that_follow) {
        if (!boot_copy(reader, pa, &region, sizeof(region)) ||
            region.bytes_that_follow < sizeof(region) - own) {
            info->truncated = true;
            return;
        }
        memory_map_add(&info->memory, region.base, region.bytes, region.type);
    }
}

/* From a loader without a map; the two sizes are in KiB, the upper one counted from 1 MiB. */
static void parse_memory_sizes(struct boot_info *info, const struct multiboot1_info *mbi)
{
    memory_map_add(&info->memory, 0, (uint64_t)mbi->lower_kib << 10, MEMORY_USABLE);
    memory_map_add(&info->memory, 1 << 20, (uint64_t)mbi->upper_kib << 10, MEMORY_USABLE);
}

static void parse_modules(struct boot_info *info, const struct boot_reader *reader, uint64_t pa,
                          uint32_t count)
{
    struct multiboot1_module module;

    for (uint32_t i = 0; i < count && !info->truncated; i++, pa += sizeof(module)) {
        if (!boot_copy(reader, pa, &module, sizeof(module))) {
            info->truncated = true;
            return;
        }
        uint64_t bytes = module.end > module.start ? module.end - module.start : 0;
        boot_add_module(info, reader, module.start, bytes, module.cmdline);
    }
}

static void parse_framebuffer(struct boot_info *info, const struct multiboot1_info *mbi)
{
    static const enum framebuffer_type types[] = {FRAMEBUFFER_NONE, FRAMEBUFFER_RGB,
                                                  FRAMEBUFFER_TEXT};
    info->framebuffer = (struct boot_framebuffer){
        .type = mbi->framebuffer_type < ARRAY_SIZE(types) ? types[mbi->framebuffer_type]
                                                          : FRAMEBUFFER_NONE,
        .base = mbi->framebuffer,
        .pitch_bytes = mbi->pitch_bytes,
        .width = mbi->width,
        .height = mbi->height,
        .bits_per_pixel = mbi->bits_per_pixel,
        .red = {mbi->red_position, mbi->red_bits},
        .green = {mbi->green_position, mbi->green_bits},
        .blue = {mbi->blue_position, mbi->blue_bits},
    };
}

int boot_parse_multiboot1(struct boot_info *info, const struct boot_reader *reader, uint64_t pa)
{
    struct multiboot1_info mbi;

    info->protocol = "Multiboot 1";
    if (!boot_copy(reader, pa, &mbi, sizeof(mbi))) {
        return -EINVAL;
    }
    if (mbi.flags & HAS_LOADER_NAME) {
        boot_copy_string(info, reader, mbi.loader_name, info->loader, sizeof(info->loader));
    }
    if (mbi.flags & HAS_CMDLINE) {
        boot_copy_string(info, reader, mbi.cmdline, info->cmdline, sizeof(info->cmdline));
    }
    if (mbi.flags & HAS_MODULES) {
        parse_modules(info, reader, mbi.modules, mbi.module_count);
    }
    if (mbi.flags & HAS_MEMORY_MAP) {
        parse_memory_map(info, reader, mbi.memory_map, mbi.memory_map_bytes);
    } else if (mbi.flags & HAS_MEMORY) {
        parse_memory_sizes(info, &mbi);
    }
    if (mbi.flags & HAS_FRAMEBUFFER) {
        parse_framebuffer(info, &mbi);
    }
    boot_strip_lines(info, strncmp(info->loader, "GRUB 2", 6) != 0);
    memory_map_normalize(&info->memory);
    return info->memory.count != 0 ? 0 : -EINVAL;
}
