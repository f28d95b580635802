// SPDX-License-Identifier: Apache-2.0
// The BIOS data area's account of the display, and a look whether it is there.
#include "platform/vga.h"

#include <stddef.h>

#include "arch/io.h"
#include "platform/mmio.h"

// Offsets in the BIOS data area.
enum {
    BDA_VIDEO_MODE = 0x49,
    BDA_COLUMNS = 0x4a, // 16 bits
    BDA_CURSOR = 0x50,  // column, row on page 0
    BDA_LAST_ROW = 0x84,
    BDA_FONT_HEIGHT = 0x85, // 16 bits
    BDA_BYTES = 0x100,
};

enum { TEXT_MODE_3 = 3, MISC_OUTPUT = 0x3cc, GRAPHICS_INDEX = 0x3ce, GRAPHICS_DATA = 0x3cf };

#define BDA_PADDR 0x400

enum { GRAPHICS_MISC = 6, GRAPHICS_MODE_BIT = 0x01 };

// Firmware may leave the data area as it was and program a graphics mode itself: the chip knows.
static bool chip_shows_text(void)
{
    if (arch_in8(MISC_OUTPUT) == 0xff) {
        return false;
    }
    arch_out8(GRAPHICS_INDEX, GRAPHICS_MISC);
    return (arch_in8(GRAPHICS_DATA) & GRAPHICS_MODE_BIT) == 0;
}

static uint16_t word(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

bool vga_probe_text(struct vga_text *text)
{
    const uint8_t *bda = acpi_map(BDA_PADDR, BDA_BYTES);

    if (bda == NULL || bda[BDA_VIDEO_MODE] != TEXT_MODE_3 || !chip_shows_text()) {
        return false;
    }
    *text = (struct vga_text){
        .font_height = word(bda + BDA_FONT_HEIGHT),
        .cursor_x = bda[BDA_CURSOR],
        .cursor_y = bda[BDA_CURSOR + 1],
        .rows = (uint16_t)(bda[BDA_LAST_ROW] + 1),
        .columns = word(bda + BDA_COLUMNS),
    };
    return text->columns >= 40 && text->columns <= 160 && text->rows >= 25 && text->rows <= 60 &&
           text->cursor_x < text->columns && text->cursor_y < text->rows &&
           text->font_height >= 8 && text->font_height <= 32;
}
