// SPDX-License-Identifier: Apache-2.0
// The machine-to-physical table.
#include "mmu/m2p.h"

#include "mmu/types.h"

uint64_t *m2p;
mfn_t m2p_first_frame;
uint64_t m2p_frames;

bool frame_is_m2p(mfn_t m)
{
    return m.n >= m2p_first_frame.n && m.n < m2p_first_frame.n + m2p_frames;
}
