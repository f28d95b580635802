// SPDX-License-Identifier: Apache-2.0
// Small things that every file may use: the compiler's attributes and a few total macros.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x)                  __builtin_expect(!!(x), 1)
#define unlikely(x)                __builtin_expect(!!(x), 0)
#define must_check                 __attribute__((warn_unused_result))
#define aligned_to(n)              __attribute__((aligned(n)))
#define noreturn_fn                __attribute__((noreturn))
#define cold_fn                    __attribute__((cold, noinline))
#define always_inline_fn           inline __attribute__((always_inline))
#define printf_like(string, first) __attribute__((format(printf, string, first)))

#define ARRAY_SIZE(a)                       (sizeof(a) / sizeof((a)[0]))
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#define MIN(a, b)                          \
    ({                                     \
        __typeof__(a) min_a_ = (a);        \
        __typeof__(b) min_b_ = (b);        \
        min_a_ < min_b_ ? min_a_ : min_b_; \
    })
#define MAX(a, b)                          \
    ({                                     \
        __typeof__(a) max_a_ = (a);        \
        __typeof__(b) max_b_ = (b);        \
        max_a_ > max_b_ ? max_a_ : max_b_; \
    })
#define ROUND_UP(x, align)   (((x) + (align)-1) & ~((__typeof__(x))(align)-1))
#define ROUND_DOWN(x, align) ((x) & ~((__typeof__(x))(align)-1))

/* A single access that the compiler neither splits, repeats nor leaves out. */
#define READ_ONCE(x)         __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, value) __atomic_store_n(&(x), (value), __ATOMIC_RELAXED)
