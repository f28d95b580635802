// SPDX-License-Identifier: Apache-2.0
// The guest's address space, reached from C.
#include "arch/guest.h"

#include "abi/errno.h"
#include "base/patch.h"
#include "layout.h"

_Static_assert(GUEST_PATCH_NO_SMAP == PATCH_NO_SMAP, "as base/patch.h numbers it");

size_t guest_copy(void *to, const void *from, size_t bytes);
size_t guest_zero(void *to, size_t bytes);

#define HYPERVISOR_START M2P_READ_ONLY_BASE
#define HYPERVISOR_END   0xffff880000000000UL

bool guest_range_ok(gva_t base, uint64_t bytes)
{
    uint64_t end = base.a + bytes;

    /* An address between the halves faults by itself; what must not pass is Pavise's own part. */
    return end >= base.a && (end <= HYPERVISOR_START || base.a >= HYPERVISOR_END);
}

/* Most of what is copied is one word, or half of one. */
int copy_from_guest(void *to, gva_t from, size_t bytes)
{
    if (bytes == sizeof(uint64_t)) {
        return guest_fetch_words(to, from, 1);
    }
    if (bytes == sizeof(uint32_t)) {
        return guest_fetch32(to, from);
    }
    if (!guest_range_ok(from, bytes)) {
        return -EFAULT;
    }
    return guest_copy(to, (const void *)from.a, bytes) == 0 ? 0 : -EFAULT;
}

int copy_word_from_guest(uint64_t *to, gva_t from)
{
    return guest_fetch_words(to, from, 1);
}

int copy_to_guest(gva_t to, const void *from, size_t bytes)
{
    if (bytes == sizeof(uint64_t)) {
        return guest_write64(to, *(const uint64_t *)from);
    }
    if (bytes == sizeof(uint32_t)) {
        return guest_write32(to, *(const uint32_t *)from);
    }
    if (!guest_range_ok(to, bytes)) {
        return -EFAULT;
    }
    return guest_copy((void *)to.a, from, bytes) == 0 ? 0 : -EFAULT;
}

int clear_guest(gva_t to, size_t bytes)
{
    if (!guest_range_ok(to, bytes)) {
        return -EFAULT;
    }
    return guest_zero((void *)to.a, bytes) == 0 ? 0 : -EFAULT;
}
