// SPDX-License-Identifier: Apache-2.0
// debug-keys KEYS: presses debug keys of the hypervisor's, as `xl debug-keys` does. What they show
// is in its log. Exit code 0, or 1 where domain 0 may not, or there is no hypervisor.
#include <stdint.h>

#define __XEN_TOOLS__ 1
#include <xen/sysctl.h>

/* Linux's uapi/xen/privcmd.h, which no package of a C library has. */
struct privcmd_hypercall {
    uint64_t op;
    uint64_t arg[5];
};
#define IOCTL_PRIVCMD_HYPERCALL (sizeof(struct privcmd_hypercall) << 16 | 'P' << 8 | 0)

static long system_call3(long number, long a, long b, long c)
{
    long result;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c)
                 : "rcx", "r11", "memory");
    return result;
}

static uint32_t length_of(const char *text)
{
    uint32_t length = 0;

    while (text[length] != 0) {
        length++;
    }
    return length;
}

static int press(const char *keys)
{
    enum { SYS_OPEN = 2, SYS_IOCTL = 16, O_RDWR = 2 };
    static struct xen_sysctl sysctl = {.cmd = XEN_SYSCTL_debug_keys,
                                       .interface_version = XEN_SYSCTL_INTERFACE_VERSION};
    static struct privcmd_hypercall call = {.op = __HYPERVISOR_sysctl, .arg = {(uint64_t)&sysctl}};
    long privcmd = system_call3(SYS_OPEN, (long)"/dev/xen/privcmd", O_RDWR, 0);

    set_xen_guest_handle(sysctl.u.debug_keys.keys, (char *)keys);
    sysctl.u.debug_keys.nr_keys = length_of(keys);
    return privcmd < 0 ||
           system_call3(SYS_IOCTL, privcmd, IOCTL_PRIVCMD_HYPERCALL, (long)&call) != 0;
}

__attribute__((noreturn, used)) static void start(long *stack)
{
    enum { SYS_EXIT = 60 };
    char **arguments = (char **)(stack + 1);

    for (;;) {
        system_call3(SYS_EXIT, stack[0] == 2 ? press(arguments[1]) : 1, 0, 0);
    }
}

/* The system starts a program with its arguments on the stack. */
asm(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
