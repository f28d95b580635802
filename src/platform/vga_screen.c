// SPDX-License-Identifier: Apache-2.0
// Text on a VGA screen (IBM's VGA reference: text modes, cursor location registers).
#include "platform/vga_screen.h"

#include "arch/io.h"
#include "platform/mmio.h"

enum {
    TEXT_PADDR = 0xb8000,
    TEXT_BYTES = 0x8000,
    CRTC_INDEX = 0x3d4,
    CRTC_DATA = 0x3d5,
    CURSOR_HIGH = 0x0e,
    CURSOR_LOW = 0x0f,
    TAB = 8,
};

#define LIGHT_GREY_ON_BLACK 0x0700
#define BLANK               (LIGHT_GREY_ON_BLACK | ' ')

static void write_crtc(uint8_t index, uint8_t value)
{
    arch_out8(CRTC_INDEX, index);
    arch_out8(CRTC_DATA, value);
}

static void show_cursor(const struct vga_screen *s)
{
    unsigned at = s->y * s->columns + s->x;

    write_crtc(CURSOR_HIGH, (uint8_t)(at >> 8));
    write_crtc(CURSOR_LOW, (uint8_t)at);
}

static void set_cell(struct vga_screen *s, unsigned at, uint16_t cell)
{
    if (s->shown[at] != cell) {
        s->shown[at] = cell;
        s->cells[at] = cell;
    }
}

static void scroll(struct vga_screen *s)
{
    unsigned last_row = (s->rows - 1U) * s->columns;

    for (unsigned at = 0; at < last_row; at++) {
        set_cell(s, at, s->shown[at + s->columns]);
    }
    for (unsigned at = last_row; at < last_row + s->columns; at++) {
        set_cell(s, at, BLANK);
    }
}

static void new_line(struct vga_screen *s)
{
    s->x = 0;
    if (s->y + 1 < s->rows) {
        s->y++;
    } else {
        scroll(s);
    }
}

static void put(struct vga_screen *s, uint8_t character)
{
    if (s->x == s->columns) {
        new_line(s);
    }
    set_cell(s, s->y * s->columns + s->x, LIGHT_GREY_ON_BLACK | character);
    s->x++;
}

bool vga_screen_start(struct vga_screen *s, const struct vga_text *mode)
{
    volatile uint16_t *cells;

    if (mode->columns > VGA_MAX_COLUMNS || mode->rows > VGA_MAX_ROWS) {
        return false;
    }
    cells = platform_map_mmio(TEXT_PADDR, TEXT_BYTES);
    if (cells == NULL) {
        return false;
    }
    s->columns = mode->columns;
    s->rows = mode->rows;
    s->x = mode->cursor_x;
    s->y = mode->cursor_y;
    for (unsigned at = 0; at < (unsigned)s->rows * s->columns; at++) {
        s->shown[at] = cells[at];
    }
    s->cells = cells;
    return true;
}

void vga_screen_write(struct vga_screen *s, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c == '\n') {
            new_line(s);
        } else if (c == '\t') {
            do {
                put(s, ' ');
            } while (s->x % TAB != 0);
        } else if (c >= ' ') {
            put(s, c);
        }
    }
    show_cursor(s);
}
