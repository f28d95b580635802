// SPDX-License-Identifier: Apache-2.0
// Guest memory in a process: the same copies as those of any size.
#pragma once

#include "lib/address.h"
#include "lib/compiler.h"

int copy_from_guest(void *to, gva_t from, size_t bytes);
int copy_to_guest(gva_t to, const void *from, size_t bytes);

static inline must_check int guest_fetch32(uint32_t *to, gva_t from)
{
    return copy_from_guest(to, from, sizeof(*to));
}

static inline must_check int guest_fetch_words(uint64_t *to, gva_t from, size_t words)
{
    return copy_from_guest(to, from, words * sizeof(*to));
}

static inline must_check int guest_write16(gva_t to, uint16_t value)
{
    return copy_to_guest(to, &value, sizeof(value));
}

static inline must_check int guest_write32(gva_t to, uint32_t value)
{
    return copy_to_guest(to, &value, sizeof(value));
}

static inline must_check int guest_write64(gva_t to, uint64_t value)
{
    return copy_to_guest(to, &value, sizeof(value));
}

static inline must_check int guest_write_words(gva_t to, const uint64_t *from, size_t words)
{
    return copy_to_guest(to, from, words * sizeof(*from));
}
