// SPDX-License-Identifier: Apache-2.0
// Text on the screen: a VGA adapter in text mode 3, as the BIOS leaves it. Each character is a cell
// of two bytes in the adapter's memory, code and colours.
#pragma once

#include <stddef.h>

#include "platform/vga.h"

enum { VGA_MAX_COLUMNS = 160, VGA_MAX_ROWS = 60 };

struct vga_screen {
    volatile uint16_t *cells; // the adapter's memory; NULL: no screen
    uint16_t columns, rows;
    uint16_t x, y;
    // What is shown: reading it back from an adapter takes far longer than writing.
    uint16_t shown[VGA_MAX_ROWS * VGA_MAX_COLUMNS];
};

// Takes over the screen at the cursor that it has; what is there stays. False where there is no
// such screen. No lock: one CPU at a time.
bool vga_screen_start(struct vga_screen *screen, const struct vga_text *mode);

// Writes text. Lines end with \n and wrap at the right edge; the screen scrolls at the bottom. Tabs
// go to columns that are multiples of 8; other control characters are left out.
void vga_screen_write(struct vga_screen *screen, const char *text, size_t bytes);
