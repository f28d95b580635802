// SPDX-License-Identifier: Apache-2.0
// The heap: small objects in pages of one size each, large ones as blocks of frames.
//
// A heap page's frame record is its header: object size, number of objects in use, offset of the
// first free object. Free objects hold the offset of the next. So the page itself is all objects,
// and an address says by itself what it belongs to.
#include "base/lock.h"
#include "base/panic.h"
#include "arch/frames.h"
#include "lib/string.h"
#include "memory/allocator.h"

#define LARGEST_SMALL 2048U
#define SIZE_CLASSES  11
#define LARGE_OBJECT  0xffffU /* validated_entries of a block's first frame */

static const uint16_t class_size[SIZE_CLASSES] = {16,  32,  64,  128,  192, 256,
                                                  384, 512, 768, 1344, 2048};

static spinlock_t lock = SPINLOCK(RANK_HEAP);
static struct frame_list partly_free[SIZE_CLASSES]; /* guarded by lock: pages with room */

static unsigned int class_of(size_t bytes)
{
    unsigned int class = 0;

    while (class_size[class] < bytes) {
        class ++;
    }
    return class;
}

static unsigned int order_of(size_t bytes)
{
    unsigned int order = 0;

    while (PAGE_SIZE << order < bytes) {
        order++;
    }
    return order;
}

static void *large_alloc(enum frames_kept kept, size_t bytes)
{
    unsigned int order = order_of(bytes);
    void *block = order <= MAX_ORDER ? pages_alloc_keeping(kept, order) : NULL;

    if (block) {
        frame_set_entries(frame_of(virt_to_frame(block)), LARGE_OBJECT);
    }
    return block;
}

/* A fresh page cut into objects, all on its free list. */
static struct frame *new_page(enum frames_kept kept, unsigned int class)
{
    unsigned char *page = pages_alloc_keeping(kept, 0);
    unsigned int size = class_size[class];
    struct frame *f;

    if (!page) {
        return NULL;
    }
    f = frame_of(virt_to_frame(page));
    f->heap_size = size;
    frame_set_entries(f, 0);
    f->heap_free = 1;
    for (unsigned int offset = 0; offset + size <= PAGE_SIZE; offset += size) {
        unsigned int next = offset + size;
        *(uint64_t *)(page + offset) = next + size <= PAGE_SIZE ? next + 1 : 0;
    }
    return f;
}

void heap_reset(void)
{
    for (unsigned int i = 0; i < SIZE_CLASSES; i++) {
        frame_list_init(&partly_free[i]);
    }
}

static void *take_object(struct frame *f, struct frame_list *list)
{
    unsigned char *page = frame_to_virt(mfn_of(f));
    unsigned char *object = page + f->heap_free - 1;

    f->heap_free = *(uint64_t *)object;
    frame_set_entries(f, frame_entries(f) + 1);
    if (f->heap_free == 0) {
        frame_list_remove(list, f);
    }
    return object;
}

void *heap_alloc_keeping(enum frames_kept kept, size_t bytes)
{
    unsigned int class;
    struct frame *fresh = NULL;
    void *object;

    if (arch_allocation_fails()) {
        return NULL;
    }
    if (bytes > LARGEST_SMALL) {
        return large_alloc(kept, bytes);
    }
    class = class_of(bytes);
    spin_lock(&lock);
    if (partly_free[class].count == 0) {
        fresh = new_page(kept, class);
        if (!fresh) {
            spin_unlock(&lock);
            return NULL;
        }
        frame_list_add(&partly_free[class], fresh);
    }
    object = take_object(&frame_table[partly_free[class].head], &partly_free[class]);
    spin_unlock(&lock);
    return memset(object, 0, class_size[class]);
}

void *heap_alloc(size_t bytes)
{
    return heap_alloc_keeping(KEEP_NOTHING, bytes);
}

size_t heap_cost(size_t bytes)
{
    return bytes > LARGEST_SMALL ? PAGE_SIZE << order_of(bytes) : class_size[class_of(bytes)];
}

size_t heap_cost_of(const void *p)
{
    const struct frame *f = frame_of(virt_to_frame(p));

    return frame_entries(f) == LARGE_OBJECT ? PAGE_SIZE << f->order : f->heap_size;
}

void *heap_alloc_array(size_t number, size_t each)
{
    size_t bytes;

    return __builtin_mul_overflow(number, each, &bytes) ? NULL : heap_alloc(bytes);
}

void heap_free(void *p)
{
    struct frame *f;
    unsigned char *page;
    struct frame_list *list;

    if (!p) {
        return;
    }
    f = frame_of(virt_to_frame(p));
    ASSERT(f->owner == DOMID_XEN);
    if (frame_entries(f) == LARGE_OBJECT) {
        pages_free(p, f->order);
        return;
    }
    page = frame_to_virt(mfn_of(f));
    list = &partly_free[class_of(f->heap_size)];
    spin_lock(&lock);
    if (f->heap_free == 0) {
        frame_list_add(list, f);
    }
    *(uint64_t *)p = f->heap_free;
    f->heap_free = (uint64_t)((unsigned char *)p - page) + 1;
    frame_set_entries(f, frame_entries(f) - 1);
    if (frame_entries(f) == 0) {
        frame_list_remove(list, f);
        f->heap_free = 0;
        page_free(page);
    }
    spin_unlock(&lock);
}
