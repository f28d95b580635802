// SPDX-License-Identifier: Apache-2.0
// Segments of guests, from the descriptors that their selectors name.
#include "pv/segment.h"

#include "arch/frames.h"
#include "arch/pv.h"
#include "pv/selectors.h"

#define DESCRIPTORS_PER_PAGE (PAGE_SIZE / 8)
#define SELECTOR_IN_LDT      4U

#define DESCRIPTOR_ALLOWS      (1ULL << 41) /* data: writes; code: reads */
#define DESCRIPTOR_EXPAND_DOWN (1ULL << 42)
#define DESCRIPTOR_CODE        (1ULL << 43)
#define DESCRIPTOR_SEGMENT     (1ULL << 44)
#define DESCRIPTOR_PRESENT     (1ULL << 47)
#define DESCRIPTOR_LONG        (1ULL << 53)
#define DESCRIPTOR_BIG         (1ULL << 54)
#define DESCRIPTOR_PAGES       (1ULL << 55)

/* Pavise's own, behind the guest's part of the GDT: 4 GiB from 0. */
#define FLAT_DATA   0x00cff3000000ffffULL
#define FLAT_CODE32 0x00cffb000000ffffULL
#define FLAT_CODE64 0x00affb000000ffffULL

static uint64_t descriptor_in(mfn_t page, unsigned int index)
{
    return READ_ONCE(((const uint64_t *)frame_to_virt(page))[index % DESCRIPTORS_PER_PAGE]);
}

static uint64_t flat_descriptor(uint16_t selector)
{
    switch (selector | 3) {
    case GUEST_CS64:
        return FLAT_CODE64;
    case GUEST_CS32:
        return FLAT_CODE32;
    case GUEST_SS:
        return FLAT_DATA;
    default:
        return 0;
    }
}

/* What a selector names now; 0 where nothing. */
static uint64_t descriptor_of(const struct vcpu *v, uint16_t selector)
{
    unsigned int index = selector >> 3, page = index / DESCRIPTORS_PER_PAGE;

    if ((selector & SELECTOR_IN_LDT) != 0) {
        return index < v->ldt_entries && (v->ldt_mapped >> page & 1) != 0
                   ? descriptor_in(v->ldt_frames[page], index)
                   : 0;
    }
    if (index >= GDT_GUEST_ENTRIES) {
        return flat_descriptor(selector);
    }
    return index != 0 && index < v->gdt_entries ? descriptor_in(v->gdt_frames[page], index) : 0;
}

static bool is_segment(uint64_t descriptor)
{
    const uint64_t needed = DESCRIPTOR_SEGMENT | DESCRIPTOR_PRESENT;

    return (descriptor & needed) == needed;
}

static struct insn_window window_of(uint64_t descriptor)
{
    struct insn_window window = {
        .base = (descriptor >> 16 & 0xffffff) | (descriptor >> 32 & 0xff000000),
        .last = (uint32_t)((descriptor & 0xffff) | (descriptor >> 32 & 0xf0000)),
    };

    if ((descriptor & DESCRIPTOR_PAGES) != 0) {
        window.last = window.last << PAGE_SHIFT | (PAGE_SIZE - 1);
    }
    return window;
}

/* The limit of a segment that grows down is the last offset that is not in it. */
static bool turn_down(struct insn_window *window, uint64_t descriptor)
{
    uint32_t highest = (descriptor & DESCRIPTOR_BIG) != 0 ? UINT32_MAX : UINT16_MAX;

    if (window->last >= highest) {
        return false;
    }
    window->first = window->last + 1;
    window->last = highest;
    return true;
}

bool segment_code(const struct vcpu *v, enum insn_mode *mode, struct insn_window *window)
{
    uint64_t descriptor = descriptor_of(v, v->regs.cs);

    if (!is_segment(descriptor) || (descriptor & DESCRIPTOR_CODE) == 0) {
        return false;
    }
    *window = window_of(descriptor);
    if ((descriptor & DESCRIPTOR_LONG) != 0) {
        *mode = INSN_MODE_64;
    } else {
        *mode = (descriptor & DESCRIPTOR_BIG) != 0 ? INSN_MODE_32 : INSN_MODE_16;
    }
    return true;
}

static uint16_t loaded_selector(const struct vcpu *v, enum insn_segment segment)
{
    switch (segment) {
    case INSN_CS:
        return v->regs.cs;
    case INSN_SS:
        return v->regs.ss;
    case INSN_ES:
        return arch_loaded_selector(SELECTOR_ES);
    case INSN_FS:
        return arch_loaded_selector(SELECTOR_FS);
    case INSN_GS:
        return arch_loaded_selector(SELECTOR_GS);
    default:
        return arch_loaded_selector(SELECTOR_DS);
    }
}

static bool allows(uint64_t descriptor, enum segment_access access)
{
    if ((descriptor & DESCRIPTOR_CODE) != 0) {
        return access == SEGMENT_READ && (descriptor & DESCRIPTOR_ALLOWS) != 0;
    }
    return access == SEGMENT_READ || (descriptor & DESCRIPTOR_ALLOWS) != 0;
}

static bool from_descriptor(const struct vcpu *v, enum insn_segment segment,
                            enum segment_access access, struct insn_window *window)
{
    uint64_t descriptor = descriptor_of(v, loaded_selector(v, segment));

    if (!is_segment(descriptor) || !allows(descriptor, access)) {
        return false;
    }
    *window = window_of(descriptor);
    return (descriptor & (DESCRIPTOR_CODE | DESCRIPTOR_EXPAND_DOWN)) != DESCRIPTOR_EXPAND_DOWN ||
           turn_down(window, descriptor);
}

bool segment_data(const struct vcpu *v, enum insn_mode mode, enum insn_segment segment,
                  enum segment_access access, struct insn_window *window)
{
    *window = (struct insn_window){0, 0, UINT32_MAX};
    if (mode != INSN_MODE_64 && !from_descriptor(v, segment, access, window)) {
        return false;
    }
    /* The base of these two can also be set without a descriptor. */
    if (segment == INSN_FS) {
        window->base = arch_get_segment_base(BASE_FS);
    } else if (segment == INSN_GS) {
        window->base = arch_get_segment_base(BASE_GS);
    }
    return true;
}
