// SPDX-License-Identifier: Apache-2.0
// Grant tables from the guest's side.

#include "grant.h"

#define TABLE_VA   0xffffcb0000000000ul
#define STATUS_VA  (TABLE_VA + 64 * PAGE_SIZE)
#define WINDOW_VA  (TABLE_VA + 128 * PAGE_SIZE)
#define MAX_FRAMES 32

static unsigned table_version;

static union {
    struct grant_entry_v1 *v1;
    union grant_entry_v2 *v2;
} table;
static grant_status_t *status_words;

char *grant_window(unsigned page)
{
    char *address = (char *)WINDOW_VA + page * PAGE_SIZE;

    return pte_lookup(address, 1) != NULL ? address : map_spare(POINTER(address));
}

static long map_frames(uint64_t va, const uint64_t *frames, unsigned count)
{
    long error = 0;

    for (unsigned i = 0; i < count && error == 0; i++) {
        error =
            map_page((const void *)(va + i * PAGE_SIZE), frames[i] << PAGE_SHIFT | PTE_KERNEL_RW);
    }
    return error;
}

static long map_status_frames(unsigned table_frames)
{
    static uint64_t frames[MAX_FRAMES];
    size_t words = table_frames * PAGE_SIZE / sizeof(union grant_entry_v2);
    struct gnttab_get_status_frames get = {
        .nr_frames = (uint32_t)((words * sizeof(grant_status_t) + PAGE_SIZE - 1) >> PAGE_SHIFT),
        .dom = DOMID_SELF};
    long error;

    set_xen_guest_handle(get.frame_list, frames);
    error = GRANT_OP(GNTTABOP_get_status_frames, get);
    return error != 0 ? error : map_frames(STATUS_VA, frames, get.nr_frames);
}

long grant_init(unsigned version, unsigned frame_count)
{
    static xen_pfn_t frames[MAX_FRAMES];
    struct gnttab_set_version set = {.version = version};
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = frame_count};
    long error = grant_table_op(GNTTABOP_set_version, &set, 1);

    set_xen_guest_handle(setup.frame_list, frames);
    error = error != 0 ? error : GRANT_OP(GNTTABOP_setup_table, setup);
    error = error != 0 ? error : map_frames(TABLE_VA, frames, frame_count);
    if (error == 0 && version == 2) {
        error = map_status_frames(frame_count);
    }
    table_version = version;
    table.v1 = (struct grant_entry_v1 *)TABLE_VA;
    status_words = (grant_status_t *)STATUS_VA;
    return error;
}

static uint16_t *flags_word(grant_ref_t ref)
{
    return table_version == 1 ? &table.v1[ref].flags : &table.v2[ref].hdr.flags;
}

// The flags make the entry valid, so they are the last to be written.
void grant_set(const struct grant *grant)
{
    if (table_version == 1) {
        table.v1[grant->ref].domid = grant->domid;
        table.v1[grant->ref].frame = (uint32_t)grant->frame;
    } else {
        union grant_entry_v2 *entry = &table.v2[grant->ref];
        entry->hdr.domid = grant->domid;
        entry->sub_page.page_off = grant->offset;
        entry->sub_page.length = grant->length;
        entry->full_page.frame = grant->frame;
    }
    __atomic_store_n(flags_word(grant->ref), grant->flags, __ATOMIC_SEQ_CST);
}

void grant_set_transitive(grant_ref_t ref, domid_t domid, domid_t from, grant_ref_t from_ref)
{
    union grant_entry_v2 *entry = &table.v2[ref];

    entry->hdr.domid = domid;
    entry->transitive.trans_domid = from;
    entry->transitive.gref = from_ref;
    __atomic_store_n(flags_word(ref), GTF_transitive, __ATOMIC_SEQ_CST);
}

uint16_t grant_flags(grant_ref_t ref)
{
    uint16_t flags = __atomic_load_n(flags_word(ref), __ATOMIC_SEQ_CST);

    if (table_version == 2) {
        flags |= __atomic_load_n(&status_words[ref], __ATOMIC_SEQ_CST);
    }
    return flags;
}

uint64_t grant_frame(grant_ref_t ref)
{
    return table_version == 1 ? table.v1[ref].frame : table.v2[ref].full_page.frame;
}

// What is in use in version 1 is in the same word, so only the type goes.
void grant_revoke(grant_ref_t ref)
{
    __atomic_fetch_and(flags_word(ref), (uint16_t)~GTF_type_mask, __ATOMIC_SEQ_CST);
}

int grant_map(domid_t domid, grant_ref_t ref, uint32_t flags, uint64_t host_addr,
              grant_handle_t *handle)
{
    struct gnttab_map_grant_ref map = {
        .host_addr = host_addr, .flags = flags, .ref = ref, .dom = domid};
    int status = (int)GRANT_OP(GNTTABOP_map_grant_ref, map);

    *handle = map.handle;
    return status;
}

int grant_unmap(grant_handle_t handle, uint64_t host_addr)
{
    struct gnttab_unmap_grant_ref unmap = {.host_addr = host_addr, .handle = handle};

    return (int)GRANT_OP(GNTTABOP_unmap_grant_ref, unmap);
}

// ---- for domu_call ----------------------------------------------------------------------------
long grant_init_there(void *version)
{
    return grant_init(*(const unsigned *)version, 1);
}

long grant_set_there(void *grant)
{
    grant_set(grant);
    return 0;
}

long grant_flags_there(void *ref)
{
    return grant_flags(*(const grant_ref_t *)ref);
}

long grant_revoke_there(void *ref)
{
    grant_revoke(*(const grant_ref_t *)ref);
    return 0;
}

long grant_map_there(void *map)
{
    struct grant_map_wish *wish = map;

    return grant_map(wish->domid, wish->ref, wish->flags, POINTER(grant_window(wish->page)),
                     &wish->handle);
}

long grant_unmap_there(void *map)
{
    struct grant_map_wish *wish = map;

    return grant_unmap(wish->handle, POINTER(grant_window(wish->page)));
}
