// SPDX-License-Identifier: Apache-2.0
// ACPI tables in a made-up memory, all of them well-formed at first.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "platform/acpi.h"
#include "platform/fadt.h"
#include "platform/madt.h"
#include "platform/mmio.h"

// The first MiB; each mapping is a copy of exactly its length, so that a sanitizer sees every byte
// read beyond it.
static uint8_t memory[0x100000];
static void *mappings[4096];
static unsigned mapped;

static inline const void *map(uint64_t paddr, size_t length)
{
    if (paddr > sizeof(memory) || length > sizeof(memory) - paddr) {
        return NULL;
    }
    assert_true(mapped < sizeof(mappings) / sizeof(mappings[0]));
    void *copy = malloc(length);
    assert_non_null(copy);
    memcpy(copy, memory + paddr, length);
    mappings[mapped++] = copy;
    return copy;
}

static inline void put(uint32_t at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        memory[at + i] = (uint8_t)(value >> (8 * i));
    }
}

static inline void fix_sum(uint32_t at, uint32_t length, uint32_t sum_at)
{
    uint8_t sum = 0;

    memory[at + sum_at] = 0;
    for (uint32_t i = 0; i < length; i++) {
        sum = (uint8_t)(sum + memory[at + i]);
    }
    memory[at + sum_at] = (uint8_t)-sum;
}

static inline void seal(uint32_t at)
{
    uint32_t length;

    memcpy(&length, memory + at + 4, 4);
    fix_sum(at, length, 9);
}

static inline void begin(uint32_t at, const char *signature, uint32_t length)
{
    memset(memory + at, 0, length);
    memcpy(memory + at, signature, 4);
    put(at + 4, length, 4);
}

enum { RSDP = 0xf1230, RSDT = 0x10000, XSDT = 0x11000, MADT = 0x12001, FADT = 0x13000 };
enum { HPET = 0x14000, MCFG = 0x15000 };

static inline void make_rsdp(uint32_t at, uint32_t rsdt, uint64_t xsdt)
{
    memset(memory + at, 0, xsdt != 0 ? 36 : 20);
    memcpy(memory + at, "RSD PTR ", 8);
    put(at + 16, rsdt, 4);
    if (xsdt != 0) {
        put(at + 15, 2, 1);
        put(at + 20, 36, 4);
        put(at + 24, xsdt, 8);
    }
    fix_sum(at, 20, 8);
    if (xsdt != 0) {
        fix_sum(at, 36, 32);
    }
}

static inline void make_root(uint32_t at, const char *signature, unsigned entry_bytes)
{
    static const uint32_t all[] = {MADT, FADT, HPET, MCFG};

    begin(at, signature, 36 + 4 * entry_bytes);
    for (unsigned i = 0; i < 4; i++) {
        put(at + 36 + i * entry_bytes, all[i], entry_bytes);
    }
    seal(at);
}

static inline int fresh(void **state)
{
    memset(memory, 0, sizeof(memory));
    acpi_map = map;
    make_rsdp(RSDP, RSDT, XSDT);
    make_root(RSDT, "RSDT", 4);
    make_root(XSDT, "XSDT", 8);
    begin(MADT, "APIC", 44);
    seal(MADT);
    begin(FADT, "FACP", 276);
    seal(FADT);
    begin(HPET, "HPET", 56);
    seal(HPET);
    begin(MCFG, "MCFG", 44);
    seal(MCFG);
    return 0;
}

static inline int unmap_all(void **state)
{
    while (mapped > 0) {
        free(mappings[--mapped]);
    }
    return 0;
}

#define ACPI_TEST(name) cmocka_unit_test_setup_teardown(name, fresh, unmap_all)
