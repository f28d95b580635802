// SPDX-License-Identifier: Apache-2.0
// Grants in the fuzzing of page tables: written by guests, and mapped in place of the domain's own
// frames. Part of mmu_fuzz.c.
#pragma once

#include "grant/grant.h"
#include "mmu_world.h"

#define HANDLES 8

/* What a domain has mapped, by the slot of world[]. */
static struct {
    uint32_t handle[HANDLES];
    uint64_t at[HANDLES];
} mapped[DOMAINS];

static inline long grant_op(unsigned int command)
{
    return hypercall_grant_table_op(command, gva(address_of(guest_page)), 1);
}

static inline void open_grants(struct world_domain *w)
{
    gnttab_setup_table_t op = {.dom = DOMID_SELF, .nr_frames = 1};

    set_xen_guest_handle(op.frame_list, (xen_pfn_t *)(guest_page + PAGE_SIZE));
    memcpy(guest_page, &op, sizeof(op));
    MUST(grant_op(GNTTABOP_setup_table) == 0);
}

static inline void write_grant(void)
{
    mfn_t table = grant_shared_frame(self->d, 0);
    const struct domain *other = world[self == &world[0]].d;

    if (table.n != MFN_INVALID && other) {
        grant_entry_v1_t *entry = (grant_entry_v1_t *)table_at(table) + 8 + take(4);
        *entry = (grant_entry_v1_t){GTF_permit_access | (take(3) == 0 ? GTF_readonly : 0),
                                    other->id, (uint32_t)take_frame().n};
    }
}

static inline uint64_t take_host_address(uint32_t *flags)
{
    if (take(3) == 0) {
        *flags |= GNTMAP_contains_pte;
        return maddr_of_entry(take_frame(), take_slot());
    }
    return take_va();
}

static inline void map_grant(void)
{
    const struct domain *other = world[self == &world[0]].d;
    gnttab_map_grant_ref_t op = {.flags = GNTMAP_host_map, .ref = 8 + take(4)};
    uint32_t slot = take(HANDLES);

    op.flags |= take(2) ? GNTMAP_readonly : 0;
    op.flags |= take(2) ? GNTMAP_application_map : 0;
    op.host_addr = take_host_address(&op.flags);
    op.dom = other ? other->id : 77;
    memcpy(guest_page, &op, sizeof(op));
    (void)grant_op(GNTTABOP_map_grant_ref);
    memcpy(&op, guest_page, sizeof(op));
    if (op.status == GNTST_okay) {
        mapped[self - world].handle[slot] = op.handle;
        mapped[self - world].at[slot] = op.host_addr;
    }
}

static inline void unmap_grant(void)
{
    uint32_t slot = take(HANDLES), none = 0;
    uint64_t at = take(4) ? mapped[self - world].at[slot] : take_host_address(&none);
    gnttab_unmap_grant_ref_t unmap = {.host_addr = at, .handle = mapped[self - world].handle[slot]};
    gnttab_unmap_and_replace_t replace = {.host_addr = at,
                                          .handle = mapped[self - world].handle[slot]};

    if (take(2)) {
        memcpy(guest_page, &unmap, sizeof(unmap));
        (void)grant_op(GNTTABOP_unmap_grant_ref);
    } else {
        replace.new_addr = take_va();
        memcpy(guest_page, &replace, sizeof(replace));
        (void)grant_op(GNTTABOP_unmap_and_replace);
    }
}
