// SPDX-License-Identifier: Apache-2.0
// What a boot loader tells, in one form for all of them. Everything is copied: once a parser is
// done, the loader's own structures may be overwritten (module contents may not).
#pragma once

#include "boot/memory_map.h"
#include "lib/compiler.h"

/* A file that the loader put into memory. */
struct boot_module {
    uint64_t base, bytes;
    char *cmdline; /* in boot_info.strings, without a file name; never NULL */
};

enum framebuffer_type { FRAMEBUFFER_NONE, FRAMEBUFFER_TEXT, FRAMEBUFFER_RGB };

/* The screen as firmware left it. Text: width and height in characters. */
struct boot_framebuffer {
    enum framebuffer_type type;
    uint64_t base;
    uint32_t pitch_bytes, width, height;
    uint8_t bits_per_pixel;
    struct {
        uint8_t position, bits;
    } red, green, blue;
};

/* As UEFI left it; `map` is an array of EFI_MEMORY_DESCRIPTOR, each `descriptor_bytes` apart. */
struct boot_efi {
    uint64_t system_table; /* 0: not started by UEFI */
    uint32_t descriptor_bytes, descriptor_version;
    uint32_t map_bytes;
    uint8_t map[32768] aligned_to(8);
};

#define BOOT_MODULES_MAX 16
#define BOOT_CMDLINE_MAX 2048
#define BOOT_STRINGS_MAX 8192
#define BOOT_RSDP_BYTES  36

struct boot_info {
    const char *protocol;           /* "Multiboot 1", ... */
    char loader[64];                /* as it calls itself; may be empty */
    char cmdline[BOOT_CMDLINE_MAX]; /* of Pavise, without a file name */
    struct memory_map memory;
    uint32_t module_count;
    struct boot_module modules[BOOT_MODULES_MAX];
    uint64_t rsdp; /* physical address of ACPI's root pointer; 0: unknown */
    /* Multiboot 2 gives a copy of the root pointer, whose own address it does not tell. */
    uint8_t rsdp_copy[BOOT_RSDP_BYTES];
    uint32_t rsdp_copy_bytes; /* 0, 20 or 36 */
    struct boot_framebuffer framebuffer;
    struct boot_efi efi;
    /* What could not be kept: too many modules, too long a line. Start of day warns. */
    bool truncated;
    uint32_t strings_used;
    char strings[BOOT_STRINGS_MAX];
};

/* What the loader passes in %eax (for PVH, what head.S puts in its place). */
#define BOOT_MAGIC_MULTIBOOT1 0x2badb002U
#define BOOT_MAGIC_MULTIBOOT2 0x36d76289U
#define BOOT_MAGIC_PVH        0x336ec578U

/*
 * Read access to physical memory while parsing: `bytes` at `pa`, or NULL where that is out of
 * reach. Nothing that a loader says is believed before it went through here.
 */
struct boot_reader {
    const void *(*reach)(const struct boot_reader *reader, uint64_t pa, uint64_t bytes);
};

/*
 * Each fills `info`, which comes zeroed, from the loader's structure at `pa`; the memory map is
 * normalized then. 0; -EINVAL where the structure is not what it should be, or without a memory
 * map.
 */
must_check int boot_parse_multiboot1(struct boot_info *info, const struct boot_reader *reader,
                                     uint64_t pa);
must_check int boot_parse_multiboot2(struct boot_info *info, const struct boot_reader *reader,
                                     uint64_t pa);
must_check int boot_parse_pvh(struct boot_info *info, const struct boot_reader *reader,
                              uint64_t pa);

/* By the magic number; -ENOENT for one that is none of the three. */
must_check int boot_parse(struct boot_info *info, const struct boot_reader *reader, uint32_t magic,
                          uint64_t pa);

/* ---- for the parsers ------------------------------------------------------------------------- */

/* Copies a string at `pa` (0: an empty one), cut to `capacity`; sets `truncated` where it was. */
void boot_copy_string(struct boot_info *info, const struct boot_reader *reader, uint64_t pa,
                      char *to, size_t capacity);

/* Copies bytes as they are; false, and nothing copied, where they are out of reach. */
must_check bool boot_copy(const struct boot_reader *reader, uint64_t pa, void *to, size_t bytes);

/*
 * Adds a module whose command line stands at `cmdline_pa`. Left out if
 * it is empty or beyond PHYSICAL_ADDRESS_END.
 */
void boot_add_module(struct boot_info *info, const struct boot_reader *reader, uint64_t base,
                     uint64_t bytes, uint64_t cmdline_pa);

/*
 * Leaves only arguments on a command line. Some loaders put the name of the file before them; GRUB
 * does not, and Debian's menu for the reference gives it the word `placeholder` to make up for it.
 */
void boot_strip_line(char *line, bool starts_with_file);

/* The same for all lines in `info`. */
void boot_strip_lines(struct boot_info *info, bool start_with_file);
