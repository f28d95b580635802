// SPDX-License-Identifier: Apache-2.0
// The Multiboot 2 information structure (Multiboot2 Specification 2.0, section 3.6): a list of
// tags.

#include "abi/errno.h"
#include "boot/boot_info.h"

#define TAG_END         0
#define TAG_CMDLINE     1
#define TAG_LOADER_NAME 2
#define TAG_MODULE      3
#define TAG_MEMORY_MAP  6
#define TAG_FRAMEBUFFER 8
#define TAG_EFI64       12
#define TAG_ACPI_OLD    14
#define TAG_ACPI_NEW    15
#define TAG_EFI_MAP     17

#define TAG_ALIGN 8

struct multiboot2_header {
    uint32_t total_bytes, reserved;
};

struct multiboot2_tag {
    uint32_t type;
    uint32_t bytes; /* this header included, padding not */
};

struct tag_module {
    struct multiboot2_tag tag;
    uint32_t start, end; /* the command line follows */
};

struct tag_memory_map {
    struct multiboot2_tag tag;
    uint32_t entry_bytes, entry_version;
};

struct multiboot2_region {
    uint64_t base, bytes;
    uint32_t type, reserved;
};

struct tag_framebuffer {
    struct multiboot2_tag tag;
    uint64_t base;
    uint32_t pitch_bytes, width, height;
    uint8_t bits_per_pixel;
    uint8_t type; /* 0 palette, 1 RGB, 2 text */
    uint16_t reserved;
    uint8_t red_position, red_bits, green_position, green_bits, blue_position, blue_bits;
} __attribute__((packed));
/* Without the colours, which only an RGB one has. */
#define FRAMEBUFFER_COMMON_BYTES 32
_Static_assert(offsetof(struct tag_framebuffer, red_position) == FRAMEBUFFER_COMMON_BYTES,
               "as loaders lay it out");

struct tag_efi64 {
    struct multiboot2_tag tag;
    uint64_t system_table;
};

struct tag_efi_map {
    struct multiboot2_tag tag;
    uint32_t descriptor_bytes, descriptor_version;
};

/* The start of EFI_MEMORY_DESCRIPTOR (UEFI 2.x, section 7.2). */
struct efi_descriptor {
    uint32_t type, padding;
    uint64_t base, virtual_base;
    uint64_t pages; /* of 4 KiB */
};

struct parse {
    struct boot_info *info;
    const struct boot_reader *reader;
};

/* One parser a tag: `pa` is the tag's address; its bytes have been found to be in reach. */
typedef bool (*tag_parser)(const struct parse *p, uint64_t pa, uint32_t bytes);

/* The fixed part of a tag, which must not be longer than the tag says it is. */
static bool copy_fixed(const struct parse *p, uint64_t pa, uint32_t bytes, void *to, size_t wanted)
{
    return wanted <= bytes && boot_copy(p->reader, pa, to, wanted);
}

static bool parse_cmdline(const struct parse *p, uint64_t pa, uint32_t bytes)
{
    boot_copy_string(p->info, p->reader, pa + sizeof(struct multiboot2_tag), p->info->cmdline,
                     sizeof(p->info->cmdline));
    return true;
}

static bool parse_loader_name(const struct parse *p, uint64_t pa, uint32_t bytes)
{
    boot_copy_string(p->info, p->reader, pa + sizeof(struct multiboot2_tag), p->info->loader,
                     sizeof(p->info->loader));
    return true;
}

static bool parse_module(const struct parse *p, uint64_t pa, uint32_t bytes)
{
    struct tag_module module;

    if (!copy_fixed(p, pa, bytes, &module, sizeof(module))) {
        return false;
    }
    boot_add_module(p->info, p->reader, module.start,
                    module.end > module.start ? module.end - module.start : 0,
                    bytes > sizeof(module) ? pa + sizeof(module) : 0);
    return true;
}

static bool parse_memory_map(const struct parse *p, uint64_t pa, uint32_t bytes)
{
    struct tag_memory_map map;
    struct multiboot2_region region;

    if (!copy_fixed(p, pa, bytes, &map, sizeof(map)) || map.entry_bytes < sizeof(region)) {
        return false;
    }
    for (uint64_t at = sizeof(map); at + sizeof(region) <= bytes; at += map.entry_bytes) {
        if (!boot_copy(p->reader, pa + at, &region, sizeof(region))) {
            return false;
        }
        memory_map_add(&p->info->memory, region.base, region.bytes, region.type);
    }
    return true;
}

static bool parse_framebuffer(const struct parse *p, uint64_t pa, uint32_t bytes)
{
    static const enum framebuffer_type types[] = {FRAMEBUFFER_NONE, FRAMEBUFFER_RGB,
                                                  FRAMEBUFFER_TEXT};
    struct tag_framebuffer tag = {.base = 0};
    size_t wanted = MIN(bytes, (uint32_t)sizeof(tag));

    if (bytes < FRAMEBUFFER_COMMON_BYTES || !boot_copy(p->reader, pa, &tag, wanted) ||
        tag.type >= ARRAY_SIZE(types)) {
        return false;
    }
    p->info->framebuffer = (struct boot_framebuffer){
        .type = types[tag.type],
        .base = tag.base,
        .pitch_bytes = tag.pitch_bytes,
        .width = tag.width,
        .height = tag.height,
        .bits_per_pixel = tag.bits_per_pixel,
        .red = {tag.red_position, tag.red_bits},
        .green = {tag.green_position, tag.green_bits},
        .blue = {tag.blue_position, tag.blue_bits},
    };
    return true;
}

static bool parse_efi64(const struct parse *p, uint64_t pa, uint32_t bytes)
{
    struct tag_efi64 tag;

    if (!copy_fixed(p, pa, bytes, &tag, sizeof(tag))) {
        return false;
    }
    p->info->efi.system_table = tag.system_table;
    return true;
}

/* The newer root pointer, with the 64-bit table, wins whatever the order of the tags. */
static bool parse_rsdp(const struct parse *p, uint64_t pa, uint32_t bytes)
{
    struct boot_info *info = p->info;
    uint32_t length = MIN(bytes - (uint32_t)sizeof(struct multiboot2_tag), BOOT_RSDP_BYTES + 0U);

    if (length > info->rsdp_copy_bytes) {
        if (!boot_copy(p->reader, pa + sizeof(struct multiboot2_tag), info->rsdp_copy, length)) {
            return false;
        }
        info->rsdp_copy_bytes = length;
    }
    return true;
}

static bool parse_efi_map(const struct parse *p, uint64_t pa, uint32_t bytes)
{
    struct boot_efi *efi = &p->info->efi;
    struct tag_efi_map tag;

    if (!copy_fixed(p, pa, bytes, &tag, sizeof(tag)) ||
        tag.descriptor_bytes < sizeof(struct efi_descriptor)) {
        return false;
    }
    uint32_t length = MIN(bytes - (uint32_t)sizeof(tag), (uint32_t)sizeof(efi->map));
    length -= length % tag.descriptor_bytes;
    if (!boot_copy(p->reader, pa + sizeof(tag), efi->map, length)) {
        return false;
    }
    efi->descriptor_bytes = tag.descriptor_bytes;
    efi->descriptor_version = tag.descriptor_version;
    efi->map_bytes = length;
    return true;
}

static const struct {
    uint32_t type;
    tag_parser parse;
} parsers[] = {
    {TAG_CMDLINE, parse_cmdline},         {TAG_LOADER_NAME, parse_loader_name},
    {TAG_MODULE, parse_module},           {TAG_MEMORY_MAP, parse_memory_map},
    {TAG_FRAMEBUFFER, parse_framebuffer}, {TAG_EFI64, parse_efi64},
    {TAG_ACPI_OLD, parse_rsdp},           {TAG_ACPI_NEW, parse_rsdp},
    {TAG_EFI_MAP, parse_efi_map},
};

/* A tag that is wrong in itself is skipped, and start of day told; others may still be of use. */
static void parse_tag(const struct parse *p, uint64_t pa, const struct multiboot2_tag *tag)
{
    for (size_t i = 0; i < ARRAY_SIZE(parsers); i++) {
        if (parsers[i].type == tag->type && !parsers[i].parse(p, pa, tag->bytes)) {
            p->info->truncated = true;
        }
    }
}

static void parse_tags(const struct parse *p, uint64_t pa, uint64_t end)
{
    struct multiboot2_tag tag;

    for (; pa + sizeof(tag) <= end; pa += ROUND_UP((uint64_t)tag.bytes, TAG_ALIGN)) {
        if (!boot_copy(p->reader, pa, &tag, sizeof(tag)) || tag.bytes < sizeof(tag) ||
            tag.bytes > end - pa) {
            p->info->truncated = true;
            return;
        }
        if (tag.type == TAG_END) {
            return;
        }
        parse_tag(p, pa, &tag);
    }
}

/* What firmware gives back once its boot services are over counts as usable. */
static enum memory_type efi_memory_type(uint32_t type)
{
    enum {
        LOADER_CODE = 1,
        LOADER_DATA,
        BOOT_CODE,
        BOOT_DATA,
        CONVENTIONAL = 7,
        UNUSABLE,
        ACPI,
        NVS
    };

    switch (type) {
    case LOADER_CODE:
    case LOADER_DATA:
    case BOOT_CODE:
    case BOOT_DATA:
    case CONVENTIONAL:
        return MEMORY_USABLE;
    case ACPI:
        return MEMORY_ACPI;
    case NVS:
        return MEMORY_NVS;
    case UNUSABLE:
        return MEMORY_BAD;
    default:
        return MEMORY_RESERVED;
    }
}

static void memory_map_from_efi(struct boot_info *info)
{
    const struct boot_efi *efi = &info->efi;
    struct efi_descriptor descriptor;

    for (uint32_t at = 0; at < efi->map_bytes; at += efi->descriptor_bytes) {
        __builtin_memcpy(&descriptor, efi->map + at, sizeof(descriptor));
        uint64_t bytes = MIN(descriptor.pages, UINT64_MAX >> 12) << 12;
        memory_map_add(&info->memory, descriptor.base, bytes, efi_memory_type(descriptor.type));
    }
}

int boot_parse_multiboot2(struct boot_info *info, const struct boot_reader *reader, uint64_t pa)
{
    const struct parse p = {info, reader};
    struct multiboot2_header header;

    info->protocol = "Multiboot 2";
    if (!boot_copy(reader, pa, &header, sizeof(header))) {
        return -EINVAL;
    }
    parse_tags(&p, pa + sizeof(header), pa + header.total_bytes);
    if (info->memory.count == 0) {
        memory_map_from_efi(info);
    }
    boot_strip_lines(info, false);
    memory_map_normalize(&info->memory);
    return info->memory.count != 0 ? 0 : -EINVAL;
}
