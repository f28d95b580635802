// SPDX-License-Identifier: Apache-2.0
// The calling convention and the numbers nobody has.

#include "tap.h"

TEST("a hypercall returns its result in RAX")
{
    CHECK_EQ(xen_version(XENVER_version, NULL) >> 16, 4);
}
