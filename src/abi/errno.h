// SPDX-License-Identifier: Apache-2.0
// Error numbers of the guest interface under their usual names; a handler returns them negated.
#pragma once

#ifdef PAVISE_HOST
#include <errno.h>
#else
#define XEN_ERRNO(name, value) name = (value),
enum {
#include <xen/errno.h>
};
#endif

/*
 * Internal: the call left its progress in its arguments and has to be issued again. It never
 * reaches a guest: the dispatcher turns it into a return to the call instruction itself.
 */
#define HYPERCALL_RESTART (-4096L)
