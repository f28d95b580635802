// SPDX-License-Identifier: Apache-2.0
// grant_table_op: which operation, on how many elements, in pieces.
#include "abi/errno.h"
#include "base/hypercall.h"
#include "grant/table.h"

/* Elements, which may be many: each operation does some at a time. */
static const struct {
    grant_step_t step;
    size_t bytes;
} batched[] = {
    [GNTTABOP_map_grant_ref] = {step_map, sizeof(struct gnttab_map_grant_ref)},
    [GNTTABOP_unmap_grant_ref] = {step_unmap, sizeof(struct gnttab_unmap_grant_ref)},
    [GNTTABOP_transfer] = {step_transfer, sizeof(struct gnttab_transfer)},
    [GNTTABOP_copy] = {step_copy, sizeof(struct gnttab_copy)},
    [GNTTABOP_unmap_and_replace] = {step_unmap_and_replace,
                                    sizeof(struct gnttab_unmap_and_replace)},
    [GNTTABOP_swap_grant_ref] = {step_swap, sizeof(struct gnttab_swap_grant_ref)},
    [GNTTABOP_cache_flush] = {step_cache_flush, sizeof(struct gnttab_cache_flush)},
};

/* One element; `alone` where any other count is an error. */
static const struct {
    long (*call)(gva_t uop);
    bool alone;
} single[] = {
    [GNTTABOP_setup_table] = {grant_setup_table, true},
    [GNTTABOP_dump_table] = {grant_dump_table, true},
    [GNTTABOP_query_size] = {grant_query_size, true},
    [GNTTABOP_set_version] = {grant_set_version, false},
    [GNTTABOP_get_status_frames] = {grant_get_status_frames, true},
    [GNTTABOP_get_version] = {grant_get_version, false},
};

static long run_batch(uint64_t cmd, gva_t uop, uint64_t count)
{
    uint64_t done = 0;

    while (done < count) {
        long some = batched[cmd].step(uop, done, count);
        if (some < 0) {
            return some;
        }
        done += (uint64_t)some;
        if (done < count && should_stop()) {
            hypercall_set_argument(1, gva_add(uop, done * batched[cmd].bytes).a);
            hypercall_set_argument(2, count - done);
            return HYPERCALL_RESTART;
        }
    }
    return 0;
}

long hypercall_grant_table_op(uint64_t cmd, gva_t uop, uint64_t count)
{
    /* The interface's count is an unsigned int, of which the upper half has always been refused. */
    if (count > INT32_MAX) {
        return -EINVAL;
    }
    if (cmd < ARRAY_SIZE(batched) && batched[cmd].step) {
        return run_batch(cmd, uop, count);
    }
    if (cmd < ARRAY_SIZE(single) && single[cmd].call) {
        return single[cmd].alone && count != 1 ? -EINVAL : single[cmd].call(uop);
    }
    return -ENOSYS;
}
