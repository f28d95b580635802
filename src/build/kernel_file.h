// SPDX-License-Identifier: Apache-2.0
// A kernel as it comes from disk: an ELF file, a compressed one, or a bzImage around either.
// Getting from there to the ELF file takes memory that the caller provides:
//
//     kernel_file_open()      says what it is and how much memory unpacking takes
//     kernel_file_unpack()    does it; nothing to do where memory_bytes is 0
//     file.elf, elf_bytes     the ELF file, in the original or in the memory
#pragma once

#include "build/decompress.h"
#include "build/reason.h"
#include "lib/compiler.h"

struct kernel_file {
    const void *elf;
    size_t elf_bytes;

    bool is_bzimage;
    bool is_packed;
    struct packed packed;
    uint64_t memory_bytes; /* for kernel_file_unpack(), any alignment */
};

/*
 * -ENOEXEC: no kernel, or a damaged one; -EOPNOTSUPP: packed in a way that is not unpacked here.
 * The sizes come from the image: whether there is such an amount of memory, the caller sees.
 */
must_check int kernel_file_open(struct kernel_file *file, const void *image, size_t size_bytes,
                                struct reason *reason);

/*
 * Unpacks into `memory`, of file->memory_bytes, which then holds the ELF file. The original has to
 * stay only until here if memory_bytes is not 0. Errors and context as packed_unpack().
 */
must_check int kernel_file_unpack(struct kernel_file *file, void *memory, struct reason *reason);
