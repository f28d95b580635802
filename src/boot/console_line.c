// SPDX-License-Identifier: Apache-2.0
// The serial line.
#include "boot/console_line.h"

#include "arch/start.h"
#include "base/log.h"
#include "boot/irqs.h"
#include "boot/options.h"
#include "console/console.h"
#include "platform/uart.h"
#include "time/time.h"
#include "time/timer.h"

#define POLL_NS 1000000 /* the receiver holds 16 bytes, which take 1.4 ms at 115200 baud */

static struct uart line;

static void show(struct log_sink *sink, const char *text, size_t bytes)
{
    /* A terminal wants both: back to the left, and down. */
    while (bytes > 0) {
        size_t n = 0;
        while (n < bytes && text[n] != '\n') {
            n++;
        }
        uart_write(&line, text, n);
        if (n < bytes) {
            uart_write(&line, "\r\n", 2);
            n++;
        }
        text += n;
        bytes -= n;
    }
}

static struct log_sink sink = {.write = show};

/* ---- what is typed --------------------------------------------------------------------------- */

static void receive(void)
{
    char bytes[64];
    size_t count;

    do {
        count = uart_receive(&line, bytes, sizeof(bytes));
        if (count > 0) {
            console_receive(bytes, count);
        }
    } while (count == sizeof(bytes));
}

static struct timer poll_timer;

static void poll(void *data)
{
    receive();
    timer_set(&poll_timer, time_now_ns() + POLL_NS);
}

/* By the line's interrupt, or without one by looking often. */
static void listen(void)
{
    if (line.config.irq != 0 && irqs_claim_isa(line.config.irq, receive) == 0) {
        uart_enable_receive_interrupt(&line);
        return;
    }
    timer_init(&poll_timer, poll, NULL, 0);
    poll(NULL);
}

/* ---- start ----------------------------------------------------------------------------------- */

/* What the early log has shown on the same line is there already. */
static void start(const struct uart_config *defaults, const char *option, uint16_t early_port)
{
    struct uart_config config = *defaults;

    if (option[0] != 0 && uart_parse(option, &config) != 0) {
        log_warning("serial line: %s is not BAUD,8n1,PORT,IRQ", option);
    }
    if (uart_init(&line, &config) == 0) {
        if (config.io_base == early_port) {
            log_add_sink_from_now(&sink);
        } else {
            log_add_sink(&sink);
        }
        listen();
    }
}

void console_line_start(void)
{
    uint16_t early_port = arch_stop_early_console();

    if (console_chosen("com1")) {
        start(&uart_com1, options.com1, early_port);
    } else if (console_chosen("com2")) {
        start(&uart_com2, options.com2, early_port);
    }
}

uint16_t console_port_first(void)
{
    return line.present ? line.config.io_base : 0;
}
