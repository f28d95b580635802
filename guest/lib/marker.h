// SPDX-License-Identifier: Apache-2.0
// Marks in a program that is measured, for the counter that QEMU loads (tests/bench/counter.c).
//
// A mark is a no-operation of seven bytes, `nopl NUMBER(%rax)`: harmless wherever it runs, in the
// kernel and in user mode, on any hypervisor or none, and known to the counter by its number.
#pragma once

#define MARK_ROUND_START 0x50415601
#define MARK_ROUND_END   0x50415602
// The row is over: its best round is what counts.
#define MARK_ROW_END 0x50415603

#define MARK_TEXT_(number) ".byte 0x0f, 0x1f, 0x80\n.long " #number "\n"
#define MARK_TEXT(number)  MARK_TEXT_(number)
#define MARK(number)       __asm__ volatile(MARK_TEXT(number) : : : "memory")
