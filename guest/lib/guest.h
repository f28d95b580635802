// SPDX-License-Identifier: Apache-2.0
// The kernel as a whole: what the hypervisor handed over, the console, and the end.
#pragma once

#include "hypercall.h"
#include "libc.h"

// Registers at the first instruction; filled by entry.S in this order.
struct boot_registers {
    uint64_t rsi, rsp, cs, ss, rflags;
};
extern const struct boot_registers boot_registers;

// start_info as handed over, and the shared page, mapped over a page of the image.
extern struct start_info *start_info;
extern struct shared_info *const shared_info;

// One line (or part of it) on the hypervisor's console in one call, so that nothing gets between;
// from a domain that may not write there, through the one that made it.
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

// False in a domain that an image started itself (domu.h).
bool is_initial_domain(void);

// True when the command line says that the reference hypervisor runs this image, for the few
// promises whose difference is explained beside them.
bool running_on_oracle(void);

// The number on the command line behind `name`, which ends in "=".
uint64_t boot_option(const char *name, uint64_t otherwise);

// SCHEDOP_shutdown with one of the SHUTDOWN_ reasons.
void guest_shutdown(unsigned reason) __attribute__((noreturn));

// What an image is about; called once everything in guest/lib is set up. Power-off follows.
void guest_main(void);

// The vCPU's information: in shared_info, or where it was registered since.
struct vcpu_info *this_vcpu(void);
void vcpu_moved(struct vcpu_info *to);
