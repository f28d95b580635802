// SPDX-License-Identifier: Apache-2.0
// The calls of this room. Argument rules: base/hypercall.h.
#pragma once

#include "lib/address.h"
#include "lib/compiler.h"

/*
 * console_io (xen.h, CONSOLEIO_*). Write: domain 0's bytes go to the console as they are, others'
 * as whole lines of printable text with the domain's number before them. Read (privileged
 * domains): what was typed, as far as it is there; returns the number of bytes. -E2BIG: a count
 * that no int holds; -EPERM; -EFAULT; -ENOSYS.
 */
long hypercall_console_io(uint64_t cmd, uint64_t count, gva_t buffer);
