// SPDX-License-Identifier: Apache-2.0
// The PVH start structure, which QEMU and others hand to an ELF with the right note. Layout and
// meaning: <xen/arch-x86/hvm/start_info.h>.

#include "abi/errno.h"
#include "abi/pvh.h"
#include "boot/boot_info.h"

/* Version 0 ends before the memory map. */
#define VERSION_0_BYTES offsetof(struct hvm_start_info, memmap_paddr)

static void parse_memory_map(struct boot_info *info, const struct boot_reader *reader, uint64_t pa,
                             uint32_t count)
{
    struct hvm_memmap_table_entry entry;

    for (uint32_t i = 0; i < count; i++, pa += sizeof(entry)) {
        if (!boot_copy(reader, pa, &entry, sizeof(entry))) {
            info->truncated = true;
            return;
        }
        memory_map_add(&info->memory, entry.addr, entry.size, entry.type);
    }
}

static void parse_modules(struct boot_info *info, const struct boot_reader *reader, uint64_t pa,
                          uint32_t count)
{
    struct hvm_modlist_entry entry;

    for (uint32_t i = 0; i < count && !info->truncated; i++, pa += sizeof(entry)) {
        if (!boot_copy(reader, pa, &entry, sizeof(entry))) {
            info->truncated = true;
            return;
        }
        boot_add_module(info, reader, entry.paddr, entry.size, entry.cmdline_paddr);
    }
}

int boot_parse_pvh(struct boot_info *info, const struct boot_reader *reader, uint64_t pa)
{
    struct hvm_start_info start = {.magic = 0};

    info->protocol = "PVH";
    if (!boot_copy(reader, pa, &start, VERSION_0_BYTES) ||
        start.magic != XEN_HVM_START_MAGIC_VALUE || start.version == 0 ||
        !boot_copy(reader, pa, &start, sizeof(start))) {
        return -EINVAL;
    }
    info->rsdp = start.rsdp_paddr;
    boot_copy_string(info, reader, start.cmdline_paddr, info->cmdline, sizeof(info->cmdline));
    parse_modules(info, reader, start.modlist_paddr, start.nr_modules);
    parse_memory_map(info, reader, start.memmap_paddr, start.memmap_entries);
    boot_strip_lines(info, false);
    memory_map_normalize(&info->memory);
    return info->memory.count != 0 ? 0 : -EINVAL;
}
