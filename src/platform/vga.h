// SPDX-License-Identifier: Apache-2.0
// The screen as the BIOS left it, for domain 0's console when the boot loader reports no
// framebuffer.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// What struct dom0_vga_console_info (xen/xen.h) wants for XEN_VGATYPE_TEXT_MODE_3.
struct vga_text {
    uint16_t font_height; // in pixels
    uint16_t cursor_x, cursor_y;
    uint16_t rows, columns;
};

// Whether the display is a VGA in text mode 3 with plausible dimensions.
bool vga_probe_text(struct vga_text *text);
