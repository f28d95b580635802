// SPDX-License-Identifier: Apache-2.0
// What reading has found so far, before the defaults are filled in; shared by the readers of the
// two forms, nobody else includes this.
#pragma once

#include "build/notes.h"

struct notes_draft {
    struct kernel_notes *notes;
    bool found; /* any of Xen's */
    bool has_entry;
    bool has_paddr_offset;
};

/* Reads the legacy string of `bytes` bytes, with or without a terminator. */
must_check int notes_parse_legacy(struct notes_draft *draft, const char *string, size_t bytes,
                                  struct reason *reason);
