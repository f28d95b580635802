// SPDX-License-Identifier: Apache-2.0
// Tiny kernel images for tests of the builder: an ELF file of one loaded segment and a run of Xen's
// notes, in either width.
#pragma once

#include "abi/elfnote.h"
#include "lib/elf.h"
#include "lib/string.h"

enum { MAKER_NOTES_AT = 0x200, MAKER_CODE_AT = 0x800, MAKER_CODE_BYTES = 0x1800 };

struct kernel_maker {
    uint8_t image[MAKER_CODE_AT + MAKER_CODE_BYTES] aligned_to(8);
    uint32_t notes_bytes;
    bool is_32bit;
};

static inline struct elf64_segment *maker_segment(struct kernel_maker *maker, int index)
{
    return (struct elf64_segment *)(maker->image + sizeof(struct elf64_header)) + index;
}

/* A kernel of MAKER_CODE_BYTES bytes and half a page of bss, to be loaded at `paddr`, without
 * notes. */
static inline void maker_start(struct kernel_maker *maker, uint64_t paddr, uint64_t entry)
{
    struct elf64_header *header = (struct elf64_header *)maker->image;

    memset(maker, 0, sizeof(*maker));
    *header = (struct elf64_header){
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_X86_64,
        .e_entry = entry,
        .e_phoff = sizeof(*header),
        .e_phentsize = sizeof(struct elf64_segment),
        .e_phnum = 2,
    };
    *maker_segment(maker, 0) = (struct elf64_segment){
        .p_type = PT_LOAD,
        .p_offset = MAKER_CODE_AT,
        .p_paddr = paddr,
        .p_filesz = MAKER_CODE_BYTES,
        .p_memsz = MAKER_CODE_BYTES + 0x800,
    };
    *maker_segment(maker, 1) =
        (struct elf64_segment){.p_type = PT_NOTE, .p_offset = MAKER_NOTES_AT, .p_align = 4};
    for (uint32_t i = 0; i < MAKER_CODE_BYTES; i++) {
        maker->image[MAKER_CODE_AT + i] = (uint8_t)(i * 7 + 1);
    }
}

/* The same for a 32-bit guest. */
static inline void maker_start_32bit(struct kernel_maker *maker, uint32_t paddr, uint32_t entry)
{
    struct elf32_header header = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_386,
        .e_entry = entry,
        .e_phoff = sizeof(header),
        .e_phentsize = sizeof(struct elf32_segment),
        .e_phnum = 2,
    };
    struct elf32_segment segments[2] = {
        {.p_type = PT_LOAD,
         .p_offset = MAKER_CODE_AT,
         .p_paddr = paddr,
         .p_filesz = MAKER_CODE_BYTES,
         .p_memsz = MAKER_CODE_BYTES + 0x800},
        {.p_type = PT_NOTE, .p_offset = MAKER_NOTES_AT},
    };

    maker_start(maker, paddr, entry);
    maker->is_32bit = true;
    memcpy(maker->image, &header, sizeof(header));
    memcpy(maker->image + sizeof(header), segments, sizeof(segments));
}

static inline void maker_note_of(struct kernel_maker *maker, const char *owner, uint32_t type,
                                 const void *desc, uint32_t desc_bytes)
{
    struct elf_note_header header = {4, desc_bytes, type};
    uint8_t *at = maker->image + MAKER_NOTES_AT + maker->notes_bytes;

    memcpy(at, &header, sizeof(header));
    memcpy(at + sizeof(header), owner, 4);
    memcpy(at + sizeof(header) + 4, desc, desc_bytes);
    maker->notes_bytes += ROUND_UP((uint32_t)sizeof(header) + 4 + desc_bytes, 4);
    if (maker->is_32bit) {
        ((struct elf32_segment *)(maker->image + sizeof(struct elf32_header)))[1].p_filesz =
            maker->notes_bytes;
    } else {
        maker_segment(maker, 1)->p_filesz = maker->notes_bytes;
    }
}

static inline void maker_number(struct kernel_maker *maker, uint32_t type, uint64_t value)
{
    maker_note_of(maker, "Xen", type, &value, maker->is_32bit ? 4 : 8);
}

static inline void maker_string(struct kernel_maker *maker, uint32_t type, const char *value)
{
    maker_note_of(maker, "Xen", type, value, (uint32_t)strlen(value) + 1);
}
