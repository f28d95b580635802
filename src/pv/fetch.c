// SPDX-License-Identifier: Apache-2.0
// Fetches guest instructions, never across what can be read.
#include "pv/fetch.h"

#include "abi/errno.h"
#include "arch/guest.h"
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

static int decode(struct insn *insn, const uint8_t *bytes, size_t available, enum insn_mode mode)
{
    return insn_decode(insn, bytes, available, mode) == INSN_OK ? 0 : -EINVAL;
}

/* From any segment, and with pages behind the instruction that are not there. */
static cold_fn int fetch_carefully(const struct vcpu *v, struct insn *insn)
{
    uint8_t bytes[INSN_MAX_BYTES];
    struct insn_window code;
    enum insn_mode mode;
    uint64_t address = v->regs.rip;
    size_t available = sizeof(bytes);

    if (!segment_code(v, &mode, &code)) {
        return -EFAULT;
    }
    if (mode != INSN_MODE_64) {
        if (address > code.last) {
            return -EFAULT;
        }
        available = MIN(available, code.last - address + 1);
        address = (uint32_t)(code.base + address);
    }
    available = fetch_bytes(address, bytes, available);
    if (available == 0) {
        return -EFAULT;
    }
    return decode(insn, bytes, available, mode);
}

int fetch_instruction(const struct vcpu *v, struct insn *insn)
{
    uint64_t words[2];

    _Static_assert(sizeof(words) >= INSN_MAX_BYTES, "the longest instruction fits");
    if (likely(v->regs.cs == GUEST_CS64 && guest_fetch_words(words, gva(v->regs.rip), 2) == 0)) {
        return decode(insn, (const uint8_t *)words, INSN_MAX_BYTES, INSN_MODE_64);
    }
    return fetch_carefully(v, insn);
}

bool operand_linear(const struct vcpu *v, const struct insn *insn, uint64_t offset,
                    unsigned int bytes, enum segment_access access, uint64_t *linear)
{
    /* What a string operation reads has a segment of its own; its destination is in ES. */
    enum insn_segment segment = insn->op == INSN_OUTS ? insn->segment : insn->mem.segment;
    struct insn_window window;

    return segment_data(v, insn->mode, segment, access, &window) &&
           insn_linear(insn, offset, bytes, &window, linear) == 0;
}
