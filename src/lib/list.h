// SPDX-License-Identifier: Apache-2.0
// Doubly linked lists with the links inside the members; an empty list points to itself.
#pragma once

#include "lib/compiler.h"

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(name)  \
    {                    \
        &(name), &(name) \
    }

static inline void list_init(struct list *list)
{
    list->next = list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_insert_before(struct list *where, struct list *item)
{
    item->prev = where->prev;
    item->next = where;
    where->prev->next = item;
    where->prev = item;
}

static inline void list_add_tail(struct list *list, struct list *item)
{
    list_insert_before(list, item);
}

static inline void list_add_head(struct list *list, struct list *item)
{
    list_insert_before(list->next, item);
}

/* The item's own links are left pointing to itself, so removing it twice does no harm. */
static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}

#define list_first(list, type, member) container_of((list)->next, type, member)
#define list_for_each(item, list)      for (item = (list)->next; item != (list); item = item->next)
#define list_for_each_safe(item, following, list)                     \
    for (item = (list)->next, following = item->next; item != (list); \
         item = following, following = item->next)
