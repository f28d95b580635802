// SPDX-License-Identifier: Apache-2.0
// Flushes that guests ask for.
#include "mmu/flush_request.h"

#include "abi/errno.h"
#include "arch/guest.h"
#include "base/cpu.h"

/*
 * Whether the vCPU that some CPU runs is one of the domain's. It may be gone by now, and its record
 * something else: nothing in it is believed.
 */
static bool is_of(const struct domain *d, const struct vcpu *v, uint32_t *id)
{
    *id = v ? READ_ONCE(v->id) : UINT32_MAX;
    return *id < d->max_vcpus && READ_ONCE(d->vcpus[*id]) == v;
}

static uint64_t cpus_running_mask(const struct domain *d, const uint64_t *wanted)
{
    uint64_t cpus_found = 0;

    for (unsigned int id = 0; id < cpu_count; id++) {
        uint32_t number;
        if (is_of(d, READ_ONCE(cpus[id]->current), &number) &&
            (!wanted || (wanted[number / 64] >> (number % 64)) & 1)) {
            cpus_found |= 1ULL << id;
        }
    }
    return cpus_found;
}

uint64_t cpus_running(const struct domain *d)
{
    return cpus_running_mask(d, NULL);
}

int cpus_running_of(const struct domain *d, gva_t bitmap, uint64_t *found)
{
    uint64_t wanted[MAX_VCPUS / 64] = {0};

    if (copy_from_guest(wanted, bitmap, (d->max_vcpus + 7) / 8) != 0) {
        return -EFAULT;
    }
    *found = cpus_running_mask(d, wanted);
    return 0;
}
