// SPDX-License-Identifier: Apache-2.0
// The boot protocol's header: where the payload is, and images that lie about it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "build/bzimage.h"
#include "build/kernel_file.h"
#include "lib/string.h"

enum { IMAGE_BYTES = 4096, SETUP_SECTS = 3, PAYLOAD_OFFSET = 100, PAYLOAD_BYTES = 1000 };

static void put(uint8_t *image, size_t at, uint32_t value, size_t bytes)
{
    memcpy(image + at, &value, bytes);
}

static uint8_t *sound_image(void)
{
    uint8_t *image = calloc(1, IMAGE_BYTES);

    put(image, 0x1f1, SETUP_SECTS, 1);
    put(image, 0x1fe, 0xaa55, 2);
    memcpy(image + 0x202, "HdrS", 4);
    put(image, 0x206, 0x20f, 2);
    put(image, 0x248, PAYLOAD_OFFSET, 4);
    put(image, 0x24c, PAYLOAD_BYTES, 4);
    return image;
}

static int open_with(size_t at, uint32_t value, size_t bytes, struct bzimage *bzimage)
{
    struct reason reason;
    uint8_t *image = sound_image();

    put(image, at, value, bytes);
    int error = bzimage_open(bzimage, image, IMAGE_BYTES, &reason);
    bzimage->payload = (const uint8_t *)(bzimage->payload - image); // as an offset
    free(image);
    return error;
}

static void the_payload_is_found(void **state)
{
    struct bzimage bzimage;

    assert_int_equal(open_with(0, 0, 1, &bzimage), 0);
    assert_int_equal(bzimage.version, 0x20f);
    assert_int_equal((uintptr_t)bzimage.payload, (SETUP_SECTS + 1) * 512 + PAYLOAD_OFFSET);
    assert_int_equal(bzimage.payload_bytes, PAYLOAD_BYTES);
}

static void no_setup_sectors_stand_for_four(void **state)
{
    struct bzimage bzimage;

    assert_int_equal(open_with(0x1f1, 0, 1, &bzimage), 0);
    assert_int_equal((uintptr_t)bzimage.payload, 5 * 512 + PAYLOAD_OFFSET);
}

static void a_payload_outside_the_file_is_refused(void **state)
{
    struct bzimage bzimage;
    uint32_t most = IMAGE_BYTES - (SETUP_SECTS + 1) * 512 - PAYLOAD_OFFSET;

    assert_int_equal(open_with(0x24c, most, 4, &bzimage), 0);
    assert_int_equal(open_with(0x24c, most + 1, 4, &bzimage), -ENOEXEC);
    assert_int_equal(open_with(0x24c, UINT32_MAX, 4, &bzimage), -ENOEXEC);
    assert_int_equal(open_with(0x24c, 0, 4, &bzimage), -ENOEXEC);
    assert_int_equal(open_with(0x248, UINT32_MAX, 4, &bzimage), -ENOEXEC);
    assert_int_equal(open_with(0x1f1, 255, 1, &bzimage), -ENOEXEC);
}

static void an_old_protocol_is_refused_by_name(void **state)
{
    struct reason reason;
    struct bzimage bzimage;
    uint8_t *image = sound_image();

    put(image, 0x206, 0x207, 2);
    assert_int_equal(bzimage_open(&bzimage, image, IMAGE_BYTES, &reason), -ENOEXEC);
    assert_string_equal(reason.text, "bzImage is too old: boot protocol 2.07, 2.08 is needed");
    free(image);
}

static void short_and_other_files_are_not_bzimages(void **state)
{
    uint8_t *image = sound_image();

    assert_true(bzimage_detect(image, 0x250));
    assert_false(bzimage_detect(image, 0x24f));
    assert_false(bzimage_detect(image, 0));
    image[0x202] = 'h';
    assert_false(bzimage_detect(image, IMAGE_BYTES));
    free(image);
}

static void a_file_that_is_no_kernel_is_told_so(void **state)
{
    struct kernel_file file;
    struct reason reason;

    assert_int_equal(kernel_file_open(&file, "#!/bin/sh\n", 10, &reason), -ENOEXEC);
    assert_string_equal(reason.text,
                        "not a kernel: neither ELF, nor bzImage, nor a compressed ELF file");
    assert_int_equal(kernel_file_open(&file, "", 0, &reason), -ENOEXEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_payload_is_found),
        cmocka_unit_test(no_setup_sectors_stand_for_four),
        cmocka_unit_test(a_payload_outside_the_file_is_refused),
        cmocka_unit_test(an_old_protocol_is_refused_by_name),
        cmocka_unit_test(short_and_other_files_are_not_bzimages),
        cmocka_unit_test(a_file_that_is_no_kernel_is_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
