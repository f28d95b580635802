// SPDX-License-Identifier: Apache-2.0
// Finding the ELF file in what the loader brought.
#include "build/kernel_file.h"

#include "abi/errno.h"
#include "build/bzimage.h"
#include "lib/elf.h"

static int open_packed(struct kernel_file *file, const void *bytes, size_t size_bytes,
                       struct reason *reason)
{
    int error = packed_open(&file->packed, bytes, size_bytes, file->is_bzimage, reason);

    if (error != 0) {
        return error;
    }
    file->is_packed = true;
    if (file->packed.out_bytes == 0 ||
        __builtin_add_overflow(file->packed.out_bytes, file->packed.scratch_bytes,
                               &file->memory_bytes)) {
        return refuse(reason, ENOEXEC, "kernel payload is damaged: it states an impossible size");
    }
    return 0;
}

int kernel_file_open(struct kernel_file *file, const void *image, size_t size_bytes,
                     struct reason *reason)
{
    struct bzimage bzimage = {.payload = image, .payload_bytes = size_bytes};

    *file = (struct kernel_file){.is_bzimage = bzimage_detect(image, size_bytes)};
    if (file->is_bzimage) {
        int error = bzimage_open(&bzimage, image, size_bytes, reason);
        if (error != 0) {
            return error;
        }
    }
    if (elf_detect(bzimage.payload, bzimage.payload_bytes)) {
        file->elf = bzimage.payload;
        file->elf_bytes = bzimage.payload_bytes;
        return 0;
    }
    if (!file->is_bzimage && !packed_detect(image, size_bytes)) {
        return refuse(reason, ENOEXEC,
                      "not a kernel: neither ELF, nor bzImage, nor a compressed ELF file");
    }
    return open_packed(file, bzimage.payload, bzimage.payload_bytes, reason);
}

int kernel_file_unpack(struct kernel_file *file, void *memory, struct reason *reason)
{
    uint8_t *out = memory;

    if (!file->is_packed) {
        return 0;
    }
    file->elf = out;
    return packed_unpack(&file->packed, out, out + file->packed.out_bytes, &file->elf_bytes,
                         reason);
}
