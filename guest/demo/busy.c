// SPDX-License-Identifier: Apache-2.0
// A kernel that always runs and wants nothing: for looks at the machine from the outside.

#include "guest.h"

void guest_main(void)
{
    for (;;) {
        __asm__ volatile("pause");
    }
}
