// SPDX-License-Identifier: Apache-2.0
// Judging a kernel, and loading it. Where a segment goes is told by its physical address alone (the
// virtual one may mean something else: Linux's per-CPU segment has 0): its pseudo-physical address
// is that less PADDR_OFFSET, and it is mapped at VIRT_BASE plus that.
#include "build/kernel_image.h"

#include "abi/errno.h"
#include "lib/string.h"

static int damaged(struct reason *reason, const char *what)
{
    return refuse(reason, ENOEXEC, "kernel is damaged: %s", what);
}

static int check_machine(const struct elf *elf, struct reason *reason)
{
    uint16_t expected = elf->is_64bit ? EM_X86_64 : EM_386;

    if (elf->machine != expected) {
        return refuse(reason, ENOEXEC, "kernel is for another processor (ELF machine %u)",
                      elf->machine);
    }
    if (elf->type != ET_EXEC && elf->type != ET_DYN) {
        return refuse(reason, ENOEXEC, "not a kernel: an ELF file of type %u", elf->type);
    }
    return 0;
}

// Pseudo-physical range of a segment; false where it is before the start of memory.
static bool segment_range(const struct kernel_image *kernel, const struct elf_segment *segment,
                          uint64_t *start, uint64_t *end)
{
    uint64_t offset = kernel->notes.paddr_offset;

    *start = segment->physical_address - offset;
    *end = *start + segment->memory_bytes;
    return segment->physical_address >= offset;
}

static bool is_loaded(const struct elf_segment *segment)
{
    return segment->type == PT_LOAD && segment->memory_bytes != 0;
}

static int measure(struct kernel_image *kernel, struct reason *reason)
{
    uint64_t lowest = UINT64_MAX, highest = 0, start, end;
    struct elf_segment segment;

    for (uint32_t i = 0; i < kernel->elf.segment_count; i++) {
        if (elf_segment(&kernel->elf, i, &segment) != 0) {
            return damaged(reason, "a program header points outside the file");
        }
        if (!is_loaded(&segment)) {
            continue;
        }
        if (!segment_range(kernel, &segment, &start, &end)) {
            return damaged(reason, "a segment lies before the start of memory");
        }
        lowest = MIN(lowest, start);
        highest = MAX(highest, end);
    }
    if (highest == 0) {
        return damaged(reason, "it has nothing to load");
    }
    if (__builtin_add_overflow(kernel->notes.virt_base, lowest, &kernel->virt_start) ||
        __builtin_add_overflow(kernel->notes.virt_base, highest, &kernel->virt_end)) {
        return damaged(reason, "it goes beyond the end of the address space");
    }
    return 0;
}

static int check_addresses(const struct kernel_image *kernel, struct reason *reason)
{
    const struct kernel_notes *notes = &kernel->notes;
    uint64_t page = notes->hypercall_page;

    if (notes->virt_base % PAGE_SIZE != 0) {
        return damaged(reason, "VIRT_BASE is not on a page boundary");
    }
    if (notes->entry < kernel->virt_start || notes->entry >= kernel->virt_end) {
        return damaged(reason, "its entry lies outside of it");
    }
    if (notes->has_hypercall_page &&
        (page % PAGE_SIZE != 0 || page < kernel->virt_start || page >= kernel->virt_end ||
         kernel->virt_end - page < PAGE_SIZE)) {
        return damaged(reason, "its hypercall page lies outside of it");
    }
    return 0;
}

int kernel_image_open(struct kernel_image *kernel, const void *image, size_t size_bytes,
                      uint32_t features_offered, bool as_domain0, struct reason *reason)
{
    *kernel = (struct kernel_image){0};
    if (elf_open(&kernel->elf, image, size_bytes) != 0) {
        return refuse(reason, ENOEXEC, "kernel is not an ELF file, or a damaged one");
    }
    kernel->is_32bit = !kernel->elf.is_64bit;
    int error = check_machine(&kernel->elf, reason);
    if (error == 0) {
        error = notes_parse(&kernel->notes, &kernel->elf, reason);
    }
    if (error == 0) {
        error = notes_check_features(&kernel->notes, features_offered, as_domain0, reason);
    }
    if (error == 0) {
        error = measure(kernel, reason);
    }
    return error != 0 ? error : check_addresses(kernel, reason);
}

void kernel_image_load(const struct kernel_image *kernel, const struct guest_memory *memory)
{
    struct elf_segment segment;
    uint64_t start, end;

    for (uint32_t i = 0; i < kernel->elf.segment_count; i++) {
        // They were all sound when the image was opened, and it has not changed since.
        if (elf_segment(&kernel->elf, i, &segment) != 0 || !is_loaded(&segment)) {
            continue;
        }
        (void)segment_range(kernel, &segment, &start, &end);
        guest_memory_write(memory, start, kernel->elf.image + segment.offset, segment.file_bytes);
        guest_memory_clear(memory, start + segment.file_bytes,
                           segment.memory_bytes - segment.file_bytes);
    }
}
