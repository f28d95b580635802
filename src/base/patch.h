// SPDX-License-Identifier: Apache-2.0
// Boot-time patching: instructions that depend on the processor are settled once, at start of day.
//
// The image is linked with one form of each place, and a record in section `patch_sites` says with
// what, and when, it is replaced; so neither form pays for the choice. Indirect branches are a set
// of their own: each is linked as a direct branch to a thunk that takes the target in a register
// (src/arch/x86/thunks.S), and becomes the plain instruction where the processor may predict it.
#pragma once

#include "lib/compiler.h"

/* When a site is patched: bits of what patch_apply() is told. */
enum patch_when {
    PATCH_NO_SMAP,       /* the processor has no SMAP */
    PATCH_GUARDED,       /* ways in and out go through src/arch/x86/guarded.S; in there: */
    PATCH_NO_ENTRY_WORK, /* nothing is done on the way in */
    PATCH_NO_XPTI,       /* guests run on the tables that Pavise runs on */
    PATCH_NO_SPEC_CTRL,  /* SPEC_CTRL stays as it is */
    PATCH_NO_RSB,        /* the return predictor is not filled */
    PATCH_NO_IBPB_ENTRY, /* the branch predictor is not emptied */
    PATCH_NO_VERW,       /* buffers are not overwritten */
    PATCH_THUNK_FENCE,   /* thunks are LFENCE and a plain branch */
    PATCH_THUNK_JUMP,    /* nothing goes through a thunk */
};

/* The offsets are from their own places. A replacement may begin with one rel32 CALL or JMP. */
struct patch_site {
    int32_t site;
    int32_t replacement;
    uint8_t when; /* enum patch_when */
    uint8_t site_bytes;
    uint8_t replacement_bytes; /* no more than site_bytes: the rest becomes no-ops */
    uint8_t unused;
};

#define PATCH_MAX_BYTES 64

/*
 * Replaces what each site of [first, end) is to be where its bit is in `conditions`; of several
 * records for one place the last that applies counts. At start of day, before other CPUs start;
 * each site once.
 */
void patch_apply(const struct patch_site *first, const struct patch_site *end, uint64_t conditions);

/* A direct CALL or JMP with a 32-bit displacement has this many bytes. */
#define PATCH_BRANCH_BYTES 5

/*
 * Turns the direct branch to a thunk that lies at `site` into the indirect CALL or JMP by register
 * `number` (0 RAX, 1 RCX, ... 15 R15 as instructions number them), in one instruction of the same
 * length. False: there is no direct branch.
 */
must_check bool patch_branch_to_register(void *site, unsigned int number);
