// SPDX-License-Identifier: Apache-2.0
// A guest user mode: page tables of its own, with one page of text, one of data and one of stack.
#pragma once

#include "image.h"
#include "mm.h"
#include "trap.h"

// Where user mode sees its pages. Without a suffix, so that they can stand in assembly too.
#define USER_TEXT      0x400000
#define USER_DATA      0x500000
#define USER_DATA_TEXT IMAGE_STRING(USER_DATA)
#define USER_STACK_TOP 0x601000

// Code for user mode is assembly between these, in the image's .user section; labels in it become
// user addresses by user_address().
#define USER_CODE(name, text)                                                             \
    __asm__(".pushsection .user, \"awx\", @progbits\n" #name ":\n" text "\n.popsection"); \
    extern const char name[]

// Builds the tables, pins them and makes them the base for user mode; once for an image.
void user_init(void);

uint64_t user_address(const char *code);
// The kernel's address of the data page.
void *user_data(void);
// The top-level table of user mode, for tests that change it.
const uint64_t *user_l4(void);

// Registers of a user program at its start: interrupts on, everything else zero.
struct trap_frame user_start(const char *code);

// Runs user mode from a frame, by iret with these VGCF_ flags, until it comes back in any way:
// `exit` says how. The upcall mask afterwards is what it was before.
void user_run(const struct trap_frame *start, uint64_t flags, struct fault *exit);
void user_call(const char *code, struct fault *exit);
