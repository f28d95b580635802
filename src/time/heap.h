// SPDX-License-Identifier: Apache-2.0
// Pairing heap: the smallest key first, with the links inside the members, so that inserting never
// allocates and never fails.
//
// Insertion takes constant time, removal logarithmic time on average (Fredman, Sedgewick, Sleator,
// Tarjan, "The pairing heap", 1986). No locks: the owner has them. Keys may wrap around: they are
// compared by their signed difference, so all in one heap must lie within 2^63 of each other.
#pragma once

#include "lib/compiler.h"

struct heap_node {
    uint64_t key;
    struct heap_node *child;    /* the first one */
    struct heap_node *sibling;  /* the next one */
    struct heap_node *previous; /* sibling before it, or the parent for a first child */
};

struct heap {
    struct heap_node *root;
};

static inline bool heap_empty(const struct heap *heap)
{
    return heap->root == NULL;
}

/* The member with the smallest key; NULL in an empty heap. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
    return heap->root;
}

/* `node` is in no heap. Among equal keys those that came earlier are preferred, not guaranteed. */
void heap_insert(struct heap *heap, struct heap_node *node, uint64_t key);

/* `node` is in this heap. */
void heap_remove(struct heap *heap, struct heap_node *node);
