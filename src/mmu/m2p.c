// SPDX-License-Identifier: Apache-2.0
// The machine-to-physical table, and the frames that hold it.
#include "mmu/m2p.h"

uint64_t *m2p;
static mfn_t (*locate)(uint64_t offset);

static uint64_t table_bytes(void)
{
    return frame_count * sizeof(*m2p);
}

void m2p_publish(mfn_t (*frame_at)(uint64_t offset))
{
    locate = frame_at;
    for (uint64_t offset = 0; offset < table_bytes(); offset += PAGE_SIZE) {
        mfn_t m = locate(offset);
        if (mfn_valid(m)) {
            struct frame *f = frame_of(m);
            f->owner = DOMID_XEN;
            frame_set_entries(f, FRAME_M2P);
            f->state = FRAME_ALLOCATED | FRAME_REF_ONE;
        }
    }
}

mfn_t m2p_frame_at(uint64_t offset)
{
    mfn_t m = locate ? locate(offset) : mfn(MFN_INVALID);

    return mfn_valid(m) ? m : mfn(0);
}

bool frame_is_m2p(const struct frame *f)
{
    return READ_ONCE(f->owner) == DOMID_XEN && frame_entries(f) == FRAME_M2P;
}
