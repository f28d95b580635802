// SPDX-License-Identifier: Apache-2.0
// Images that nobody vouches for, through the whole builder: open, unpack, notes, layout,
// construction. Whatever they are, the end is a built domain or a reason in words.
#include <stdlib.h>

#include "build/construct.h"
#include "build/kernel_file.h"
#include "lib/string.h"
#include "operations.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What a machine for this would have; more than that an image asks for in vain.
enum { MOST_MEMORY_BYTES = 4 << 20, PAGES = 2048 };

static struct reason reason;

static void check(bool sound)
{
    if (!sound) {
        abort();
    }
}

static mfn_t reversed(void *context, pfn_t frame)
{
    check(frame.n < PAGES);
    return mfn(PAGES - 1 - frame.n);
}

static void check_refusal(int error)
{
    check(error < 0 && reason.text[0] != '\0');
}

static void build(const struct kernel_image *kernel)
{
    static uint8_t ram[PAGES * PAGE_SIZE] aligned_to(4096);
    static const uint8_t ramdisk[10000];
    struct layout_request request = {
        .notes = &kernel->notes,
        .is_32bit = kernel->is_32bit,
        .is_domain0 = true,
        .kernel_start = kernel->virt_start,
        .kernel_end = kernel->virt_end,
        .ramdisk_bytes = sizeof(ramdisk),
        .nr_pages = PAGES,
    };
    struct layout layout;

    int error = layout_compute(&request, &layout, &reason);
    if (error != 0) {
        check_refusal(error);
        return;
    }
    struct construction construction = {
        .kernel = kernel,
        .layout = &layout,
        .ramdisk = ramdisk,
        .values = {.command_line = "", .ramdisk_bytes = sizeof(ramdisk)},
        .memory = {.machine_frame = reversed},
    };
    host_ram = ram;
    (void)construct_domain(&construction);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kernel_file file;
    struct kernel_image kernel;

    fuzz_operations++;
    memset(&reason, 0, sizeof(reason));
    int error = kernel_file_open(&file, data, size, &reason);
    if (error != 0) {
        check_refusal(error);
        return 0;
    }
    if (file.memory_bytes > MOST_MEMORY_BYTES) {
        return 0;
    }
    void *memory = malloc(file.memory_bytes);
    error = kernel_file_unpack(&file, memory, &reason);
    if (error == 0) {
        error = kernel_image_open(&kernel, file.elf, file.elf_bytes, PV_FEATURES_OFFERED, true,
                                  &reason);
    }
    if (error == 0) {
        build(&kernel);
    } else {
        check_refusal(error);
    }
    free(memory);
    return 0;
}
