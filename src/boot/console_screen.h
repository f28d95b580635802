// SPDX-License-Identifier: Apache-2.0
// The log on the screen, with console=vga and where the screen shows text.
#pragma once

#include "platform/vga.h"

/* Where the options want it. After the hooks of platform/mmio.h are set. */
void console_screen_start(void);

/* Domain 0 is about to get the screen: the log leaves it, unless the user said vga=keep. */
void console_screen_leave_to_domain0(void);

/* Where the log has left the cursor, for who draws next; as it was where no log was shown. */
void console_screen_cursor(struct vga_text *mode);
