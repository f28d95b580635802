// SPDX-License-Identifier: Apache-2.0
// Xen's ELF notes: finding them, reading each, and the rules about what is missing.
#include "build/notes.h"

#include "abi/elfnote.h"
#include "abi/errno.h"
#include "abi/xen.h"
#include "build/notes_draft.h"
#include "lib/string.h"

static int malformed(const char *note, struct reason *reason)
{
    return refuse(reason, ENOEXEC, "kernel's Xen ELF note %s is malformed", note);
}

// Numbers are four or eight bytes long.
static bool read_number(const uint8_t *bytes, size_t size_bytes, uint64_t *value)
{
    uint32_t narrow;

    if (size_bytes == sizeof(*value)) {
        memcpy(value, bytes, sizeof(*value));
        return true;
    }
    if (size_bytes == sizeof(narrow)) {
        memcpy(&narrow, bytes, sizeof(narrow));
        *value = narrow;
        return true;
    }
    return false;
}

static int take_number(const struct elf_note *note, const char *name, uint64_t *value,
                       struct reason *reason)
{
    return read_number(note->desc, note->desc_bytes, value) ? 0 : malformed(name, reason);
}

static int take_flag(const struct elf_note *note, const char *name, bool *flag,
                     struct reason *reason)
{
    uint64_t value = 0;
    int error = take_number(note, name, &value, reason);

    *flag = value != 0;
    return error;
}

// Strings may come without their terminator: Linux's FEATURES does.
static void take_string(const struct elf_note *note, char *to, size_t capacity)
{
    size_t bytes = MIN(strnlen((const char *)note->desc, note->desc_bytes), capacity - 1);

    memcpy(to, note->desc, bytes);
    to[bytes] = '\0';
}

static int take_pae_mode(const struct elf_note *note, enum pae_mode *mode, struct reason *reason)
{
    char text[16];

    take_string(note, text, sizeof(text));
    if (strcmp(text, "yes") == 0) {
        *mode = PAE_YES;
    } else if (strcmp(text, "bimodal") == 0 || strcmp(text, "yes,bimodal") == 0) {
        *mode = PAE_BIMODAL;
    } else if (strcmp(text, "no") == 0) {
        *mode = PAE_NO;
    } else {
        return malformed("PAE_MODE", reason);
    }
    return 0;
}

// Pairs of maddr_t, which is eight bytes wide in both kinds of PV guest. Pairs beyond what the
// record holds describe formats that no kernel has; refusing to start for them would help nobody.
static int take_l1_mfn_valid(const struct elf_note *note, struct kernel_notes *notes,
                             struct reason *reason)
{
    const size_t pair_bytes = 2 * sizeof(uint64_t);
    size_t pairs = MIN(note->desc_bytes / pair_bytes, (size_t)L1_MFN_VALID_MAX);

    if (note->desc_bytes % pair_bytes != 0) {
        return malformed("L1_MFN_VALID", reason);
    }
    memcpy(notes->l1_mfn_valid, note->desc, pairs * pair_bytes);
    notes->l1_mfn_valid_count = (uint32_t)pairs;
    return 0;
}

// SUPPORTED_FEATURES: bits beyond those of this interface are of no interest to it.
static int take_supported_features(const struct elf_note *note, struct kernel_notes *notes,
                                   struct reason *reason)
{
    uint64_t bits = 0;
    int error = take_number(note, "SUPPORTED_FEATURES", &bits, reason);

    notes->features.supported |= (uint32_t)bits;
    notes->has_supported_features = true;
    return error;
}

static int take_address_note(struct notes_draft *draft, const struct elf_note *note,
                             struct reason *reason)
{
    struct kernel_notes *notes = draft->notes;

    switch (note->type) {
    case XEN_ELFNOTE_ENTRY:
        draft->has_entry = true;
        return take_number(note, "ENTRY", &notes->entry, reason);
    case XEN_ELFNOTE_HYPERCALL_PAGE:
        notes->has_hypercall_page = true;
        return take_number(note, "HYPERCALL_PAGE", &notes->hypercall_page, reason);
    case XEN_ELFNOTE_VIRT_BASE:
        return take_number(note, "VIRT_BASE", &notes->virt_base, reason);
    case XEN_ELFNOTE_PADDR_OFFSET:
        draft->has_paddr_offset = true;
        return take_number(note, "PADDR_OFFSET", &notes->paddr_offset, reason);
    case XEN_ELFNOTE_HV_START_LOW:
        notes->has_hv_start_low = true;
        return take_number(note, "HV_START_LOW", &notes->hv_start_low, reason);
    case XEN_ELFNOTE_INIT_P2M:
        notes->has_init_p2m = true;
        return take_number(note, "INIT_P2M", &notes->init_p2m, reason);
    case XEN_ELFNOTE_PHYS32_ENTRY:
        notes->has_phys32_entry = true;
        return take_number(note, "PHYS32_ENTRY", &notes->phys32_entry, reason);
    default: // INFO, and notes of a later interface
        return 0;
    }
}

static int take_note(struct notes_draft *draft, const struct elf_note *note, struct reason *reason)
{
    struct kernel_notes *notes = draft->notes;
    char text[8];

    draft->found = true;
    switch (note->type) {
    case XEN_ELFNOTE_XEN_VERSION:
        take_string(note, notes->xen_version, sizeof(notes->xen_version));
        return 0;
    case XEN_ELFNOTE_GUEST_OS:
        take_string(note, notes->guest_os, sizeof(notes->guest_os));
        return 0;
    case XEN_ELFNOTE_GUEST_VERSION:
        take_string(note, notes->guest_version, sizeof(notes->guest_version));
        return 0;
    case XEN_ELFNOTE_LOADER:
        take_string(note, notes->loader, sizeof(notes->loader));
        return 0;
    case XEN_ELFNOTE_PAE_MODE:
        return take_pae_mode(note, &notes->pae, reason);
    case XEN_ELFNOTE_FEATURES:
        return features_parse(&notes->features, (const char *)note->desc, note->desc_bytes, reason);
    case XEN_ELFNOTE_SUPPORTED_FEATURES:
        return take_supported_features(note, notes, reason);
    case XEN_ELFNOTE_BSD_SYMTAB:
        take_string(note, text, sizeof(text));
        notes->bsd_symtab = strcmp(text, "yes") == 0;
        return 0;
    case XEN_ELFNOTE_L1_MFN_VALID:
        return take_l1_mfn_valid(note, notes, reason);
    case XEN_ELFNOTE_SUSPEND_CANCEL:
        return take_flag(note, "SUSPEND_CANCEL", &notes->suspend_cancel, reason);
    case XEN_ELFNOTE_MOD_START_PFN:
        return take_flag(note, "MOD_START_PFN", &notes->mod_start_pfn, reason);
    default:
        return take_address_note(draft, note, reason);
    }
}

static int take_notes(struct notes_draft *draft, struct elf_notes run, struct reason *reason)
{
    struct elf_note note;

    while (elf_next_note(&run, &note)) {
        bool is_xens =
            note.name_bytes == sizeof("Xen") && memcmp(note.name, "Xen", sizeof("Xen")) == 0;
        int error = is_xens ? take_note(draft, &note, reason) : 0;
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

static int read_segments(struct notes_draft *draft, const struct elf *elf, struct reason *reason)
{
    struct elf_segment segment;

    for (uint32_t i = 0; i < elf->segment_count; i++) {
        if (elf_segment(elf, i, &segment) != 0) {
            return refuse(reason, ENOEXEC,
                          "kernel is damaged: a program header points outside the file");
        }
        if (segment.type != PT_NOTE) {
            continue;
        }
        int error = take_notes(draft, elf_segment_notes(elf, &segment), reason);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

static int read_sections(struct notes_draft *draft, const struct elf *elf, struct reason *reason)
{
    struct elf_section section;

    for (uint32_t i = 0; i < elf->section_count; i++) {
        // Sections play no part in loading: one that is broken is passed over.
        if (elf_section(elf, i, &section) != 0 || section.type != SHT_NOTE) {
            continue;
        }
        int error = take_notes(draft, elf_section_notes(elf, &section), reason);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

static int read_legacy_section(struct notes_draft *draft, const struct elf *elf,
                               struct reason *reason)
{
    struct elf_section section;

    for (uint32_t i = 0; i < elf->section_count; i++) {
        if (elf_section(elf, i, &section) == 0 && section.type == SHT_PROGBITS &&
            strcmp(section.name, "__xen_guest") == 0) {
            const char *string = (const char *)elf_bytes(elf, section.offset, section.size_bytes);
            return notes_parse_legacy(draft, string, section.size_bytes, reason);
        }
    }
    return 0;
}

// Where the kernel wants to be started and by whom.
static int settle(const struct notes_draft *draft, const struct elf *elf, struct reason *reason)
{
    struct kernel_notes *notes = draft->notes;

    if (!draft->found) {
        return refuse(reason, ENOEXEC,
                      "kernel has no Xen ELF notes: not built with PV support (CONFIG_XEN_PV)");
    }
    if (!draft->has_entry && notes->has_phys32_entry) {
        return refuse(
            reason, ENOEXEC,
            "kernel starts as a PVH guest only: not built with PV support (CONFIG_XEN_PV)");
    }
    if (notes->xen_version[0] != '\0' && strncmp(notes->xen_version, "xen-3.0", 7) != 0) {
        return refuse(reason, ENOEXEC, "kernel is for interface %s, not xen-3.0",
                      notes->xen_version);
    }
    if (notes->loader[0] != '\0' && strcmp(notes->loader, "generic") != 0) {
        return refuse(reason, ENOEXEC, "kernel is for loader %s, not generic", notes->loader);
    }
    if (!elf->is_64bit && notes->pae == PAE_NO) {
        return refuse(reason, ENOEXEC,
                      "kernel is 32 bits wide and without PAE: there is no such guest here");
    }
    if (elf->is_64bit && notes->has_hv_start_low && notes->hv_start_low > HYPERVISOR_VIRT_START) {
        return refuse(reason, ENOEXEC, "kernel leaves the hypervisor too little address space");
    }
    if (!draft->has_entry) {
        notes->entry = elf->entry;
    }
    return 0;
}

int notes_parse(struct kernel_notes *notes, const struct elf *elf, struct reason *reason)
{
    struct notes_draft draft = {.notes = notes};

    *notes = (struct kernel_notes){0};
    int error = read_segments(&draft, elf, reason);
    if (error == 0 && !draft.found) {
        error = read_sections(&draft, elf, reason);
    }
    if (error == 0 && !draft.found) {
        error = read_legacy_section(&draft, elf, reason);
    }
    return error != 0 ? error : settle(&draft, elf, reason);
}

int notes_check_features(const struct kernel_notes *notes, uint32_t offered, bool as_domain0,
                         struct reason *reason)
{
    uint32_t missing = notes->features.required & ~offered;

    if (missing != 0) {
        const char *name = feature_name((unsigned int)__builtin_ctz(missing));
        return refuse(reason, ENOEXEC, "kernel requires feature %s, which Pavise does not have",
                      name != NULL ? name : "?");
    }
    if (as_domain0 && notes->has_supported_features &&
        (notes->features.supported & FEATURE(XENFEAT_dom0)) == 0) {
        return refuse(reason, ENOEXEC, "kernel can't be domain 0: not built with CONFIG_XEN_DOM0");
    }
    return 0;
}
