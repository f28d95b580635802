// SPDX-License-Identifier: Apache-2.0
// The log on the screen.
#include "boot/console_screen.h"

#include "abi/errno.h"
#include "base/log.h"
#include "base/param.h"
#include "boot/options.h"
#include "lib/string.h"
#include "platform/vga_screen.h"

static struct vga_screen screen;
static bool keep;

static void show(struct log_sink *sink, const char *text, size_t bytes)
{
    vga_screen_write(&screen, text, bytes);
}

static struct log_sink sink = {.write = show};

/*
 * vga=[text-80x25|current][,keep]. Pavise sets no mode: it takes what BIOS or loader left, so other
 * modes are what a loader is asked for.
 */
static int parse_vga(const struct param *param, const char *value)
{
    static const char *const known[] = {"text-80x25", "current", "keep"};

    while (value != NULL && *value != 0) {
        size_t length = 0, i = 0;
        while (value[length] != 0 && value[length] != ',') {
            length++;
        }
        while (i < ARRAY_SIZE(known) &&
               (strlen(known[i]) != length || strncmp(known[i], value, length) != 0)) {
            i++;
        }
        if (i == ARRAY_SIZE(known)) {
            return -EINVAL;
        }
        keep = keep || strncmp(value, "keep", length) == 0;
        value += length + (value[length] == ',');
    }
    return 0;
}
PARAM_CUSTOM("vga", parse_vga);

void console_screen_start(void)
{
    struct vga_text mode;

    if (console_chosen("vga") && vga_probe_text(&mode) && vga_screen_start(&screen, &mode)) {
        log_add_sink(&sink);
    }
}

void console_screen_leave_to_domain0(void)
{
    if (screen.cells != NULL && !keep) {
        log_info("the screen is domain 0's now (vga=keep would share it)");
        log_remove_sink(&sink);
    }
}

void console_screen_cursor(struct vga_text *mode)
{
    if (screen.cells != NULL) {
        mode->cursor_x = screen.x < screen.columns ? screen.x : (uint16_t)(screen.columns - 1);
        mode->cursor_y = screen.y;
    }
}
