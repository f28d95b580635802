// SPDX-License-Identifier: Apache-2.0
// The serial line that the log and domain 0's console go to (options console=, com1=, com2=).
#pragma once

#include <stdint.h>

/* Sets the line up as the options say and makes it the log's; the early driver goes. */
void console_line_start(void);

/* The first of its eight ports; 0 where there is no line. */
uint16_t console_port_first(void);
