// SPDX-License-Identifier: Apache-2.0
// Xen's ELF notes and the older string: each value, each default, each refusal by its words.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "build/notes.h"
#include "kernel_maker.h"

static struct kernel_maker maker;
static struct kernel_notes notes;
static struct reason reason;

static int parse(void)
{
    struct elf elf;

    memset(&reason, 0, sizeof(reason));
    assert_int_equal(elf_open(&elf, maker.image, sizeof(maker.image)), 0);
    return notes_parse(&notes, &elf, &reason);
}

// The notes of Debian's kernel, in its order.
static void linux_notes_are_read(void **state)
{
    static const uint64_t l1_mfn_valid[2] = {1, 1};

    maker_start(&maker, 0x1000000, 0x1000000);
    maker_string(&maker, XEN_ELFNOTE_GUEST_OS, "linux");
    maker_string(&maker, XEN_ELFNOTE_GUEST_VERSION, "2.6");
    maker_string(&maker, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    maker_number(&maker, XEN_ELFNOTE_VIRT_BASE, 0xffffffff80000000);
    maker_number(&maker, XEN_ELFNOTE_INIT_P2M, 0x8000000000);
    maker_number(&maker, XEN_ELFNOTE_ENTRY, 0xffffffff830791c0);
    // Without its terminator.
    maker_note_of(&maker, "Xen", XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb",
                  41);
    maker_note_of(&maker, "Xen", XEN_ELFNOTE_SUPPORTED_FEATURES, "\x01\x88\0\0", 4);
    maker_string(&maker, XEN_ELFNOTE_PAE_MODE, "yes");
    maker_string(&maker, XEN_ELFNOTE_LOADER, "generic");
    maker_note_of(&maker, "Xen", XEN_ELFNOTE_L1_MFN_VALID, l1_mfn_valid, 16);
    maker_note_of(&maker, "Xen", XEN_ELFNOTE_SUSPEND_CANCEL, "\1\0\0\0", 4);
    maker_note_of(&maker, "Xen", XEN_ELFNOTE_MOD_START_PFN, "\1\0\0\0", 4);
    maker_number(&maker, XEN_ELFNOTE_HV_START_LOW, 0xffff800000000000);
    maker_number(&maker, XEN_ELFNOTE_PHYS32_ENTRY, 0x1000850);
    maker_number(&maker, XEN_ELFNOTE_HYPERCALL_PAGE, 0xffffffff81004000);
    maker_note_of(&maker, "GNU", 3, "id", 2);
    maker_number(&maker, 12345, 1); // of a later interface

    assert_int_equal(parse(), 0);
    assert_string_equal(notes.guest_os, "linux");
    assert_string_equal(notes.guest_version, "2.6");
    assert_int_equal(notes.virt_base, 0xffffffff80000000);
    assert_int_equal(notes.paddr_offset, 0);
    assert_true(notes.has_init_p2m);
    assert_int_equal(notes.init_p2m, 0x8000000000);
    assert_int_equal(notes.entry, 0xffffffff830791c0);
    assert_int_equal(notes.features.required, FEATURE(XENFEAT_writable_page_tables));
    assert_int_equal(notes.features.supported, FEATURE(XENFEAT_pae_pgdir_above_4gb) | 0x8801);
    assert_int_equal(notes.pae, PAE_YES);
    assert_int_equal(notes.l1_mfn_valid_count, 1);
    assert_int_equal(notes.l1_mfn_valid[0].mask, 1);
    assert_int_equal(notes.l1_mfn_valid[0].value, 1);
    assert_true(notes.suspend_cancel && notes.mod_start_pfn && !notes.bsd_symtab);
    assert_true(notes.has_hypercall_page);
    assert_int_equal(notes.hypercall_page, 0xffffffff81004000);
    assert_int_equal(notes_check_features(&notes, PV_FEATURES_OFFERED, true, &reason), 0);
}

static void what_is_missing_has_its_default(void **state)
{
    maker_start(&maker, 0x100000, 0x100040);
    maker_string(&maker, XEN_ELFNOTE_GUEST_OS, "tiny");
    assert_int_equal(parse(), 0);
    assert_int_equal(notes.entry, 0x100040);
    assert_int_equal(notes.virt_base, 0);
    assert_int_equal(notes.paddr_offset, 0);
    assert_false(notes.has_hypercall_page || notes.has_init_p2m || notes.mod_start_pfn);
    assert_false(notes.suspend_cancel);
}

static void narrow_numbers_are_as_good(void **state)
{
    maker_start(&maker, 0x100000, 0x100040);
    maker_note_of(&maker, "Xen", XEN_ELFNOTE_ENTRY, "\x78\x56\x34\x92", 4);
    assert_int_equal(parse(), 0);
    assert_int_equal(notes.entry, 0x92345678);
}

static void refused(const char *text)
{
    assert_int_equal(parse(), -ENOEXEC);
    assert_string_equal(reason.text, text);
}

static void refusals_say_why(void **state)
{
    maker_start(&maker, 0x100000, 0x100040);
    maker_note_of(&maker, "GNU", 3, "id", 2);
    refused("kernel has no Xen ELF notes: not built with PV support (CONFIG_XEN_PV)");

    maker_number(&maker, XEN_ELFNOTE_PHYS32_ENTRY, 0x1000850);
    refused("kernel starts as a PVH guest only: not built with PV support (CONFIG_XEN_PV)");

    maker_start(&maker, 0x100000, 0x100040);
    maker_note_of(&maker, "Xen", XEN_ELFNOTE_VIRT_BASE, "abc", 3);
    refused("kernel's Xen ELF note VIRT_BASE is malformed");

    maker_start(&maker, 0x100000, 0x100040);
    maker_string(&maker, XEN_ELFNOTE_LOADER, "special");
    refused("kernel is for loader special, not generic");

    maker_start(&maker, 0x100000, 0x100040);
    maker_string(&maker, XEN_ELFNOTE_XEN_VERSION, "xen-2.0");
    refused("kernel is for interface xen-2.0, not xen-3.0");

    maker_start(&maker, 0x100000, 0x100040);
    maker_number(&maker, XEN_ELFNOTE_HV_START_LOW, 0xffff800000000001);
    refused("kernel leaves the hypervisor too little address space");

    maker_start(&maker, 0x100000, 0x100040);
    maker_string(&maker, XEN_ELFNOTE_FEATURES, "dom0|!time_travel|no_such");
    refused("kernel requires an unknown Xen feature: time_travel");

    maker_start_32bit(&maker, 0x100000, 0x100040);
    maker_string(&maker, XEN_ELFNOTE_PAE_MODE, "no");
    refused("kernel is 32 bits wide and without PAE: there is no such guest here");
}

static void required_features_must_be_offered(void **state)
{
    maker_start(&maker, 0x100000, 0x100040);
    maker_string(&maker, XEN_ELFNOTE_FEATURES, "pae_pgdir_above_4gb|!auto_translated_physmap||");
    assert_int_equal(parse(), 0);
    assert_int_equal(notes_check_features(&notes, PV_FEATURES_OFFERED, true, &reason), -ENOEXEC);
    assert_string_equal(
        reason.text, "kernel requires feature auto_translated_physmap, which Pavise does not have");
}

static void a_kernel_that_can_not_be_domain_0_is_told_so(void **state)
{
    maker_start(&maker, 0x100000, 0x100040);
    maker_number(&maker, XEN_ELFNOTE_SUPPORTED_FEATURES, FEATURE(XENFEAT_writable_page_tables));
    assert_int_equal(parse(), 0);
    assert_int_equal(notes_check_features(&notes, PV_FEATURES_OFFERED, true, &reason), -ENOEXEC);
    assert_string_equal(reason.text, "kernel can't be domain 0: not built with CONFIG_XEN_DOM0");
    assert_int_equal(notes_check_features(&notes, PV_FEATURES_OFFERED, false, &reason), 0);
}

static void notes_may_be_in_a_section(void **state)
{
    struct elf64_section section = {.sh_type = SHT_NOTE, .sh_offset = MAKER_NOTES_AT};
    struct elf64_header *header = (struct elf64_header *)maker.image;

    maker_start(&maker, 0x100000, 0x100040);
    maker_number(&maker, XEN_ELFNOTE_ENTRY, 0x100080);
    header->e_phnum = 1;
    header->e_shnum = 1;
    header->e_shentsize = sizeof(section);
    header->e_shoff = 0x700;
    section.sh_size = maker.notes_bytes;
    memcpy(maker.image + 0x700, &section, sizeof(section));
    assert_int_equal(parse(), 0);
    assert_int_equal(notes.entry, 0x100080);
}

// Puts the string into a section named __xen_guest.
static void legacy(const char *string)
{
    static const char names[] = "\0__xen_guest";
    struct elf64_header *header = (struct elf64_header *)maker.image;
    struct elf64_section sections[2] = {
        {.sh_type = SHT_STRTAB, .sh_offset = 0x600, .sh_size = sizeof(names)},
        {.sh_type = SHT_PROGBITS,
         .sh_name = 1,
         .sh_offset = MAKER_NOTES_AT,
         .sh_size = strlen(string) + 1},
    };

    maker_start(&maker, 0x100000, 0x100040);
    header->e_phnum = 1;
    header->e_shnum = 2;
    header->e_shentsize = sizeof(sections[0]);
    header->e_shoff = 0x700;
    memcpy(maker.image + 0x600, names, sizeof(names));
    memcpy(maker.image + 0x700, sections, sizeof(sections));
    memcpy(maker.image + MAKER_NOTES_AT, string, strlen(string) + 1);
}

static void the_legacy_string_is_read(void **state)
{
    legacy(
        "GUEST_OS=linux,GUEST_VER=2.6,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,VIRT_ENTRY=0xc0100000,"
        "HYPERCALL_PAGE=0x104,FEATURES=writable_page_tables|!pae_pgdir_above_4gb,"
        "PAE=yes[extended-cr3],bimodal,LOADER=generic,BSD_SYMTAB");
    assert_int_equal(parse(), 0);
    assert_string_equal(notes.guest_os, "linux");
    assert_int_equal(notes.entry, 0xc0100000);
    assert_int_equal(notes.virt_base, 0xc0000000);
    // Here the default is VIRT_BASE, and the hypercall page a frame number.
    assert_int_equal(notes.paddr_offset, 0xc0000000);
    assert_int_equal(notes.hypercall_page, 0xc0104000);
    assert_int_equal(notes.pae, PAE_BIMODAL);
    assert_true(notes.bsd_symtab);
    assert_int_equal(notes.features.required, FEATURE(XENFEAT_pae_pgdir_above_4gb));

    legacy("XEN_VER=xen-3.0,VIRT_BASE=0x0,ELF_PADDR_OFFSET=4096,LOADER=generic");
    assert_int_equal(parse(), 0);
    assert_int_equal(notes.paddr_offset, 4096);
    assert_false(notes.has_hypercall_page);
}

static void malformed_legacy_strings_are_refused(void **state)
{
    static const char *const numbers[] = {"VIRT_BASE=",
                                          "VIRT_BASE=0x",
                                          "VIRT_BASE=12a",
                                          "VIRT_BASE=0x1g",
                                          "VIRT_BASE=99999999999999999999",
                                          "VIRT_BASE=0x10000000000000000"};

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        legacy(numbers[i]);
        refused("kernel's __xen_guest string has a malformed number");
    }
    legacy("PAE=perhaps");
    refused("kernel's __xen_guest string has a malformed PAE mode");
    legacy("");
    refused("kernel has no Xen ELF notes: not built with PV support (CONFIG_XEN_PV)");
    legacy(",,=,==,GUEST_OS");
    assert_int_equal(parse(), 0);
}

static void l1_mfn_valid_is_pairs(void **state)
{
    static const uint64_t words[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

    maker_start(&maker, 0x100000, 0x100040);
    maker_note_of(&maker, "Xen", XEN_ELFNOTE_L1_MFN_VALID, words, sizeof(words));
    assert_int_equal(parse(), 0);
    assert_int_equal(notes.l1_mfn_valid_count, L1_MFN_VALID_MAX);
    assert_int_equal(notes.l1_mfn_valid[3].value, 8);
    maker_note_of(&maker, "Xen", XEN_ELFNOTE_L1_MFN_VALID, words, 24);
    refused("kernel's Xen ELF note L1_MFN_VALID is malformed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linux_notes_are_read),
        cmocka_unit_test(what_is_missing_has_its_default),
        cmocka_unit_test(narrow_numbers_are_as_good),
        cmocka_unit_test(refusals_say_why),
        cmocka_unit_test(required_features_must_be_offered),
        cmocka_unit_test(a_kernel_that_can_not_be_domain_0_is_told_so),
        cmocka_unit_test(notes_may_be_in_a_section),
        cmocka_unit_test(the_legacy_string_is_read),
        cmocka_unit_test(malformed_legacy_strings_are_refused),
        cmocka_unit_test(l1_mfn_valid_is_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
