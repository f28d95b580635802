// SPDX-License-Identifier: Apache-2.0
// set_trap_table, stack_switch, fpu_taskswitch, set_gdt, update_descriptor, set_segment_base.
#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/frames.h"
#include "arch/guest.h"
#include "arch/pv.h"
#include "base/hypercall.h"
#include "domain/domain.h"
#include "lib/string.h"
#include "mmu/ldt.h"
#include "mmu/types.h"
#include "mmu/validate.h"
#include "pv/hypercalls.h"
#include "pv/selectors.h"

/* A null pointer clears the table; an entry with address 0 ends the list. */
long hypercall_set_trap_table(gva_t traps)
{
    struct vcpu *v = current_vcpu();

    if (gva_is_null(traps)) {
        memset(v->traps, 0, 256 * sizeof(v->traps[0]));
        return 0;
    }
    for (unsigned int i = 0; i < 256; i++) {
        struct trap_info gate;
        if (read_guest(&gate, traps, i) != 0) {
            return -EFAULT;
        }
        if (gate.address == 0) {
            return 0;
        }
        if (!is_canonical(gate.address)) {
            return -EINVAL;
        }
        gate.cs = selector_for_guest(gate.cs);
        v->traps[gate.vector] = gate;
    }
    return 0;
}

long hypercall_stack_switch(uint64_t ss, uint64_t sp)
{
    struct vcpu *v = current_vcpu();

    v->kernel_ss = selector_for_guest((uint16_t)ss);
    v->kernel_sp = sp;
    return 0;
}

long hypercall_fpu_taskswitch(uint64_t set)
{
    struct vcpu *v = current_vcpu();

    if (set != 0) {
        v->mode |= MODE_FPU_TRAP;
    } else {
        v->mode &= ~(uint32_t)MODE_FPU_TRAP;
    }
    arch_set_fpu_trap(set != 0);
    return 0;
}

long hypercall_set_gdt(gva_t frames, uint64_t entries)
{
    struct vcpu *v = current_vcpu();
    uint64_t list[GDT_GUEST_PAGES];
    uint32_t number = (uint32_t)entries;
    long result;

    if (number > GDT_GUEST_ENTRIES) {
        return -EINVAL;
    }
    if (copy_from_guest(list, frames, (number + 511) / 512 * sizeof(list[0])) != 0) {
        return -EFAULT;
    }
    result = gdt_set(v, list, number);
    if (result == 0) {
        arch_load_gdt(v);
    }
    return result;
}

/* Write one descriptor of a page in use as such, or of any page that may be written. */
static long write_descriptor(struct domain *d, struct frame *f, uint64_t offset, uint64_t value)
{
    uint64_t *slot = (uint64_t *)((char *)frame_to_virt(mfn_of(f)) + offset);

    if (frame_get_writable(f, d->id)) {
        WRITE_ONCE(*slot, value);
        frame_put_writable(f);
        return 0;
    }
    if (descriptors_get(d, f) != 0) {
        return -EINVAL;
    }
    WRITE_ONCE(*slot, value);
    descriptors_put(f);
    return 0;
}

long hypercall_update_descriptor(uint64_t address, uint64_t descriptor)
{
    struct domain *d = current_vcpu()->domain;
    mfn_t m = maddr_to_mfn(maddr(address));

    if ((address & 7) != 0 || !mfn_valid(m) || !descriptor_fix(&descriptor)) {
        return -EINVAL;
    }
    return write_descriptor(d, frame_of_guests(m), address & (PAGE_SIZE - 1), descriptor);
}

long hypercall_set_segment_base(uint64_t which, uint64_t base)
{
    if (which != SEGBASE_GS_USER_SEL && !is_canonical(base)) {
        return -EINVAL;
    }
    switch (which) {
    case SEGBASE_FS:
        arch_set_segment_base(BASE_FS, base);
        return 0;
    case SEGBASE_GS_USER:
        arch_set_segment_base(BASE_GS_OTHER, base);
        return 0;
    case SEGBASE_GS_KERNEL:
        arch_set_segment_base(BASE_GS, base);
        return 0;
    case SEGBASE_GS_USER_SEL:
        /* A selector that can't be loaded becomes null, as on the way to user mode it would. */
        (void)arch_set_user_gs((uint16_t)base);
        return 0;
    default:
        return -EINVAL;
    }
}
