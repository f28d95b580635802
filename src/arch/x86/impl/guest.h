// SPDX-License-Identifier: Apache-2.0
// Guest memory reached without a call: a guarded run of loads, or of stores.
#pragma once

#include "abi/errno.h"
#include "lib/address.h"
#include "lib/compiler.h"

/* Pavise's own range, by the bits from 43 up. */
#define GUEST_RANGE_SHIFT      43
#define GUEST_RANGE_HYPERVISOR 0x1ffff0

/*
 * An address in Pavise's range becomes one that no processor accepts. There is no branch in it to
 * be mispredicted. Only the first byte is looked at: what lies just below the range is not
 * canonical, and bytes are accessed in rising order.
 */
static always_inline_fn uint64_t guest_address(gva_t address)
{
    uint64_t range;

    __asm__("mov %1, %0\n\tshr %3, %0\n\tcmp %4, %0\n\tcmove %2, %1"
            : "=&r"(range), "+r"(address.a)
            : "r"(1ULL << 63), "i"(GUEST_RANGE_SHIFT), "i"(GUEST_RANGE_HYPERVISOR)
            : "cc");
    return address.a;
}

/*
 * STAC and CLAC, which become nothing where there is no SMAP (struct patch_site of base/patch.h),
 * and the record of an instruction that may fault: as in entry_macros.h.
 */
#define GUEST_PATCH_NO_SMAP 0
#define GUEST_STRING_(text) #text
#define GUEST_STRING(text)  GUEST_STRING_(text)
#define GUEST_GUARD(last_byte)                               \
    "1: .byte 0x0f, 0x01, " last_byte "\n"                   \
    ".pushsection patch_sites, \"a\"\n"                      \
    ".balign 4\n"                                            \
    ".long 1b - ., 0\n"                                      \
    ".byte " GUEST_STRING(GUEST_PATCH_NO_SMAP) ", 3, 0, 0\n" \
                                               ".popsection\n"
#define GUEST_OPEN  GUEST_GUARD("0xcb")
#define GUEST_CLOSE GUEST_GUARD("0xca")
#define GUEST_MAY_FAULT(instruction)  \
    "2: " instruction "\n"            \
    ".pushsection .ex_table, \"a\"\n" \
    ".balign 4\n"                     \
    ".long 2b - .\n"                  \
    ".long %l[fault] - .\n"           \
    ".popsection\n"

/* One turn for each word, with guest_offset counting bytes. */
#define GUEST_EACH_WORD(turn)                                        \
    ".set guest_offset, 0\n"                                         \
    ".rept %c[words]\n" turn ".set guest_offset, guest_offset + 8\n" \
    ".endr\n"

static always_inline_fn int guest_access_fault(void)
{
    __asm__ volatile(GUEST_CLOSE);
    return -EFAULT;
}

static always_inline_fn must_check int guest_fetch32(uint32_t *to, gva_t from)
{
    uint32_t value;

    __asm__ goto(GUEST_OPEN GUEST_MAY_FAULT("movl (%[from]), %[value]") GUEST_CLOSE
                 : [value] "=r"(value)
                 : [from] "r"(guest_address(from))
                 : "memory"
                 : fault);
    *to = value;
    return 0;
fault:
    return guest_access_fault();
}

/* One store of the whole value. */
#define GUEST_DEFINE_WRITE(name, type, mov)                                           \
    static always_inline_fn must_check int name(gva_t to, type value)                 \
    {                                                                                 \
        __asm__ goto(GUEST_OPEN GUEST_MAY_FAULT(mov " %[value], (%[to])") GUEST_CLOSE \
                     :                                                                \
                     : [value] "r"(value), [to] "r"(guest_address(to))                \
                     : "memory"                                                       \
                     : fault);                                                        \
        return 0;                                                                     \
    fault:                                                                            \
        return guest_access_fault();                                                  \
    }
GUEST_DEFINE_WRITE(guest_write16, uint16_t, "movw")
GUEST_DEFINE_WRITE(guest_write32, uint32_t, "movl")
GUEST_DEFINE_WRITE(guest_write64, uint64_t, "movq")
#undef GUEST_DEFINE_WRITE

/* `words` is a constant. */
static always_inline_fn must_check int guest_fetch_words(uint64_t *to, gva_t from, size_t words)
{
    __asm__ goto(GUEST_OPEN GUEST_EACH_WORD(GUEST_MAY_FAULT(
        "movq guest_offset(%[from]), %%rcx") "movq %%rcx, guest_offset(%[to])\n") GUEST_CLOSE
                 :
                 : [words] "i"(words), [from] "r"(guest_address(from)), [to] "r"(to)
                 : "rcx", "memory"
                 : fault);
    return 0;
fault:
    return guest_access_fault();
}

static always_inline_fn must_check int guest_write_words(gva_t to, const uint64_t *from,
                                                         size_t words)
{
    __asm__ goto(GUEST_OPEN GUEST_EACH_WORD("movq guest_offset(%[from]), %%rcx\n" GUEST_MAY_FAULT(
        "movq %%rcx, guest_offset(%[to])")) GUEST_CLOSE
                 :
                 : [words] "i"(words), [from] "r"(from), [to] "r"(guest_address(to))
                 : "rcx", "memory"
                 : fault);
    return 0;
fault:
    return guest_access_fault();
}
