// SPDX-License-Identifier: Apache-2.0
// The seam to the current guest's address space. All of Pavise reaches it through these few calls.
//
// A guest address is whatever the guest said. Each call checks that the range lies outside
// Pavise's own and survives a page fault; a fault or a bad range is -EFAULT, and what was copied
// before it stays copied. Guest memory may change between two reads: read each thing once.
#pragma once

#include "impl/guest.h"
#include "lib/address.h"
#include "lib/compiler.h"

must_check int copy_from_guest(void *to, gva_t from, size_t bytes);
must_check int copy_to_guest(gva_t to, const void *from, size_t bytes);
must_check int clear_guest(gva_t to, size_t bytes);

/* One word, in one access, of any alignment. */
must_check int copy_word_from_guest(uint64_t *to, gva_t from);

/* Element `index` of an array at `base`; the element's size comes from the pointer's type. */
#define read_guest(to, base, index) \
    copy_from_guest((to), gva_add((base), (uint64_t)(index) * sizeof(*(to))), sizeof(*(to)))
#define write_guest(base, index, from) \
    copy_to_guest(gva_add((base), (uint64_t)(index) * sizeof(*(from))), (from), sizeof(*(from)))

/*
 * The same without a call, for what guests ask most: a few words, or half of one. `words` is a
 * constant.
 */
static inline must_check int guest_fetch32(uint32_t *to, gva_t from);
static inline must_check int guest_fetch_words(uint64_t *to, gva_t from, size_t words);
static inline must_check int guest_write16(gva_t to, uint16_t value);
static inline must_check int guest_write32(gva_t to, uint32_t value);
static inline must_check int guest_write64(gva_t to, uint64_t value);
static inline must_check int guest_write_words(gva_t to, const uint64_t *from, size_t words);

#define WHOLE_WORDS(type)                                              \
    ({                                                                 \
        _Static_assert(sizeof(type) % sizeof(uint64_t) == 0, "words"); \
        sizeof(type) / sizeof(uint64_t);                               \
    })

/* read_guest() in that way. */
#define fetch_guest(to, base, index)                                                        \
    guest_fetch_words((uint64_t *)(to), gva_add((base), (uint64_t)(index) * sizeof(*(to))), \
                      WHOLE_WORDS(*(to)))

/* Whether [base, base + bytes) can be a guest range at all (nothing is said about mappings). */
bool guest_range_ok(gva_t base, uint64_t bytes);
