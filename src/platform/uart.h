// SPDX-License-Identifier: Apache-2.0
// The serial line: a 16550 or one of its older relatives, at I/O ports. Usable before anything else
// is: it allocates nothing and needs no interrupt. Whoever owns the UART (the console) serialises
// the calls.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

struct uart_config {
    uint32_t baud;     // 0: leave the speed as the firmware set it
    uint32_t clock_hz; // what the chip divides: 16 * 115200 on every PC
    uint8_t data_bits; // 5 to 8
    char parity;       // one of n, o, e, m, s: none, odd, even, mark, space
    uint8_t stop_bits; // 1 or 2
    uint16_t io_base;  // first of eight ports
    uint8_t irq;       // ISA interrupt; 0: poll
};

// Speed left as it is, 8n1, at the traditional places: 0x3f8 and IRQ 4, 0x2f8 and IRQ 3.
extern const struct uart_config uart_com1, uart_com2;

struct uart {
    struct uart_config config;
    bool present;
    bool stuck;              // the transmitter stopped: bytes are dropped until it comes back
    uint8_t fifo_bytes;      // what the transmitter takes once it is empty
    uint8_t transmit_room;   // bytes it can still take without a look
    uint64_t dropped_bytes;  // not sent, because it was stuck
    uint64_t receive_errors; // overruns, framing and parity errors, breaks
};

// Reads a com1= or com2= option over the defaults in `config`: "auto" or BAUD[/CLOCK_HZ], then
// optionally data bits, parity and stop bits ("8n1"), I/O base and IRQ, separated by commas; an
// empty field keeps its default. Returns 0, or -EINVAL with `config` as it was.
int must_check uart_parse(const char *option, struct uart_config *config);

// Sets the chip up, transmitter and receiver on, interrupts off. Returns 0, -EINVAL for a speed
// that the clock cannot give, or -ENODEV where there is no UART; then every other call does
// nothing.
int must_check uart_init(struct uart *uart, const struct uart_config *config);

// Sends bytes as they are. Waits for the transmitter, but never for ever: one that makes no
// progress for some 100 ms is taken for dead, and its bytes are dropped and counted until it is
// ready again.
void uart_write(struct uart *uart, const void *bytes, size_t count);

// Waits, within the same limit, until the last bit has left.
void uart_flush(struct uart *uart);

// Takes what has been received, up to `capacity` bytes; returns how many. Never waits. A break or a
// damaged byte is counted, not handed on. Run it dry (a result below `capacity`) on each interrupt.
size_t uart_receive(struct uart *uart, void *bytes, size_t capacity);

// Raises the interrupt line when bytes have come. Does nothing for a polled UART (irq 0).
void uart_enable_receive_interrupt(struct uart *uart);
