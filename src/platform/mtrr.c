// SPDX-License-Identifier: Apache-2.0
// Reads memory type range registers, and compares those of two CPUs.
#include "platform/mtrr.h"

#include "arch/msr.h"
#include "arch/tlb.h"
#include "lib/string.h"

#define MSR_MTRR_CAP          0xfe
#define MSR_MTRR_DEFAULT      0x2ff
#define MSR_MTRR_BASE(number) (0x200 + 2 * (number))
#define MSR_MTRR_MASK(number) (0x201 + 2 * (number))
#define CAP_RANGES            0xff
#define CAP_FIXED             (1ULL << 8)
#define DEFAULT_TYPE          0xff
#define DEFAULT_FIXED_ON      (1ULL << 10)
#define DEFAULT_ON            (1ULL << 11)
#define MASK_VALID            (1ULL << 11)

/* The first MiB: eight ranges of 64 KiB, sixteen of 16 KiB, 64 of 4 KiB. */
static const uint32_t fixed_msr[MTRR_FIXED_COUNT] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                                     0x26b, 0x26c, 0x26d, 0x26e, 0x26f};

static uint64_t value_of(uint32_t msr)
{
    uint64_t value;

    (void)!arch_rdmsr_safe(msr, &value);
    return value;
}

static uint32_t variable_count(const struct mtrrs *m)
{
    return MIN((uint32_t)(m->capabilities & CAP_RANGES), (uint32_t)MTRR_VARIABLE_MOST);
}

void mtrrs_read(struct mtrrs *to)
{
    memset(to, 0, sizeof(*to));
    to->capabilities = value_of(MSR_MTRR_CAP);
    if (to->capabilities == 0) {
        return;
    }
    to->default_type = value_of(MSR_MTRR_DEFAULT);
    for (uint32_t i = 0; (to->capabilities & CAP_FIXED) != 0 && i < MTRR_FIXED_COUNT; i++) {
        to->fixed[i] = value_of(fixed_msr[i]);
    }
    for (uint32_t i = 0; i < variable_count(to); i++) {
        to->base[i] = value_of(MSR_MTRR_BASE(i));
        to->mask[i] = value_of(MSR_MTRR_MASK(i));
    }
}

/* What a processor does not let itself be told stays; who compares again afterwards finds it. */
static void set(uint32_t msr, uint64_t value)
{
    (void)!arch_wrmsr_safe(msr, value);
}

static void write_all(const void *argument)
{
    const struct mtrrs *from = argument;

    set(MSR_MTRR_DEFAULT, from->default_type & ~DEFAULT_ON);
    for (uint32_t i = 0; (from->capabilities & CAP_FIXED) != 0 && i < MTRR_FIXED_COUNT; i++) {
        set(fixed_msr[i], from->fixed[i]);
    }
    for (uint32_t i = 0; i < variable_count(from); i++) {
        set(MSR_MTRR_BASE(i), from->base[i]);
        set(MSR_MTRR_MASK(i), from->mask[i]);
    }
    set(MSR_MTRR_DEFAULT, from->default_type);
}

void mtrrs_write(const struct mtrrs *from)
{
    if (from->capabilities != 0) {
        arch_without_caches(write_all, from);
    }
}

static bool same_range(const struct mtrrs *a, const struct mtrrs *b, uint32_t i)
{
    if (((a->mask[i] | b->mask[i]) & MASK_VALID) == 0) {
        return true;
    }
    return a->base[i] == b->base[i] && a->mask[i] == b->mask[i];
}

bool mtrrs_agree(const struct mtrrs *a, const struct mtrrs *b)
{
    const uint64_t counts = DEFAULT_TYPE | DEFAULT_FIXED_ON | DEFAULT_ON;

    if (a->capabilities != b->capabilities || ((a->default_type ^ b->default_type) & counts) != 0) {
        return false;
    }
    if ((a->default_type & DEFAULT_ON) == 0) {
        return true;
    }
    if ((a->default_type & DEFAULT_FIXED_ON) != 0 &&
        memcmp(a->fixed, b->fixed, sizeof(a->fixed)) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < variable_count(a); i++) {
        if (!same_range(a, b, i)) {
            return false;
        }
    }
    return true;
}
