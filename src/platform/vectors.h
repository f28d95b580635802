// SPDX-License-Identifier: Apache-2.0
// Which interrupt vectors are whose. A vector space is one CPU's table, or one for all CPUs where
// routing never differs. The vectors for devices are 0x20 to 0xef; those above are the hypervisor's
// own IPIs, timer, error and spurious vector. A CPU serves a higher sixteen first (processor manual
// 3A, 11.8.3). The space's owner serialises the calls.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/bitmap.h"
#include "lib/compiler.h"

#define VECTOR_DEVICE_FIRST 0x20
#define VECTOR_DEVICE_LAST  0xef
#define VECTOR_LEGACY_FIRST 0x20 // sixteen, where the 8259 pair delivers what it should not
#define VECTOR_COUNT        256

#define VECTOR_NO_OWNER UINT32_MAX

enum vector_priority {
    VECTOR_NORMAL, // 0x30 to 0xdf, spread over the classes of sixteen
    VECTOR_HIGH,   // 0xe0 to 0xef: what must not wait for devices, such as the console
};

struct vector_space {
    uint64_t used[BITMAP_WORDS(VECTOR_COUNT)];
    uint32_t owner[VECTOR_COUNT]; // what the caller gave, or VECTOR_NO_OWNER
    uint8_t last;                 // where the search for a normal vector goes on
};

// Everything free but what no device may have: exceptions, the sixteen of the 8259s, 0x80 and 0x82
// (guests have their own use for these software interrupts) and the hypervisor's own from 0xf0.
void vectors_init(struct vector_space *space);

// Takes a free vector for `owner` (an interrupt number of the caller's, not VECTOR_NO_OWNER).
// Returns the vector, or -ENOSPC.
int must_check vectors_alloc(struct vector_space *space, enum vector_priority priority,
                             uint32_t owner);

// Takes `count` vectors in a row, for a device that ORs a number into an MSI's data: `count` is a
// power of two up to 32 and the first is a multiple of it. Owners count up from `owner`. Returns
// the first vector, -EINVAL for another count, or -ENOSPC.
int must_check vectors_alloc_block(struct vector_space *space, unsigned count, uint32_t owner);

// Takes this very vector. Returns 0, -EBUSY, or -EINVAL for one that is no device vector.
int must_check vectors_claim(struct vector_space *space, uint8_t vector, uint32_t owner);

// Gives back a vector that was allocated or claimed; the caller has made sure that nothing raises
// it. Giving back one that is not taken, or never could be, does nothing.
void vectors_free(struct vector_space *space, uint8_t vector);

// Whose it is, VECTOR_NO_OWNER if nobody's. May run while another vector is changed.
uint32_t vectors_owner(const struct vector_space *space, uint8_t vector);
