// SPDX-License-Identifier: Apache-2.0
// What the descriptor-table registers seem to hold. The addresses are those that Linux gives its
// own processes under UMIP: in nobody's memory, canonical, and the same everywhere.
#include "pv/umip.h"

#include "arch/guest.h"
#include "lib/string.h"
#include "pv/bounce.h"
#include "pv/control.h"
#include "pv/fetch.h"
#include "pv/flags.h"
#include "pv/operand.h"

#define SEEMING_GDT 0xfffffffffffe0000UL
#define SEEMING_IDT 0xffffffffffff0000UL
#define SEEMING_TR  0x40U

static bool store(struct vcpu *v, const struct insn *insn, const void *value, unsigned int bytes,
                  bool *faulted)
{
    uint64_t linear;

    if (!operand_linear(v, insn, insn_offset(insn, &v->regs), bytes, SEGMENT_WRITE, &linear)) {
        return false;
    }
    *faulted = copy_to_guest(gva(linear), value, bytes) != 0;
    if (*faulted) {
        pv_bounce_page_fault(v, linear, PAGE_FAULT_WRITE);
    }
    return true;
}

/* Limit 0, then the base, of as many bytes as addresses have. */
static bool store_table(struct vcpu *v, const struct insn *insn, uint64_t base, bool *faulted)
{
    unsigned int base_bytes = insn->mode == INSN_MODE_64 ? 8 : 4;
    uint8_t image[10] = {0};

    memcpy(image + 2, &base, base_bytes);
    return store(v, insn, image, 2 + base_bytes, faulted);
}

static bool store_word(struct vcpu *v, const struct insn *insn, uint64_t value, bool *faulted)
{
    if (insn->has_mem) {
        return store(v, insn, &value, 2, faulted);
    }
    insn_write_reg(&v->regs, insn->rm, insn->width, value);
    return true;
}

bool umip_store(struct vcpu *v, const struct insn *insn, bool *faulted)
{
    *faulted = false;
    switch (insn->op) {
    case INSN_SGDT:
        return store_table(v, insn, SEEMING_GDT, faulted);
    case INSN_SIDT:
        return store_table(v, insn, SEEMING_IDT, faulted);
    case INSN_SLDT:
        return store_word(v, insn, 0, faulted);
    case INSN_STR:
        return store_word(v, insn, SEEMING_TR, faulted);
    case INSN_SMSW:
        return store_word(v, insn, control0_of(v), faulted);
    default:
        return false;
    }
}
