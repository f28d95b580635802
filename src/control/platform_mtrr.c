// SPDX-License-Identifier: Apache-2.0
// Memory types by MTRR (processor manual 3A, 11.11): domain 0 reads the variable ranges, and shares
// those that are there. New ones are not set up: guests have the PAT for all that MTRRs did.
#include "abi/errno.h"
#include "arch/cpuid.h"
#include "arch/msr.h"
#include "base/lock.h"
#include "control/platform_op.h"
#include "lib/address.h"

#define MSR_MTRR_CAP          0xfe
#define MSR_MTRR_BASE(number) (0x200 + 2 * (number))
#define MSR_MTRR_MASK(number) (0x201 + 2 * (number))
#define MTRR_CAP_RANGES       0xff
#define MTRR_TYPE             0xff
#define MTRR_VALID            (1ULL << 11)
#define MOST_RANGES           16
#define WRITE_BACK            6

/* How many users of domain 0's share a range, besides firmware's own use. */
static spinlock_t usage_lock = SPINLOCK(RANK_DEVICE);
static uint32_t usage[MOST_RANGES]; /* guarded by usage_lock */

struct range {
    uint64_t first_frame, frames; /* none where frames is 0 */
    uint32_t type;
};

static uint32_t range_count(void)
{
    uint64_t cap;

    if (arch_rdmsr_safe(MSR_MTRR_CAP, &cap) != 0) {
        return 0;
    }
    return MIN((uint32_t)(cap & MTRR_CAP_RANGES), (uint32_t)MOST_RANGES);
}

static unsigned int physical_address_bits(void)
{
    return arch_cpuid(0x80000000U, 0).eax >= 0x80000008U ? arch_cpuid(0x80000008U, 0).eax & 0xff
                                                         : 36;
}

static int read_range(uint32_t number, struct range *range)
{
    uint64_t base, mask, limit = 1ULL << physical_address_bits();

    *range = (struct range){0};
    if (arch_rdmsr_safe(MSR_MTRR_BASE(number), &base) != 0 ||
        arch_rdmsr_safe(MSR_MTRR_MASK(number), &mask) != 0) {
        return -EINVAL;
    }
    if ((mask & MTRR_VALID) != 0) {
        uint64_t size = limit - (mask & PAGE_MASK & (limit - 1));
        range->first_frame = (base & (limit - 1)) >> PAGE_SHIFT;
        range->frames = size >> PAGE_SHIFT;
        range->type = base & MTRR_TYPE;
    }
    return 0;
}

long platform_read_memtype(struct xenpf_read_memtype *op)
{
    struct range range;

    if (op->reg >= range_count() || read_range(op->reg, &range) != 0) {
        return -EINVAL;
    }
    op->mfn = range.first_frame;
    op->nr_mfns = range.frames;
    op->type = range.type;
    return 0;
}

static bool is_known_type(uint32_t type)
{
    return type == 0 || type == 1 || (type >= 4 && type <= WRITE_BACK);
}

long platform_add_memtype(struct xenpf_add_memtype *op)
{
    uint32_t count = range_count();

    if (!is_known_type(op->type) || op->nr_mfns == 0) {
        return -EINVAL;
    }
    for (uint32_t number = 0; number < count; number++) {
        struct range range;
        if (read_range(number, &range) == 0 && range.first_frame == op->mfn &&
            range.frames == op->nr_mfns && range.type == op->type) {
            spin_lock(&usage_lock);
            usage[number]++;
            spin_unlock(&usage_lock);
            op->reg = number;
            op->handle = number + 1; /* 0 is "not remembered" */
            return 0;
        }
    }
    return -ENOSPC;
}

long platform_del_memtype(const struct xenpf_del_memtype *op)
{
    uint32_t number = op->handle != 0 ? op->handle - 1 : op->reg;
    long result = -EINVAL;

    if (number >= MOST_RANGES) {
        return -EINVAL;
    }
    spin_lock(&usage_lock);
    if (usage[number] != 0) {
        usage[number]--;
        result = 0;
    }
    spin_unlock(&usage_lock);
    return result;
}
