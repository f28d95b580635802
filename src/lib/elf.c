// SPDX-License-Identifier: Apache-2.0
// Reading ELF images that nobody vouches for.
#include "lib/elf.h"

#include "abi/errno.h"
#include "lib/string.h"

bool elf_detect(const void *image, size_t size_bytes)
{
    return size_bytes >= SELFMAG && memcmp(image, ELFMAG, SELFMAG) == 0;
}

static bool inside(const struct elf *elf, uint64_t offset, uint64_t bytes)
{
    return offset <= elf->size_bytes && bytes <= elf->size_bytes - offset;
}

const uint8_t *elf_bytes(const struct elf *elf, uint64_t offset, uint64_t bytes)
{
    return inside(elf, offset, bytes) ? elf->image + offset : NULL;
}

// Copies out `bytes` at `offset`; false where they are not all inside the image.
static bool fetch(const struct elf *elf, uint64_t offset, void *to, size_t bytes)
{
    const uint8_t *from = elf_bytes(elf, offset, bytes);

    if (from == NULL) {
        return false;
    }
    memcpy(to, from, bytes);
    return true;
}

// Both widths have the same fields under the same names, at other offsets.
#define TAKE_HEADER(elf, header)                           \
    do {                                                   \
        (elf)->type = (header).e_type;                     \
        (elf)->machine = (header).e_machine;               \
        (elf)->entry = (header).e_entry;                   \
        (elf)->segment_count = (header).e_phnum;           \
        (elf)->segment_table = (header).e_phoff;           \
        (elf)->segment_entry_bytes = (header).e_phentsize; \
        (elf)->section_count = (header).e_shnum;           \
        (elf)->section_table = (header).e_shoff;           \
        (elf)->section_entry_bytes = (header).e_shentsize; \
        (elf)->name_section = (header).e_shstrndx;         \
    } while (0)

static bool read_header(struct elf *elf)
{
    if (elf->is_64bit) {
        struct elf64_header header;
        if (!fetch(elf, 0, &header, sizeof(header))) {
            return false;
        }
        TAKE_HEADER(elf, header);
    } else {
        struct elf32_header header;
        if (!fetch(elf, 0, &header, sizeof(header))) {
            return false;
        }
        TAKE_HEADER(elf, header);
    }
    return true;
}

// Counts and entry sizes are 16 bits wide, so their product can't overflow.
static bool table_fits(const struct elf *elf, uint64_t offset, uint32_t count, uint32_t entry_bytes,
                       size_t least_bytes)
{
    return count == 0 ||
           (entry_bytes >= least_bytes && inside(elf, offset, (uint64_t)count * entry_bytes));
}

int elf_open(struct elf *elf, const void *image, size_t size_bytes)
{
    uint8_t ident[EI_NIDENT];

    *elf = (struct elf){.image = image, .size_bytes = size_bytes};
    if (!elf_detect(image, size_bytes) || !fetch(elf, 0, ident, sizeof(ident)) ||
        ident[EI_DATA] != ELFDATA2LSB || ident[EI_VERSION] != EV_CURRENT ||
        (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64)) {
        return -ENOEXEC;
    }
    elf->is_64bit = ident[EI_CLASS] == ELFCLASS64;
    if (!read_header(elf)) {
        return -ENOEXEC;
    }
    size_t segment_bytes =
        elf->is_64bit ? sizeof(struct elf64_segment) : sizeof(struct elf32_segment);
    size_t section_bytes =
        elf->is_64bit ? sizeof(struct elf64_section) : sizeof(struct elf32_section);
    if (elf->segment_count == PN_XNUM ||
        !table_fits(elf, elf->segment_table, elf->segment_count, elf->segment_entry_bytes,
                    segment_bytes) ||
        !table_fits(elf, elf->section_table, elf->section_count, elf->section_entry_bytes,
                    section_bytes)) {
        return -ENOEXEC;
    }
    return 0;
}

#define TAKE_SEGMENT(segment, header)          \
    (*(segment) = (struct elf_segment){        \
         .type = (header).p_type,              \
         .flags = (header).p_flags,            \
         .offset = (header).p_offset,          \
         .virtual_address = (header).p_vaddr,  \
         .physical_address = (header).p_paddr, \
         .file_bytes = (header).p_filesz,      \
         .memory_bytes = (header).p_memsz,     \
         .align = (header).p_align,            \
     })

static bool segment_is_sound(const struct elf *elf, const struct elf_segment *segment)
{
    uint64_t end;

    if (!inside(elf, segment->offset, segment->file_bytes)) {
        return false;
    }
    return segment->type != PT_LOAD ||
           (segment->file_bytes <= segment->memory_bytes &&
            !__builtin_add_overflow(segment->physical_address, segment->memory_bytes, &end));
}

int elf_segment(const struct elf *elf, uint32_t index, struct elf_segment *segment)
{
    uint64_t at = elf->segment_table + (uint64_t)index * elf->segment_entry_bytes;

    if (index >= elf->segment_count) {
        return -ENOEXEC;
    }
    if (elf->is_64bit) {
        struct elf64_segment header;
        if (!fetch(elf, at, &header, sizeof(header))) {
            return -ENOEXEC;
        }
        TAKE_SEGMENT(segment, header);
    } else {
        struct elf32_segment header;
        if (!fetch(elf, at, &header, sizeof(header))) {
            return -ENOEXEC;
        }
        TAKE_SEGMENT(segment, header);
    }
    return segment_is_sound(elf, segment) ? 0 : -ENOEXEC;
}

#define TAKE_SECTION(section, header, name_offset) \
    do {                                           \
        *(name_offset) = (header).sh_name;         \
        *(section) = (struct elf_section){         \
            .name = "",                            \
            .type = (header).sh_type,              \
            .offset = (header).sh_offset,          \
            .size_bytes = (header).sh_size,        \
            .align = (header).sh_addralign,        \
        };                                         \
    } while (0)

// One section header without its name, which takes a second header to find.
static int read_section(const struct elf *elf, uint32_t index, struct elf_section *section,
                        uint32_t *name_offset)
{
    uint64_t at = elf->section_table + (uint64_t)index * elf->section_entry_bytes;

    if (index >= elf->section_count) {
        return -ENOEXEC;
    }
    if (elf->is_64bit) {
        struct elf64_section header;
        if (!fetch(elf, at, &header, sizeof(header))) {
            return -ENOEXEC;
        }
        TAKE_SECTION(section, header, name_offset);
    } else {
        struct elf32_section header;
        if (!fetch(elf, at, &header, sizeof(header))) {
            return -ENOEXEC;
        }
        TAKE_SECTION(section, header, name_offset);
    }
    bool has_bytes = section->type != SHT_NOBITS && section->type != SHT_NULL;
    return !has_bytes || inside(elf, section->offset, section->size_bytes) ? 0 : -ENOEXEC;
}

int elf_section(const struct elf *elf, uint32_t index, struct elf_section *section)
{
    struct elf_section names;
    uint32_t name_offset, unused;
    int error = read_section(elf, index, section, &name_offset);

    if (error != 0) {
        return error;
    }
    if (read_section(elf, elf->name_section, &names, &unused) == 0 && names.type == SHT_STRTAB &&
        name_offset < names.size_bytes) {
        const char *name = (const char *)elf->image + names.offset + name_offset;
        // A name that runs out of its table is no name.
        if (memchr(name, '\0', names.size_bytes - name_offset) != NULL) {
            section->name = name;
        }
    }
    return 0;
}

// Notes are packed at four bytes; a few that say so, at eight.
static struct elf_notes notes_at(const struct elf *elf, uint64_t offset, uint64_t bytes,
                                 uint64_t align)
{
    const uint8_t *first = elf_bytes(elf, offset, bytes);

    return (struct elf_notes){
        .next = first,
        .left_bytes = first == NULL ? 0 : bytes,
        .align = align == 8 ? 8 : 4,
    };
}

struct elf_notes elf_segment_notes(const struct elf *elf, const struct elf_segment *segment)
{
    return notes_at(elf, segment->offset, segment->file_bytes, segment->align);
}

struct elf_notes elf_section_notes(const struct elf *elf, const struct elf_section *section)
{
    return notes_at(elf, section->offset, section->size_bytes, section->align);
}

bool elf_next_note(struct elf_notes *notes, struct elf_note *note)
{
    struct elf_note_header header;

    if (notes->left_bytes < sizeof(header)) {
        return false;
    }
    memcpy(&header, notes->next, sizeof(header));
    // Sums of two 32-bit sizes and a header: no overflow in 64 bits.
    uint64_t desc_offset = ROUND_UP(sizeof(header) + (uint64_t)header.n_namesz, notes->align);
    uint64_t end = desc_offset + header.n_descsz;
    if (end > notes->left_bytes) {
        return false;
    }
    *note = (struct elf_note){
        .name = (const char *)notes->next + sizeof(header),
        .name_bytes = header.n_namesz,
        .type = header.n_type,
        .desc = notes->next + desc_offset,
        .desc_bytes = header.n_descsz,
    };
    // The last one's padding may be missing.
    uint64_t step = MIN(ROUND_UP(end, notes->align), notes->left_bytes);
    notes->next += step;
    notes->left_bytes -= step;
    return true;
}
