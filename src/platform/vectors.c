// SPDX-License-Identifier: Apache-2.0
// Allocation of interrupt vectors.
#include "platform/vectors.h"

#include "abi/errno.h"

enum {
    LEGACY_LAST = VECTOR_LEGACY_FIRST + 15,
    NORMAL_FIRST = LEGACY_LAST + 1,
    NORMAL_LAST = 0xdf,
    HIGH_FIRST = NORMAL_LAST + 1,
    CLASS = 16,
    LINUX_SYSTEM_CALL = 0x80,
    OLD_HYPERCALL = 0x82,
};

static bool reserved(unsigned vector)
{
    return vector < NORMAL_FIRST || vector > VECTOR_DEVICE_LAST || vector == LINUX_SYSTEM_CALL ||
           vector == OLD_HYPERCALL;
}

static void take(struct vector_space *space, unsigned vector, uint32_t owner)
{
    bit_set(space->used, vector);
    WRITE_ONCE(space->owner[vector], owner);
}

void vectors_init(struct vector_space *space)
{
    *space = (struct vector_space){.last = NORMAL_FIRST};
    for (unsigned vector = 0; vector < VECTOR_COUNT; vector++) {
        space->owner[vector] = VECTOR_NO_OWNER;
        if (reserved(vector)) {
            bit_set(space->used, vector);
        }
    }
}

// The next normal vector in an order that goes through the classes first: old local APICs hold back
// only two interrupts of one class. Every vector comes once before any comes twice.
static unsigned next_normal(unsigned vector)
{
    vector += CLASS;
    if (vector <= NORMAL_LAST) {
        return vector;
    }
    vector = NORMAL_FIRST + (vector % CLASS + 1) % CLASS;
    return vector;
}

static int alloc_normal(struct vector_space *space, uint32_t owner)
{
    unsigned vector = space->last;

    for (unsigned tried = NORMAL_FIRST; tried <= NORMAL_LAST; tried++) {
        vector = next_normal(vector);
        if (!bit_test(space->used, vector)) {
            space->last = (uint8_t)vector;
            take(space, vector, owner);
            return (int)vector;
        }
    }
    return -ENOSPC;
}

static int alloc_high(struct vector_space *space, uint32_t owner)
{
    size_t vector = bit_find(space->used, VECTOR_DEVICE_LAST + 1, HIGH_FIRST, false);

    if (vector > VECTOR_DEVICE_LAST) {
        return -ENOSPC;
    }
    take(space, (unsigned)vector, owner);
    return (int)vector;
}

int vectors_alloc(struct vector_space *space, enum vector_priority priority, uint32_t owner)
{
    return priority == VECTOR_HIGH ? alloc_high(space, owner) : alloc_normal(space, owner);
}

static bool block_is_free(const struct vector_space *space, unsigned first, unsigned count)
{
    return bit_find(space->used, first + count, first, true) == first + count;
}

int vectors_alloc_block(struct vector_space *space, unsigned count, uint32_t owner)
{
    if (count == 0 || count > 32 || (count & (count - 1)) != 0) {
        return -EINVAL;
    }
    for (unsigned first = ROUND_UP((unsigned)NORMAL_FIRST, count); first + count - 1 <= NORMAL_LAST;
         first += count) {
        if (block_is_free(space, first, count)) {
            for (unsigned i = 0; i < count; i++) {
                take(space, first + i, owner + i);
            }
            return (int)first;
        }
    }
    return -ENOSPC;
}

int vectors_claim(struct vector_space *space, uint8_t vector, uint32_t owner)
{
    if (reserved(vector)) {
        return -EINVAL;
    }
    if (bit_test(space->used, vector)) {
        return -EBUSY;
    }
    take(space, vector, owner);
    return 0;
}

void vectors_free(struct vector_space *space, uint8_t vector)
{
    if (reserved(vector)) {
        return;
    }
    WRITE_ONCE(space->owner[vector], VECTOR_NO_OWNER);
    bit_clear(space->used, vector);
}

uint32_t vectors_owner(const struct vector_space *space, uint8_t vector)
{
    return READ_ONCE(space->owner[vector]);
}
