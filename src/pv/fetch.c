// SPDX-License-Identifier: Apache-2.0
// Fetches guest instructions, never across what can be read.
#include "pv/fetch.h"

#include "abi/errno.h"
#include "arch/guest.h"
#include "arch/pv.h"
#include "pv/operand.h"
#include "pv/selectors.h"

size_t fetch_bytes(uint64_t address, uint8_t *to, size_t bytes)
{
    size_t in_page = PAGE_SIZE - (address & (PAGE_SIZE - 1));
    size_t first = MIN(bytes, in_page);

    if (copy_from_guest(to, gva(address), first) != 0) {
        return 0;
    }
    if (first < bytes && copy_from_guest(to + first, gva(address + first), bytes - first) == 0) {
        first = bytes;
    }
    return first;
}

int fetch_instruction(const struct vcpu *v, struct insn *insn)
{
    uint8_t bytes[INSN_MAX_BYTES];
    size_t available = fetch_bytes(v->regs.rip, bytes, sizeof(bytes));
    enum insn_mode mode = v->regs.cs == GUEST_CS32 ? INSN_MODE_32 : INSN_MODE_64;

    if (available == 0) {
        return -EFAULT;
    }
    return insn_decode(insn, bytes, available, mode) == INSN_OK ? 0 : -EINVAL;
}

bool operand_linear(const struct vcpu *v, const struct insn *insn, uint64_t offset,
                    unsigned int bytes, uint64_t *linear)
{
    /* What a string operation reads has a segment of its own; its destination is in ES. */
    unsigned int segment = insn->op == INSN_OUTS ? insn->segment : insn->mem.segment;
    struct insn_window window = {0, 0, UINT32_MAX};

    if (segment == INSN_FS) {
        window.base = arch_get_segment_base(BASE_FS);
    } else if (segment == INSN_GS) {
        window.base = arch_get_segment_base(BASE_GS);
    }
    return insn_linear(insn, offset, bytes, &window, linear) == 0;
}
