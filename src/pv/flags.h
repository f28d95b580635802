// SPDX-License-Identifier: Apache-2.0
// RFLAGS bits, page-fault error code bits, and what bounces and returns make of them.
#pragma once

#define RFLAGS_FIXED (1UL << 1)
#define RFLAGS_TF    (1UL << 8)
#define RFLAGS_IF    (1UL << 9)
#define RFLAGS_DF    (1UL << 10)
#define RFLAGS_IOPL  (3UL << 12)
#define RFLAGS_NT    (1UL << 14)
#define RFLAGS_RF    (1UL << 16)
#define RFLAGS_VM    (1UL << 17)
#define RFLAGS_AC    (1UL << 18)
#define RFLAGS_VIF   (1UL << 19)
#define RFLAGS_VIP   (1UL << 20)

/* A handler starts without single steps, alignment checks, or the marks of a task switch. */
#define RFLAGS_CLEARED_BY_BOUNCE (RFLAGS_TF | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM | RFLAGS_AC)

/* What a guest can't set by a return; IF is always on while a guest runs. */
#define RFLAGS_NOT_FOR_GUESTS (RFLAGS_IOPL | RFLAGS_VM | RFLAGS_VIF | RFLAGS_VIP)

#define PAGE_FAULT_PRESENT  (1U << 0)
#define PAGE_FAULT_WRITE    (1U << 1)
#define PAGE_FAULT_USER     (1U << 2)
#define PAGE_FAULT_RESERVED (1U << 3)
#define PAGE_FAULT_FETCH    (1U << 4)
