// SPDX-License-Identifier: Apache-2.0
// Machine code for a guest to call (<xen/arch-x86/xen-x86_64.h>, "Hypercall interface"). Call
// number n is at n * 32. The 64-bit ones keep RCX and R11, which the system-call instruction would
// lose. iret never comes back; its frame is what the kernel left on the stack, with RCX, R11 and
// RAX pushed below.
#include "pv/hypercall_page.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/frames.h"
#include "lib/address.h"
#include "lib/string.h"

enum { FUNCTION_BYTES = 32, INT3 = 0xcc };

struct code {
    uint8_t bytes[FUNCTION_BYTES];
    uint8_t number_at; // where the call's number goes, as 32 bits
};

static const struct code call_64bit = {
    .bytes = {0x51,             // push %rcx
              0x41, 0x53,       // push %r11
              0xb8, 0, 0, 0, 0, // mov $number, %eax
              0x0f, 0x05,       // syscall
              0x41, 0x5b,       // pop %r11
              0x59,             // pop %rcx
              0xc3,             // ret
              INT3},
    .number_at = 4,
};

static const struct code iret_64bit = {
    .bytes = {0x51,             // push %rcx
              0x41, 0x53,       // push %r11
              0x50,             // push %rax
              0xb8, 0, 0, 0, 0, // mov $number, %eax
              0x0f, 0x05,       // syscall
              INT3},
    .number_at = 5,
};

static const struct code call_32bit = {
    .bytes = {0xb8, 0, 0, 0, 0, // mov $number, %eax
              0xcd, 0x82,       // int $0x82
              0xc3,             // ret
              INT3},
    .number_at = 1,
};

static const struct code iret_32bit = {
    .bytes = {0x50,             // push %eax
              0xb8, 0, 0, 0, 0, // mov $number, %eax
              0xcd, 0x82,       // int $0x82
              INT3},
    .number_at = 2,
};

// The code ends at its first INT3: none of the instructions above has such a byte.
static void write_function(uint8_t *to, const struct code *code, uint32_t number)
{
    size_t used = (size_t)((uint8_t *)memchr(code->bytes, INT3, FUNCTION_BYTES) - code->bytes);

    memcpy(to, code->bytes, used);
    memcpy(to + code->number_at, &number, sizeof(number));
}

void hypercall_page_write(void *page, bool is_32bit)
{
    const struct code *call = is_32bit ? &call_32bit : &call_64bit;
    const struct code *iret = is_32bit ? &iret_32bit : &iret_64bit;
    uint8_t *to = page;

    memset(page, INT3, PAGE_SIZE);
    for (uint32_t number = 0; number < PAGE_SIZE / FUNCTION_BYTES; number++) {
        write_function(to + number * FUNCTION_BYTES, number == __HYPERVISOR_iret ? iret : call,
                       number);
    }
}

int hypercall_page_fill(struct domain *d, mfn_t frame)
{
    if (!mfn_valid(frame) || !frame_get_writable(frame_of_guests(frame), d->id)) {
        return -EINVAL;
    }
    hypercall_page_write(frame_to_virt(frame), d->is_32bit);
    frame_put_writable(frame_of(frame));
    return 0;
}
