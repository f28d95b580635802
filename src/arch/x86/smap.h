// SPDX-License-Identifier: Apache-2.0
// Supervisor-mode access prevention: guest memory is out of reach but between STAC and CLAC.
#pragma once

/*
 * Start of day, before the first guest: where the processor has no SMAP, turn each STAC and CLAC
 * of entry code into a no-op.
 */
void smap_patch(void);
