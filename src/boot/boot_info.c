// SPDX-License-Identifier: Apache-2.0
// What the parsers of loaders' structures share: copying out of memory that nobody vouches for.

#include "boot/boot_info.h"

#include "abi/errno.h"
#include "lib/string.h"

bool boot_copy(const struct boot_reader *reader, uint64_t pa, void *to, size_t bytes)
{
    const void *from = reader->reach(reader, pa, bytes);

    if (from == NULL) {
        return false;
    }
    memcpy(to, from, bytes);
    return true;
}

/* Byte by byte: the string may end just before memory that is out of reach. */
static size_t copy_string(const struct boot_reader *reader, uint64_t pa, char *to, size_t capacity)
{
    size_t length = 0;
    const char *from;

    while (length < capacity && (from = reader->reach(reader, pa + length, 1)) != NULL &&
           *from != 0) {
        to[length++] = *from;
    }
    return length;
}

void boot_copy_string(struct boot_info *info, const struct boot_reader *reader, uint64_t pa,
                      char *to, size_t capacity)
{
    size_t length = pa != 0 ? copy_string(reader, pa, to, capacity) : 0;

    if (length == capacity) {
        info->truncated = true;
        length--;
    }
    to[length] = 0;
}

/* The last byte of `strings` is never given away: it ends whatever does not fit. */
void boot_add_module(struct boot_info *info, const struct boot_reader *reader, uint64_t base,
                     uint64_t bytes, uint64_t cmdline_pa)
{
    if (bytes == 0 || base >= PHYSICAL_ADDRESS_END || bytes > PHYSICAL_ADDRESS_END - base) {
        return;
    }
    if (info->module_count == BOOT_MODULES_MAX) {
        info->truncated = true;
        return;
    }
    char *text = info->strings + info->strings_used;
    boot_copy_string(info, reader, cmdline_pa, text, BOOT_STRINGS_MAX - info->strings_used);
    info->strings_used =
        MIN(info->strings_used + (uint32_t)strlen(text) + 1, (uint32_t)BOOT_STRINGS_MAX - 1);
    info->modules[info->module_count++] =
        (struct boot_module){.base = base, .bytes = bytes, .cmdline = text};
}

static void drop_first_word(char *line)
{
    const char *rest = line;

    while (*rest != 0 && *rest != ' ') {
        rest++;
    }
    while (*rest == ' ') {
        rest++;
    }
    memmove(line, rest, strlen(rest) + 1);
}

void boot_strip_line(char *line, bool starts_with_file)
{
    static const char placeholder[] = "placeholder";
    const size_t length = sizeof(placeholder) - 1;

    if (starts_with_file ||
        (strncmp(line, placeholder, length) == 0 && (line[length] == ' ' || line[length] == 0))) {
        drop_first_word(line);
    }
}

void boot_strip_lines(struct boot_info *info, bool start_with_file)
{
    boot_strip_line(info->cmdline, start_with_file);
    for (uint32_t i = 0; i < info->module_count; i++) {
        boot_strip_line(info->modules[i].cmdline, start_with_file);
    }
}

int boot_parse(struct boot_info *info, const struct boot_reader *reader, uint32_t magic,
               uint64_t pa)
{
    switch (magic) {
    case BOOT_MAGIC_MULTIBOOT1:
        return boot_parse_multiboot1(info, reader, pa);
    case BOOT_MAGIC_MULTIBOOT2:
        return boot_parse_multiboot2(info, reader, pa);
    case BOOT_MAGIC_PVH:
        return boot_parse_pvh(info, reader, pa);
    default:
        return -ENOENT;
    }
}
