// SPDX-License-Identifier: Apache-2.0
// multicall: many calls for one entry into Pavise.
#include "arch/guest.h"
#include "base/cpu.h"
#include "domain/vcpu.h"
#include "hypercall/table.h"

#define NR_IRET      23
#define NR_MULTICALL 13

/*
 * A batch ends where its vCPU leaves the mode it was checked in, so iret has no place in one; and a
 * batch within a batch would lose its place when it is preempted.
 */
static bool belongs_in_batch(uint64_t op)
{
    return op < HYPERCALL_NUMBERS && op != NR_IRET && op != NR_MULTICALL;
}

static long carry_out(struct vcpu *v, struct multicall_entry *call)
{
    long result;

    if (!belongs_in_batch(call->op)) {
        return call->op < HYPERCALL_NUMBERS ? -EINVAL : -ENOSYS;
    }
    v->multicall = call;
    result = hypercall_handlers[call->op % HYPERCALL_NUMBERS](
        call->args[0], call->args[1], call->args[2], call->args[3], call->args[4], call->args[5]);
    v->multicall = NULL;
    return result;
}

/* One entry: 0, -EFAULT, or HYPERCALL_RESTART with the entry's progress in the guest's list. */
static long one_entry(struct vcpu *v, gva_t where)
{
    struct multicall_entry call;
    long result;

    if (unlikely(fetch_guest(&call, where, 0) != 0)) {
        return -EFAULT;
    }
    result = carry_out(v, &call);
    if (unlikely(result == HYPERCALL_RESTART)) {
        return write_guest(where, 0, &call) == 0 ? HYPERCALL_RESTART : -EFAULT;
    }
    return guest_write64(gva_add(where, offsetof(struct multicall_entry, result)),
                         (uint64_t)result);
}

/* A look at interrupts costs as much as a small entry; so many of those are soon done. */
#define LOOK_EVERY 16

long hypercall_multicall(gva_t list, uint64_t count)
{
    struct vcpu *v = current_vcpu();
    uint32_t left = (uint32_t)count;

    while (left > 0) {
        long result = one_entry(v, list);
        if (result == HYPERCALL_RESTART) {
            hypercall_set_argument(0, list.a);
            hypercall_set_argument(1, left);
        }
        if (result != 0) {
            return result;
        }
        list = gva_add(list, sizeof(struct multicall_entry));
        left--;
        if (left > 0 && (left % LOOK_EVERY == 0 ? should_stop() : preempt_wanted())) {
            hypercall_set_argument(0, list.a);
            hypercall_set_argument(1, left);
            return HYPERCALL_RESTART;
        }
    }
    return 0;
}
