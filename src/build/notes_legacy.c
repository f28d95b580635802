// SPDX-License-Identifier: Apache-2.0
// The string in section __xen_guest: "GUEST_OS=linux,VIRT_BASE=0xC0000000,PAE=yes,LOADER=generic",
// with the keys that <xen/elfnote.h> gives as LEGACY beside each note.
#include "build/notes_draft.h"

#include "abi/errno.h"
#include "lib/address.h"
#include "lib/string.h"

struct pair {
    const char *key, *value;
    size_t key_bytes, value_bytes;
};

// Takes "KEY=VALUE" or "KEY" off the front of the string.
static struct pair next_pair(const char **string, size_t *left)
{
    const char *start = *string;
    const char *comma = memchr(start, ',', *left);
    size_t bytes = comma == NULL ? *left : (size_t)(comma - start);
    const char *equals = memchr(start, '=', bytes);
    size_t key_bytes = equals == NULL ? bytes : (size_t)(equals - start);
    size_t taken = bytes + (comma != NULL);

    *string += taken;
    *left -= taken;
    return (struct pair){
        .key = start,
        .key_bytes = key_bytes,
        .value = equals == NULL ? "" : equals + 1,
        .value_bytes = equals == NULL ? 0 : bytes - key_bytes - 1,
    };
}

static bool is(const char *text, size_t bytes, const char *word)
{
    return strlen(word) == bytes && memcmp(text, word, bytes) == 0;
}

static void take_string(const struct pair *pair, char *to, size_t capacity)
{
    size_t bytes = MIN(pair->value_bytes, capacity - 1);

    memcpy(to, pair->value, bytes);
    to[bytes] = '\0';
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

// Hexadecimal with 0x before it, or decimal.
static int take_number(const struct pair *pair, uint64_t *value, struct reason *reason)
{
    bool is_hex = pair->value_bytes > 2 && pair->value[0] == '0' && (pair->value[1] | 0x20) == 'x';
    int base = is_hex ? 16 : 10;
    uint64_t number = 0;
    bool sound = pair->value_bytes != 0;

    for (size_t i = is_hex ? 2 : 0; i < pair->value_bytes; i++) {
        int digit = digit_of(pair->value[i]);
        sound = sound && digit < base && !__builtin_mul_overflow(number, (uint64_t)base, &number) &&
                !__builtin_add_overflow(number, (uint64_t)digit, &number);
    }
    *value = number;
    return sound ? 0
                 : refuse(reason, ENOEXEC, "kernel's __xen_guest string has a malformed number");
}

// "yes", "yes[extended-cr3]", "no"; after a comma, and so a key of its own, "bimodal".
static int take_pae_mode(const struct pair *pair, enum pae_mode *mode, struct reason *reason)
{
    if (is(pair->value, pair->value_bytes, "no")) {
        *mode = PAE_NO;
    } else if (pair->value_bytes >= 3 && memcmp(pair->value, "yes", 3) == 0) {
        *mode = PAE_YES;
    } else {
        return refuse(reason, ENOEXEC, "kernel's __xen_guest string has a malformed PAE mode");
    }
    return 0;
}

static int take_address(struct notes_draft *draft, const struct pair *pair, struct reason *reason)
{
    struct kernel_notes *notes = draft->notes;

    if (is(pair->key, pair->key_bytes, "VIRT_BASE")) {
        return take_number(pair, &notes->virt_base, reason);
    }
    if (is(pair->key, pair->key_bytes, "VIRT_ENTRY")) {
        draft->has_entry = true;
        return take_number(pair, &notes->entry, reason);
    }
    if (is(pair->key, pair->key_bytes, "ELF_PADDR_OFFSET")) {
        draft->has_paddr_offset = true;
        return take_number(pair, &notes->paddr_offset, reason);
    }
    if (is(pair->key, pair->key_bytes, "HYPERCALL_PAGE")) {
        notes->has_hypercall_page = true;
        return take_number(pair, &notes->hypercall_page, reason);
    }
    return 0; // a key of another time
}

static int take_pair(struct notes_draft *draft, const struct pair *pair, struct reason *reason)
{
    struct kernel_notes *notes = draft->notes;

    if (is(pair->key, pair->key_bytes, "GUEST_OS")) {
        take_string(pair, notes->guest_os, sizeof(notes->guest_os));
    } else if (is(pair->key, pair->key_bytes, "GUEST_VER")) {
        take_string(pair, notes->guest_version, sizeof(notes->guest_version));
    } else if (is(pair->key, pair->key_bytes, "XEN_VER")) {
        take_string(pair, notes->xen_version, sizeof(notes->xen_version));
    } else if (is(pair->key, pair->key_bytes, "LOADER")) {
        take_string(pair, notes->loader, sizeof(notes->loader));
    } else if (is(pair->key, pair->key_bytes, "FEATURES")) {
        return features_parse(&notes->features, pair->value, pair->value_bytes, reason);
    } else if (is(pair->key, pair->key_bytes, "PAE")) {
        return take_pae_mode(pair, &notes->pae, reason);
    } else if (is(pair->key, pair->key_bytes, "bimodal")) {
        notes->pae = PAE_BIMODAL;
    } else if (is(pair->key, pair->key_bytes, "BSD_SYMTAB")) {
        notes->bsd_symtab = true;
    } else {
        return take_address(draft, pair, reason);
    }
    return 0;
}

int notes_parse_legacy(struct notes_draft *draft, const char *string, size_t bytes,
                       struct reason *reason)
{
    struct kernel_notes *notes = draft->notes;
    size_t left = strnlen(string, bytes);

    draft->found = left != 0;
    while (left != 0) {
        struct pair pair = next_pair(&string, &left);
        int error = take_pair(draft, &pair, reason);
        if (error != 0) {
            return error;
        }
    }
    // Two values mean something else in this form than in notes.
    if (!draft->has_paddr_offset) {
        notes->paddr_offset = notes->virt_base;
    }
    notes->hypercall_page = notes->virt_base + (notes->hypercall_page << PAGE_SHIFT);
    return 0;
}
