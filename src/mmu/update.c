// SPDX-License-Identifier: Apache-2.0
// mmu_update: checked writes of page-table entries and of the machine-to-physical table, in
// batches.
#include "base/cpu.h"
#include "mmu/hypercalls.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/frames.h"
#include "arch/guest.h"
#include "base/hypercall.h"
#include "mmu/edit.h"
#include "mmu/foreign.h"
#include "mmu/m2p.h"
#include "mmu/types.h"
#include "mmu/unfinished.h"
#include "mmu/walk.h"

/* Requests are copied in by the cache line or more; progress is kept in the arguments. */
#define CHUNK 16

/* The interface's mark in `count`: a call that goes on after a preemption carries it. */
#define COUNT_RESUMED (1U << 31)

/* The table that the batch is at: locked while the next requests may be for it too. */
struct cursor {
    struct frame *frame;
    pte_t *entries;
    unsigned int level;
};

static void cursor_leave(struct cursor *at)
{
    if (at->frame) {
        table_unlock(at->frame);
        at->frame = NULL;
    }
}

static bool cursor_move(struct cursor *at, struct domain *tables, struct frame *f)
{
    cursor_leave(at);
    at->level = table_lock(tables, f);
    if (at->level == 0) {
        return false;
    }
    at->frame = f;
    at->entries = table_entry(f, 0);
    return true;
}

/* A page that is no table is written like any memory, so long as it can be writable. */
static long write_plain(const struct entry_rights *rights, struct frame *f, uint64_t offset,
                        uint64_t value)
{
    if (!frame_get_writable(f, rights->tables->id)) {
        return -EINVAL;
    }
    WRITE_ONCE(*(uint64_t *)((char *)frame_to_virt(mfn_of(f)) + offset), value);
    frame_put_writable(f);
    return 0;
}

/* What an upper level's entry leads to may keep this CPU for long: its table is not kept locked. */
static long update_upper(const struct entry_rights *rights, struct cursor *at, uint64_t offset,
                         pte_t value, enum page_store how)
{
    long result = edit_upper_entry(rights, at->frame, at->level,
                                   (unsigned int)(offset / sizeof(pte_t)), value, how);

    cursor_leave(at);
    return result;
}

static long update_entry(const struct entry_rights *rights, struct cursor *at,
                         const struct mmu_update *request)
{
    maddr_t address = maddr(request->ptr & ~3ULL);
    enum page_store how =
        (request->ptr & 3) == MMU_PT_UPDATE_PRESERVE_AD ? PAGE_STORE_KEEP_AD : PAGE_STORE;
    uint64_t offset = address.a % PAGE_SIZE;
    struct frame *f;

    if (unlikely(!mfn_valid(maddr_to_mfn(address)) || offset % sizeof(pte_t) != 0)) {
        return -EINVAL;
    }
    f = frame_of(maddr_to_mfn(address));
    if (at->frame != f && unlikely(!cursor_move(at, rights->tables, f))) {
        return write_plain(rights, f, offset, request->val);
    }
    if (likely(at->level == 1)) {
        /* By way of the table that is locked: a guess that it is the same leads nowhere else. */
        pte_t *entry = &at->entries[offset / sizeof(pte_t)];
        return page_edit(rights, entry, READ_ONCE(*entry), request->val, how);
    }
    return update_upper(rights, at, offset, request->val, how);
}

static long update_m2p(const struct entry_rights *rights, const struct mmu_update *request)
{
    mfn_t m = maddr_to_mfn(maddr(request->ptr));

    if (!rights->frames || !mfn_valid(m) || !frame_get(frame_of_guests(m), rights->frames->id)) {
        return -EINVAL;
    }
    m2p_set(m, request->val);
    frame_put(frame_of(m));
    return 0;
}

/* Frame numbers are the machine's own: MMU_PT_UPDATE_NO_TRANSLATE leaves nothing out. */
static long one_request(const struct entry_rights *rights, struct cursor *at,
                        const struct mmu_update *request)
{
    if (unlikely((request->ptr & 3) == MMU_MACHPHYS_UPDATE)) {
        return update_m2p(rights, request);
    }
    return update_entry(rights, at, request);
}

/* The next requests, fewer where the guest's list ends in a page that is not there: 0, -EFAULT. */
static int read_chunk(struct mmu_update *chunk, gva_t from, uint32_t *count)
{
    if (*count > 1 && likely(copy_from_guest(chunk, from, *count * sizeof(chunk[0])) == 0)) {
        return 0;
    }
    *count = 1;
    return fetch_guest(chunk, from, 0);
}

/* Until one fails, or has left work that it should wait for. `*done` counts what succeeded. */
static long run_chunk(const struct entry_rights *rights, const struct mmu_update *chunk,
                      uint32_t count, uint32_t *done)
{
    struct cursor at = {0};
    long result = 0;
    uint32_t i = 0;

    while (result == 0 && i < count) {
        result = one_request(rights, &at, &chunk[i]);
        i += result == 0;
        if (unlikely(at.level > 1) && result == 0 && unfinished_pending(current_vcpu())) {
            result = HYPERCALL_RESTART;
        }
    }
    cursor_leave(&at);
    *done += i;
    return result;
}

/* Between chunks other work may go first. */
static long run_batch(const struct entry_rights *rights, gva_t requests, uint32_t count,
                      uint32_t *done)
{
    struct mmu_update chunk[CHUNK];
    long result = 0;

    while (result == 0 && *done < count) {
        uint32_t n = MIN(count - *done, (uint32_t)CHUNK);
        if (*done > 0 && should_stop()) {
            return HYPERCALL_RESTART;
        }
        result = read_chunk(chunk, gva_add(requests, *done * sizeof(chunk[0])), &n);
        if (result == 0) {
            result = run_chunk(rights, chunk, n, done);
        }
    }
    return result;
}

/* Report the number done, in a call's whole life; `so_far` of it in earlier pieces. */
static long report_done(gva_t done_out, uint32_t done, long result)
{
    if (!gva_is_null(done_out) && write_guest(done_out, 0, &done) != 0) {
        return -EFAULT;
    }
    return result;
}

/*
 * A resumed call finds in *done_out what earlier pieces did, and has the mark in its count. Where
 * the guest passed no pointer nobody asks.
 */
static int done_before(uint32_t *count, gva_t done_out, uint32_t *before)
{
    *before = 0;
    if ((*count & COUNT_RESUMED) == 0) {
        return 0;
    }
    *count &= ~COUNT_RESUMED;
    return gva_is_null(done_out) ? 0 : read_guest(before, done_out, 0);
}

long hypercall_mmu_update(gva_t requests, uint64_t count_argument, gva_t done_out,
                          uint64_t foreigndom)
{
    uint32_t count = (uint32_t)count_argument, before, done = 0;
    struct vcpu *v = current_vcpu();
    struct foreign foreign;
    long result = unfinished_resume(v);

    if (result != 0) {
        return result;
    }
    if (done_before(&count, done_out, &before) != 0) {
        return -EFAULT;
    }
    result = foreign_get((uint32_t)foreigndom, &foreign);
    if (result == 0) {
        result = run_batch(foreign.rights, requests, count, &done);
        foreign_put(&foreign);
    }
    unfinished_end(v);
    if (result == HYPERCALL_RESTART) {
        hypercall_set_argument(0, requests.a + done * sizeof(struct mmu_update));
        hypercall_set_argument(1, (count - done) | COUNT_RESUMED);
    }
    return report_done(done_out, before + done, result);
}
