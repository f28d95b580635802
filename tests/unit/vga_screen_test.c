// SPDX-License-Identifier: Apache-2.0
// Text on a VGA screen, as cells of its memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/io.h"
#include "platform/mmio.h"
#include "platform/vga_screen.h"

enum { COLUMNS = 40, ROWS = 25 };

static uint16_t adapter[0x4000];
static uint8_t crtc[256], crtc_index;
static struct vga_screen screen;

static void *map(uint64_t paddr, size_t length)
{
    assert_int_equal(paddr, 0xb8000);
    assert_true(length <= sizeof(adapter));
    return adapter;
}

static void *map_nothing(uint64_t paddr, size_t length)
{
    return NULL;
}

static void write_port(void *context, uint64_t port, unsigned width, uint64_t value)
{
    if (port == 0) {
        crtc_index = (uint8_t)value;
    } else {
        crtc[crtc_index] = (uint8_t)value;
    }
}

static const struct host_device ports = {.write = write_port};

static int set_up(void **state)
{
    const struct vga_text mode = {.columns = COLUMNS, .rows = ROWS};

    host_forget_devices();
    host_claim_ports(0x3d4, 2, &ports);
    for (size_t i = 0; i < sizeof(adapter) / sizeof(adapter[0]); i++) {
        adapter[i] = 0x0720;
    }
    platform_map_mmio = map;
    assert_true(vga_screen_start(&screen, &mode));
    return 0;
}

static void show(const char *text)
{
    vga_screen_write(&screen, text, strlen(text));
}

static void assert_row(unsigned row, const char *text)
{
    for (unsigned i = 0; i < COLUMNS; i++) {
        char expected = i < strlen(text) ? text[i] : ' ';
        assert_int_equal(adapter[row * COLUMNS + i], 0x0700 | (uint8_t)expected);
    }
}

static unsigned cursor(void)
{
    return crtc[0x0e] << 8 | crtc[0x0f];
}

static void text_appears_where_the_cursor_was(void **state)
{
    const struct vga_text mode = {.columns = COLUMNS, .rows = ROWS, .cursor_x = 3, .cursor_y = 1};

    adapter[COLUMNS] = 0x0700 | 'x';
    assert_true(vga_screen_start(&screen, &mode));
    show("hello");
    assert_row(1, "x  hello");
    assert_int_equal(cursor(), COLUMNS + 8);
}

static void lines_end_and_wrap(void **state)
{
    show("one\ntwo");
    assert_row(0, "one");
    assert_row(1, "two");
    show("\n0123456789012345678901234567890123456789");
    assert_int_equal(screen.y, 2); /* a full line alone does not begin the next */
    show("+");
    assert_row(2, "0123456789012345678901234567890123456789");
    assert_row(3, "+");
}

static void the_screen_scrolls_at_the_bottom(void **state)
{
    for (unsigned i = 0; i < ROWS; i++) {
        char line[] = {(char)('a' + i), '\n', 0};
        show(line);
    }
    assert_row(0, "b");
    assert_row(ROWS - 2, "y");
    assert_row(ROWS - 1, "");
    show("last");
    assert_row(ROWS - 1, "last");
}

static void tabs_are_spaces_and_other_codes_nothing(void **state)
{
    show("a\tb\r\x1b"
         "c");
    assert_row(0, "a       bc");
}

static void there_may_be_no_screen(void **state)
{
    const struct vga_text wide = {.columns = 161, .rows = 25};
    const struct vga_text mode = {.columns = COLUMNS, .rows = ROWS};

    assert_false(vga_screen_start(&screen, &wide));
    platform_map_mmio = map_nothing;
    assert_false(vga_screen_start(&screen, &mode));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(text_appears_where_the_cursor_was, set_up),
        cmocka_unit_test_setup(lines_end_and_wrap, set_up),
        cmocka_unit_test_setup(the_screen_scrolls_at_the_bottom, set_up),
        cmocka_unit_test_setup(tabs_are_spaces_and_other_codes_nothing, set_up),
        cmocka_unit_test_setup(there_may_be_no_screen, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
