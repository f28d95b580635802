// SPDX-License-Identifier: Apache-2.0
// Prints the time-stamp counter. Under QEMU's -icount shift=0 it counts the instructions since
// power-on, hypervisor included. No C library: it goes into the initramfs as it is.
#include <stdint.h>

static long system_call3(long number, long a, long b, long c)
{
    long result;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c)
                 : "rcx", "r11", "memory");
    return result;
}

__attribute__((noreturn)) void _start(void)
{
    enum { SYS_WRITE = 1, SYS_EXIT = 60, STDOUT = 1 };
    char text[24];
    char *digit = text + sizeof(text);
    uint32_t low, high;

    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    uint64_t ticks = (uint64_t)high << 32 | low;
    *--digit = '\n';
    do {
        *--digit = (char)('0' + ticks % 10);
        ticks /= 10;
    } while (ticks);

    system_call3(SYS_WRITE, STDOUT, (long)digit, text + sizeof(text) - digit);
    for (;;) {
        system_call3(SYS_EXIT, 0, 0, 0);
    }
}
