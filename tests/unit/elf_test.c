// SPDX-License-Identifier: Apache-2.0
// The ELF reader on sound images of both widths, and on every way to lie about offsets and sizes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "lib/elf.h"
#include "lib/string.h"

// An image with two segments, one of them notes, and three sections.
struct image64 {
    struct elf64_header header;
    struct elf64_segment segments[2];
    struct elf64_section sections[3];
    char names[24];
    struct elf_note_header note;
    char note_name[4];
    uint8_t note_desc[8];
    uint8_t code[16];
};

static struct image64 sound_image(void)
{
    return (struct image64){
        .header =
            {
                .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                .e_type = ET_EXEC,
                .e_machine = EM_X86_64,
                .e_entry = 0x100000,
                .e_phoff = offsetof(struct image64, segments),
                .e_phentsize = sizeof(struct elf64_segment),
                .e_phnum = 2,
                .e_shoff = offsetof(struct image64, sections),
                .e_shentsize = sizeof(struct elf64_section),
                .e_shnum = 3,
                .e_shstrndx = 1,
            },
        .segments =
            {
                {.p_type = PT_LOAD,
                 .p_flags = 5,
                 .p_offset = offsetof(struct image64, code),
                 .p_vaddr = 0xffffffff80100000,
                 .p_paddr = 0x100000,
                 .p_filesz = 16,
                 .p_memsz = 64},
                {.p_type = PT_NOTE,
                 .p_offset = offsetof(struct image64, note),
                 .p_filesz = 24,
                 .p_align = 4},
            },
        .sections =
            {
                {.sh_type = SHT_NULL},
                {.sh_type = SHT_STRTAB,
                 .sh_name = 1,
                 .sh_offset = offsetof(struct image64, names),
                 .sh_size = 24},
                {.sh_type = SHT_NOTE,
                 .sh_name = 11,
                 .sh_offset = offsetof(struct image64, note),
                 .sh_size = 24},
            },
        .names = "\0.shstrtab\0.notes",
        .note = {.n_namesz = 4, .n_descsz = 8, .n_type = 7},
        .note_name = "Xen",
        .note_desc = {1, 2, 3, 4, 5, 6, 7, 8},
    };
}

static void a_sound_image_is_read(void **state)
{
    struct image64 image = sound_image();
    struct elf_segment segment;
    struct elf_section section;
    struct elf elf;

    assert_int_equal(elf_open(&elf, &image, sizeof(image)), 0);
    assert_true(elf.is_64bit);
    assert_int_equal(elf.entry, 0x100000);
    assert_int_equal(elf.segment_count, 2);
    assert_int_equal(elf_segment(&elf, 0, &segment), 0);
    assert_int_equal(segment.physical_address, 0x100000);
    assert_int_equal(segment.memory_bytes, 64);
    assert_int_equal(elf_section(&elf, 2, &section), 0);
    assert_string_equal(section.name, ".notes");
    assert_int_equal(elf_segment(&elf, 2, &segment), -ENOEXEC);
    assert_int_equal(elf_section(&elf, 3, &section), -ENOEXEC);
}

static void a_narrow_image_is_read(void **state)
{
    struct {
        struct elf32_header header;
        struct elf32_segment segment;
        uint8_t code[8];
    } image = {
        .header =
            {
                .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                .e_type = ET_EXEC,
                .e_machine = EM_386,
                .e_entry = 0xc0100000,
                .e_phoff = sizeof(struct elf32_header),
                .e_phentsize = sizeof(struct elf32_segment),
                .e_phnum = 1,
            },
        .segment = {.p_type = PT_LOAD,
                    .p_offset = 84,
                    .p_paddr = 0xfffff000,
                    .p_filesz = 8,
                    .p_memsz = 0x2000},
    };
    struct elf_segment segment;
    struct elf elf;

    assert_int_equal(elf_open(&elf, &image, sizeof(image)), 0);
    assert_false(elf.is_64bit);
    assert_int_equal(elf.machine, EM_386);
    assert_int_equal(elf_segment(&elf, 0, &segment), 0);
    assert_int_equal(segment.physical_address + segment.memory_bytes, 0x100001000);
}

static int open_changed(const struct image64 *image, size_t size_bytes)
{
    struct elf elf;
    return elf_open(&elf, image, size_bytes);
}

static void a_broken_header_is_refused(void **state)
{
    struct image64 image = sound_image();

    for (size_t size = 0; size < sizeof(struct elf64_header); size++) {
        assert_int_equal(open_changed(&image, size), -ENOEXEC);
    }
    for (int at = 0; at < 7; at++) {
        image = sound_image();
        image.header.e_ident[at] ^= 0x55;
        assert_int_equal(open_changed(&image, sizeof(image)), -ENOEXEC);
    }
    image = sound_image();
    image.header.e_phoff = UINT64_MAX - 8;
    assert_int_equal(open_changed(&image, sizeof(image)), -ENOEXEC);
    image = sound_image();
    image.header.e_phnum = PN_XNUM;
    assert_int_equal(open_changed(&image, sizeof(image)), -ENOEXEC);
    image = sound_image();
    image.header.e_phentsize--;
    assert_int_equal(open_changed(&image, sizeof(image)), -ENOEXEC);
    image = sound_image();
    image.header.e_shoff = sizeof(image) - 3 * sizeof(struct elf64_section) + 1;
    assert_int_equal(open_changed(&image, sizeof(image)), -ENOEXEC);
}

static int segment_after(void (*change)(struct elf64_segment *))
{
    struct image64 image = sound_image();
    struct elf_segment segment;
    struct elf elf;

    change(&image.segments[0]);
    assert_int_equal(elf_open(&elf, &image, sizeof(image)), 0);
    return elf_segment(&elf, 0, &segment);
}

static void offset_outside(struct elf64_segment *s)
{
    s->p_offset = sizeof(struct image64) - 15;
}

static void size_wraps(struct elf64_segment *s)
{
    s->p_filesz = s->p_memsz = UINT64_MAX;
}

static void more_in_file_than_in_memory(struct elf64_segment *s)
{
    s->p_memsz = 15;
}

static void memory_wraps(struct elf64_segment *s)
{
    s->p_paddr = UINT64_MAX - 62;
}

static void memory_ends_with_the_address_space(struct elf64_segment *s)
{
    s->p_paddr = UINT64_MAX - 64;
}

static void a_broken_segment_is_refused(void **state)
{
    assert_int_equal(segment_after(offset_outside), -ENOEXEC);
    assert_int_equal(segment_after(size_wraps), -ENOEXEC);
    assert_int_equal(segment_after(more_in_file_than_in_memory), -ENOEXEC);
    assert_int_equal(segment_after(memory_wraps), -ENOEXEC);
    assert_int_equal(segment_after(memory_ends_with_the_address_space), 0);
}

static void a_name_that_leaves_its_table_is_no_name(void **state)
{
    struct image64 image = sound_image();
    struct elf_section section;
    struct elf elf;

    memset(image.names, 'x', sizeof(image.names));
    assert_int_equal(elf_open(&elf, &image, sizeof(image)), 0);
    assert_int_equal(elf_section(&elf, 2, &section), 0);
    assert_string_equal(section.name, "");

    image = sound_image();
    image.sections[2].sh_name = 24;
    image.header.e_shstrndx = 77;
    assert_int_equal(elf_open(&elf, &image, sizeof(image)), 0);
    assert_int_equal(elf_section(&elf, 2, &section), 0);
    assert_string_equal(section.name, "");
}

static void notes_are_walked(void **state)
{
    struct image64 image = sound_image();
    struct elf_segment segment;
    struct elf_note note;
    struct elf elf;

    assert_int_equal(elf_open(&elf, &image, sizeof(image)), 0);
    assert_int_equal(elf_segment(&elf, 1, &segment), 0);
    struct elf_notes notes = elf_segment_notes(&elf, &segment);
    assert_true(elf_next_note(&notes, &note));
    assert_int_equal(note.type, 7);
    assert_string_equal(note.name, "Xen");
    assert_memory_equal(note.desc, image.note_desc, 8);
    assert_false(elf_next_note(&notes, &note));
}

static void notes_that_do_not_fit_end_the_walk(void **state)
{
    struct elf_note note;

    for (uint32_t size = 0; size < 64; size++) {
        struct image64 image = sound_image();
        struct elf_segment segment;
        struct elf elf;
        image.note.n_descsz = size < 32 ? 9 + size : UINT32_MAX - size;
        image.note.n_namesz = size < 48 ? 4 : UINT32_MAX - size;
        assert_int_equal(elf_open(&elf, &image, sizeof(image)), 0);
        assert_int_equal(elf_segment(&elf, 1, &segment), 0);
        struct elf_notes notes = elf_segment_notes(&elf, &segment);
        assert_false(elf_next_note(&notes, &note));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_image_is_read),
        cmocka_unit_test(a_narrow_image_is_read),
        cmocka_unit_test(a_broken_header_is_refused),
        cmocka_unit_test(a_broken_segment_is_refused),
        cmocka_unit_test(a_name_that_leaves_its_table_is_no_name),
        cmocka_unit_test(notes_are_walked),
        cmocka_unit_test(notes_that_do_not_fit_end_the_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
