// SPDX-License-Identifier: Apache-2.0
// Patches out STAC and CLAC, which are invalid opcodes on a processor without SMAP.
#include "smap.h"

#include <stdint.h>

#include "cpu_features.h"
#include "text_patch.h"

extern const int32_t __start_smap_sites[], __stop_smap_sites[];

void smap_patch(void)
{
    static const uint8_t no_op[3] = {0x0f, 0x1f, 0x00};

    if (cpu_has(FEATURE_SMAP)) {
        return;
    }
    for (const int32_t *site = __start_smap_sites; site < __stop_smap_sites; site++) {
        text_patch((char *)site + *site, no_op, sizeof(no_op));
    }
}
