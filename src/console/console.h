// SPDX-License-Identifier: Apache-2.0
// The console: what is typed goes to domain 0, or is a debug key of Pavise's.
//
// Output is the log's affair (base/log.h). Three times Ctrl-A switches input from one to the other;
// the option conswitch=LETTER[x] chooses another letter, and with x input stays with Pavise when
// domain 0 starts.
#pragma once

#include "lib/compiler.h"

/* Start of day, after event_init(): work, the ring's virtual interrupt, lines of domains. */
void console_init(void);

/*
 * Bytes arrived on the serial line. From its interrupt's handler or a poll, on any CPU, no lock
 * held. They are looked at as pending work (WORK_CONSOLE).
 */
void console_receive(const char *bytes, size_t count);

/* Domain 0 is about to run: give it the input, unless conswitch says otherwise. */
void console_start_domain0(void);

/* Take up to `capacity` bytes of what was typed for domain 0. Takes RANK_CONSOLE. */
size_t console_take_input(char *to, size_t capacity);

/*
 * From now on domain 0's output appears in whole lines, or when console_show_kept() asks for what
 * there is: so that a trace does not cut it up.
 */
void console_keep_lines(void);
void console_show_kept(void);
