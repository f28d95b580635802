// SPDX-License-Identifier: Apache-2.0
// Debug keys: a letter typed at Pavise, or sent by `xl debug-keys`, shows something.
#pragma once

#include "lib/compiler.h"

struct console_key {
    char key;
    const char *what; /* one line for the help */
    void (*press)(void);
};

/* Start of day: give a letter a meaning. Printable ASCII only; the last one wins. */
void console_add_key(const struct console_key *key);

/* Do what the letter means. No lock held. */
void console_press_key(char key);

/* The keys that this room brings along. console_init() calls it. */
void console_add_own_keys(void);
