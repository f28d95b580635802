// SPDX-License-Identifier: Apache-2.0
// What the room of grants needs of page tables.
#pragma once

/* Start of day: tell it. */
void grant_map_init(void);
