// SPDX-License-Identifier: Apache-2.0
// The log on the first serial port, before the real driver knows what the user asked for.
#pragma once

#include <stdint.h>

/* Sets COM1 to 115200 8n1, polled, and adds it to the log's sinks. */
void early_uart_start(void);

/* The real driver takes over. Returns the port. */
uint16_t early_uart_stop(void);
