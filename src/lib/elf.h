// SPDX-License-Identifier: Apache-2.0
// A reader of ELF images (System V ABI, chapters 4 and 5), 32 and 64 bits wide, little-endian.
//
// The image may be anything: every offset and size is checked against it before use, nothing in it
// needs to be aligned, and no function writes to it or keeps more than a pointer to it.
#pragma once

#include "lib/compiler.h"
#include "lib/elf_format.h"

struct elf {
    const uint8_t *image;
    size_t size_bytes;
    bool is_64bit;
    uint16_t type;    /* ET_* */
    uint16_t machine; /* EM_* */
    uint64_t entry;
    uint32_t segment_count;
    uint32_t section_count;
    /* The rest is for elf.c alone. */
    uint64_t segment_table;
    uint32_t segment_entry_bytes;
    uint64_t section_table;
    uint32_t section_entry_bytes;
    uint32_t name_section;
};

/* A program header. Its file bytes are inside the image, and its memory range does not wrap. */
struct elf_segment {
    uint32_t type;  /* PT_* */
    uint32_t flags; /* PF_* */
    uint64_t offset;
    uint64_t virtual_address;
    uint64_t physical_address;
    uint64_t file_bytes; /* at most memory_bytes where the segment is loaded */
    uint64_t memory_bytes;
    uint64_t align;
};

struct elf_section {
    const char *name; /* "" where it has none */
    uint32_t type;    /* SHT_* */
    uint64_t offset;
    uint64_t size_bytes; /* inside the image but for SHT_NOBITS */
    uint64_t align;
};

struct elf_note {
    const char *name; /* `name_bytes` of them, not necessarily with a terminator */
    uint32_t name_bytes;
    uint32_t type;
    const uint8_t *desc;
    uint32_t desc_bytes;
};

/* What is left of a run of notes. */
struct elf_notes {
    const uint8_t *next;
    uint64_t left_bytes;
    uint64_t align;
};

/* Whether the image starts as an ELF file does. */
bool elf_detect(const void *image, size_t size_bytes);

/* -ENOEXEC where the header or one of the two tables is not well formed or not inside the image. */
must_check int elf_open(struct elf *elf, const void *image, size_t size_bytes);

/* `bytes` bytes at `offset` of the image, or NULL where they are not all inside. */
const uint8_t *elf_bytes(const struct elf *elf, uint64_t offset, uint64_t bytes);

/* The `index`th header. -ENOEXEC where what it describes breaks the rules above. */
must_check int elf_segment(const struct elf *elf, uint32_t index, struct elf_segment *segment);
must_check int elf_section(const struct elf *elf, uint32_t index, struct elf_section *section);

/* A walk over the notes of a PT_NOTE segment or an SHT_NOTE section. */
struct elf_notes elf_segment_notes(const struct elf *elf, const struct elf_segment *segment);
struct elf_notes elf_section_notes(const struct elf *elf, const struct elf_section *section);

/* The next note; false at the end, and at the first that does not fit in what is left. */
bool elf_next_note(struct elf_notes *notes, struct elf_note *note);
