// SPDX-License-Identifier: Apache-2.0
// Page-table bases. A base holds a type count on its L4.
#include "mmu/base.h"

#include "abi/errno.h"
#include "arch/pv.h"
#include "mmu/types.h"
#include "mmu/unfinished.h"

static long get(struct vcpu *v, mfn_t m)
{
    return mfn_valid(m) ? table_get(v->domain, frame_of_guests(m), 4) : -EINVAL;
}

static void put(uint64_t cr3)
{
    if (cr3 != 0) {
        table_put(frame_of(maddr_to_mfn(maddr(cr3))));
    }
}

long base_set_kernel(struct vcpu *v, mfn_t table)
{
    uint64_t old = v->kernel_cr3;
    long result;

    if (mfn_equal(table, maddr_to_mfn(maddr(old)))) {
        /* The guest relies on the flush that a load implies. */
        arch_load_page_tables(v);
        return 0;
    }
    result = get(v, table);
    if (result != 0) {
        return result;
    }
    v->kernel_cr3 = mfn_to_maddr(table).a;
    arch_load_page_tables(v);
    put(old);
    return 0;
}

long base_write(struct vcpu *v, mfn_t table)
{
    long result = unfinished_resume(v);

    if (result == 0) {
        result = base_set_kernel(v, table);
        unfinished_end(v);
    }
    return result;
}

long base_set_user(struct vcpu *v, mfn_t table)
{
    uint64_t old = v->user_cr3;

    if (mfn_equal(table, maddr_to_mfn(maddr(old)))) {
        return 0;
    }
    if (table.n != 0) {
        long result = get(v, table);
        if (result != 0) {
            return result;
        }
    }
    v->user_cr3 = mfn_to_maddr(table).a;
    put(old);
    return 0;
}

long base_take(struct vcpu *v, mfn_t kernel, mfn_t user)
{
    uint64_t old_kernel = v->kernel_cr3, old_user = v->user_cr3;
    long result = get(v, kernel);

    if (result != 0) {
        return result;
    }
    result = user.n != 0 ? get(v, user) : 0;
    if (result != 0) {
        table_put(frame_of(kernel));
        return result;
    }
    v->kernel_cr3 = mfn_to_maddr(kernel).a;
    v->user_cr3 = mfn_to_maddr(user).a;
    put(old_kernel);
    put(old_user);
    return 0;
}

void base_drop(struct vcpu *v)
{
    put(v->kernel_cr3);
    put(v->user_cr3);
    v->kernel_cr3 = v->user_cr3 = 0;
}
