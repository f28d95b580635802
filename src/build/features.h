// SPDX-License-Identifier: Apache-2.0
// Kernel features by name (<xen/features.h>): what a kernel supports, and what it can't do without.
#pragma once

#include "build/reason.h"
#include "lib/compiler.h"

#define FEATURE(bit) (1u << (bit))

struct features {
    uint32_t supported; /* bit XENFEAT_* */
    uint32_t required;  /* a part of supported */
};

/*
 * Adds a list such as "!writable_page_tables|pae_pgdir_above_4gb": names with bars between, each
 * with a '!' before it where it is required. Names from another time are passed over, unless
 * required: -ENOEXEC with the name in the reason.
 */
must_check int features_parse(struct features *features, const char *list, size_t list_bytes,
                              struct reason *reason);

/* The name of feature `bit`, or NULL where it has none. */
const char *feature_name(unsigned int bit);
