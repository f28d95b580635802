// SPDX-License-Identifier: Apache-2.0
// Memory maps as guests get them: the machine's, and one that a domain's builder made for it.
#pragma once

#include "domain/domain.h"

/* An entry as BIOS interrupt 0x15, E820 has it; the interface copies it as it is. */
struct e820entry {
    uint64_t address;
    uint64_t bytes;
    uint32_t type; /* 1 RAM, 2 reserved, 3 ACPI tables, 4 ACPI NVS, 5 unusable */
} __attribute__((packed));

#define E820_MAX_ENTRIES 1024

/*
 * Start of day: the machine's map for domain 0, sorted, without overlaps. It is kept by address,
 * not copied.
 */
void memory_map_set_machine(const struct e820entry *entries, uint32_t count);

/* The domain's end. */
void memory_map_free(struct domain *d);
/* What a domain is charged for it at most. */
uint64_t memory_map_most_heap(void);
