// SPDX-License-Identifier: Apache-2.0
// Kinds of addresses and numbers that must never be mixed up: each a struct of its own.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096UL
#define PAGE_MASK  (~(PAGE_SIZE - 1))

/* Machine frame: a real page, by number. */
typedef struct {
    uint64_t n;
} mfn_t;

/* Pseudo-physical frame: a page as one guest numbers it. */
typedef struct {
    uint64_t n;
} pfn_t;

/* Machine address, in bytes. */
typedef struct {
    uint64_t a;
} maddr_t;

/* Address in the current guest's own space, as the guest gave it: not checked, not to be followed.
 */
typedef struct {
    uint64_t a;
} gva_t;

#define MFN_INVALID (~0ULL)

static inline mfn_t mfn(uint64_t n)
{
    return (mfn_t){n};
}

static inline pfn_t pfn(uint64_t n)
{
    return (pfn_t){n};
}

static inline maddr_t maddr(uint64_t a)
{
    return (maddr_t){a};
}

static inline gva_t gva(uint64_t a)
{
    return (gva_t){a};
}

static inline bool mfn_equal(mfn_t a, mfn_t b)
{
    return a.n == b.n;
}

static inline mfn_t mfn_add(mfn_t m, uint64_t frames)
{
    return (mfn_t){m.n + frames};
}

static inline maddr_t mfn_to_maddr(mfn_t m)
{
    return (maddr_t){m.n << PAGE_SHIFT};
}

static inline mfn_t maddr_to_mfn(maddr_t address)
{
    return (mfn_t){address.a >> PAGE_SHIFT};
}

static inline gva_t gva_add(gva_t address, uint64_t bytes)
{
    return (gva_t){address.a + bytes};
}

static inline bool gva_is_null(gva_t address)
{
    return address.a == 0;
}

/* Bits 63 to 47 are equal, as the processor wants them: Pavise runs without LA57. */
static inline bool is_canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}
