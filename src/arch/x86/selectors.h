// SPDX-License-Identifier: Apache-2.0
// Segment selectors that the interface fixes, and Pavise's own beside them in the same two pages.
// SYSCALL and SYSRET want the order: ring 0 code, data; ring 3 32-bit code, data, 64-bit code.
#pragma once

#define SELECTOR_HV_CODE    0xe008
#define SELECTOR_HV_DATA    0xe010
#define SELECTOR_GUEST_CS32 0xe023
#define SELECTOR_GUEST_DATA 0xe02b
#define SELECTOR_GUEST_CS64 0xe033
#define SELECTOR_TSS        0xe040
#define SELECTOR_LDT        0xe050

/* STAR[47:32]: SYSCALL loads this and the next; STAR[63:48]: SYSRET adds 8 and 16 (and RPL 3). */
#define STAR_SYSCALL SELECTOR_HV_CODE
#define STAR_SYSRET  SELECTOR_GUEST_CS32
