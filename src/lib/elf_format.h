// SPDX-License-Identifier: Apache-2.0
// The ELF file format as C sees it (System V ABI, chapters 4 and 5, with the x86-64 supplement),
// under the specification's own names. Only what Pavise reads.
#pragma once

#include <stdint.h>

#define ELFMAG  "\177ELF"
#define SELFMAG 4

enum { EI_CLASS = 4, EI_DATA = 5, EI_VERSION = 6, EI_NIDENT = 16 };
enum { ELFCLASS32 = 1, ELFCLASS64 = 2 };
enum { ELFDATA2LSB = 1 };
enum { EV_CURRENT = 1 };
enum { ET_EXEC = 2, ET_DYN = 3 };
enum { EM_386 = 3, EM_X86_64 = 62 };
enum { PN_XNUM = 0xffff };
enum { PT_LOAD = 1, PT_NOTE = 4 };
enum { SHT_NULL = 0, SHT_PROGBITS = 1, SHT_STRTAB = 3, SHT_NOTE = 7, SHT_NOBITS = 8 };

struct elf32_header {
    uint8_t e_ident[EI_NIDENT];
    uint16_t e_type;
    uint16_t e_machine;
    uint32_t e_version;
    uint32_t e_entry;
    uint32_t e_phoff;
    uint32_t e_shoff;
    uint32_t e_flags;
    uint16_t e_ehsize;
    uint16_t e_phentsize;
    uint16_t e_phnum;
    uint16_t e_shentsize;
    uint16_t e_shnum;
    uint16_t e_shstrndx;
};

struct elf64_header {
    uint8_t e_ident[EI_NIDENT];
    uint16_t e_type;
    uint16_t e_machine;
    uint32_t e_version;
    uint64_t e_entry;
    uint64_t e_phoff;
    uint64_t e_shoff;
    uint32_t e_flags;
    uint16_t e_ehsize;
    uint16_t e_phentsize;
    uint16_t e_phnum;
    uint16_t e_shentsize;
    uint16_t e_shnum;
    uint16_t e_shstrndx;
};

struct elf32_segment {
    uint32_t p_type;
    uint32_t p_offset;
    uint32_t p_vaddr;
    uint32_t p_paddr;
    uint32_t p_filesz;
    uint32_t p_memsz;
    uint32_t p_flags;
    uint32_t p_align;
};

struct elf64_segment {
    uint32_t p_type;
    uint32_t p_flags;
    uint64_t p_offset;
    uint64_t p_vaddr;
    uint64_t p_paddr;
    uint64_t p_filesz;
    uint64_t p_memsz;
    uint64_t p_align;
};

struct elf32_section {
    uint32_t sh_name;
    uint32_t sh_type;
    uint32_t sh_flags;
    uint32_t sh_addr;
    uint32_t sh_offset;
    uint32_t sh_size;
    uint32_t sh_link;
    uint32_t sh_info;
    uint32_t sh_addralign;
    uint32_t sh_entsize;
};

struct elf64_section {
    uint32_t sh_name;
    uint32_t sh_type;
    uint64_t sh_flags;
    uint64_t sh_addr;
    uint64_t sh_offset;
    uint64_t sh_size;
    uint32_t sh_link;
    uint32_t sh_info;
    uint64_t sh_addralign;
    uint64_t sh_entsize;
};

struct elf_note_header {
    uint32_t n_namesz;
    uint32_t n_descsz;
    uint32_t n_type;
};

_Static_assert(sizeof(struct elf32_header) == 52 && sizeof(struct elf64_header) == 64, "headers");
_Static_assert(sizeof(struct elf32_segment) == 32 && sizeof(struct elf64_segment) == 56,
               "segments");
_Static_assert(sizeof(struct elf32_section) == 40 && sizeof(struct elf64_section) == 64,
               "sections");
