// SPDX-License-Identifier: Apache-2.0
// Pairing heap.
#include "time/heap.h"

/* Make the tree with the larger root the first child of the other. Either may be NULL. */
static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
    if (!a || !b) {
        return a ? a : b;
    }
    if ((int64_t)(b->key - a->key) < 0) {
        struct heap_node *smaller = b;
        b = a;
        a = smaller;
    }
    b->previous = a;
    b->sibling = a->child;
    if (a->child) {
        a->child->previous = b;
    }
    a->child = b;
    a->sibling = NULL;
    a->previous = NULL;
    return a;
}

/* Take the first of a list of siblings off it; returns what is left. */
static struct heap_node *detach(struct heap_node *first)
{
    struct heap_node *rest = first->sibling;

    first->sibling = NULL;
    first->previous = NULL;
    return rest;
}

/* One tree out of a list of siblings: pairs from left to right, then all from right to left. */
static struct heap_node *meld_siblings(struct heap_node *list)
{
    struct heap_node *pairs = NULL, *all = NULL;

    while (list) {
        struct heap_node *a = list, *b = detach(a);
        list = b ? detach(b) : NULL;
        a = meld(a, b);
        a->sibling = pairs;
        pairs = a;
    }
    while (pairs) {
        struct heap_node *pair = pairs;
        pairs = detach(pair);
        all = meld(pair, all);
    }
    return all;
}

void heap_insert(struct heap *heap, struct heap_node *node, uint64_t key)
{
    *node = (struct heap_node){.key = key};
    heap->root = meld(heap->root, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    struct heap_node *below = meld_siblings(node->child);

    if (node == heap->root) {
        heap->root = below;
    } else {
        if (node->previous->child == node) {
            node->previous->child = node->sibling;
        } else {
            node->previous->sibling = node->sibling;
        }
        if (node->sibling) {
            node->sibling->previous = node->previous;
        }
        heap->root = meld(heap->root, below);
    }
    *node = (struct heap_node){.key = node->key};
}
