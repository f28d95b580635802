// SPDX-License-Identifier: Apache-2.0
// A small physical memory for tests of loaders' structures: each range that a parser asks for is
// copied to a block of exactly that size, so the sanitizers see every byte read beyond it.
#pragma once

#include <stdlib.h>
#include <string.h>

#include "boot/boot_info.h"

#define BOOT_MEMORY_BYTES 65536

static uint8_t boot_memory[BOOT_MEMORY_BYTES];
static void *boot_memory_block;

static const void *boot_memory_reach(const struct boot_reader *reader, uint64_t pa, uint64_t bytes)
{
    if (pa >= BOOT_MEMORY_BYTES || bytes > BOOT_MEMORY_BYTES - pa) {
        return NULL;
    }
    free(boot_memory_block);
    boot_memory_block = malloc(bytes);
    memcpy(boot_memory_block, boot_memory + pa, bytes);
    return boot_memory_block;
}

static const struct boot_reader boot_memory_reader = {.reach = boot_memory_reach};

static inline void put8(uint64_t pa, uint8_t value)
{
    boot_memory[pa] = value;
}

static inline void put32(uint64_t pa, uint32_t value)
{
    memcpy(boot_memory + pa, &value, sizeof(value));
}

static inline void put64(uint64_t pa, uint64_t value)
{
    memcpy(boot_memory + pa, &value, sizeof(value));
}

static inline uint64_t put_string(uint64_t pa, const char *text)
{
    memcpy(boot_memory + pa, text, strlen(text) + 1);
    return pa;
}

/*
 * What holds for whatever a parser made of whatever it was given: terminated strings, a normalized
 * map, modules within physical memory.
 */
static inline void check_boot_info(const struct boot_info *info)
{
    assert_non_null(memchr(info->cmdline, 0, sizeof(info->cmdline)));
    assert_non_null(memchr(info->loader, 0, sizeof(info->loader)));
    assert_true(info->module_count <= BOOT_MODULES_MAX);
    for (uint32_t i = 0; i < info->module_count; i++) {
        const struct boot_module *m = &info->modules[i];
        assert_true(m->bytes != 0 && m->base + m->bytes <= PHYSICAL_ADDRESS_END);
        assert_true(m->cmdline >= info->strings &&
                    m->cmdline + strlen(m->cmdline) < info->strings + BOOT_STRINGS_MAX);
    }
    assert_true(info->memory.count <= MEMORY_REGIONS_MAX);
    for (uint32_t i = 0; i < info->memory.count; i++) {
        const struct memory_region *r = &info->memory.regions[i];
        assert_true(r->bytes != 0 && r->base + r->bytes <= PHYSICAL_ADDRESS_END);
        assert_true(i == 0 || r[-1].base + r[-1].bytes <= r->base);
    }
    assert_true(info->efi.map_bytes <= sizeof(info->efi.map));
    assert_true(info->rsdp_copy_bytes <= BOOT_RSDP_BYTES);
}

/*
 * Parses a good structure again and again with some of the first `bytes` of memory overwritten.
 * Overwrites with small and with extreme numbers reach further than plain noise does.
 */
static inline void parse_damaged(uint32_t magic, uint64_t pa, size_t bytes, int rounds)
{
    static const uint32_t values[] = {0, 1, 3, 7, 8, 20, 0xff, 0xffff, 0x7fffffff, 0xfffffff8, ~0U};
    static uint8_t good[BOOT_MEMORY_BYTES];
    static struct boot_info info;

    memcpy(good, boot_memory, sizeof(good));
    srand(magic);
    for (int round = 0; round < rounds; round++) {
        memcpy(boot_memory, good, sizeof(good));
        for (int i = rand() % 4; i >= 0; i--) {
            uint32_t value = rand() % 2 ? values[rand() % ARRAY_SIZE(values)] : (uint32_t)rand();
            size_t length = 1U << rand() % 3;
            memcpy(boot_memory + (size_t)rand() % (bytes - 4), &value, length);
        }
        memset(&info, 0, sizeof(info));
        if (boot_parse(&info, &boot_memory_reader, magic, pa) == 0) {
            check_boot_info(&info);
        }
    }
    memcpy(boot_memory, good, sizeof(good));
}
