// SPDX-License-Identifier: Apache-2.0
// The log on the first serial port, before the real driver knows what the user asked for.

#include "early_uart.h"

#include "arch/io.h"
#include "base/log.h"

#define COM1              0x3f8
#define INTERRUPT_ENABLE  1
#define FIFO_CONTROL      2
#define LINE_CONTROL      3
#define MODEM_CONTROL     4
#define LINE_STATUS       5
#define LINE_CONTROL_DLAB 0x80
#define LINE_CONTROL_8N1  0x03
#define FIFO_ENABLE_CLEAR 0x07
#define MODEM_DTR_RTS     0x03
#define LINE_STATUS_THRE  0x20
#define DIVISOR_115200    1
/* Far longer than a byte takes at any speed; a port that is gone must not stop the machine. */
#define WAIT_TURNS 100000

static void put_byte(char c)
{
    for (int i = 0; i < WAIT_TURNS && (arch_in8(COM1 + LINE_STATUS) & LINE_STATUS_THRE) == 0; i++) {
    }
    arch_out8(COM1, (uint8_t)c);
}

static void early_uart_write(struct log_sink *sink, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\n') {
            put_byte('\r');
        }
        put_byte(text[i]);
    }
}

static struct log_sink early_uart = {.write = early_uart_write};

void early_uart_start(void)
{
    arch_out8(COM1 + INTERRUPT_ENABLE, 0);
    arch_out8(COM1 + LINE_CONTROL, LINE_CONTROL_DLAB);
    arch_out8(COM1, DIVISOR_115200);
    arch_out8(COM1 + 1, 0);
    arch_out8(COM1 + LINE_CONTROL, LINE_CONTROL_8N1);
    arch_out8(COM1 + FIFO_CONTROL, FIFO_ENABLE_CLEAR);
    arch_out8(COM1 + MODEM_CONTROL, MODEM_DTR_RTS);
    log_add_sink(&early_uart);
}

uint16_t early_uart_stop(void)
{
    log_remove_sink(&early_uart);
    return COM1;
}
