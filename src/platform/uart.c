// SPDX-License-Identifier: Apache-2.0
// A 16550 by its data sheet (National Semiconductor PC16550D): registers, speed, FIFOs, detection.
#include "platform/uart.h"

#include "abi/errno.h"
#include "arch/io.h"
#include "base/param.h"
#include "lib/string.h"

// Register offsets. DLL and DLM show where RBR and IER are while LCR_DLAB is set.
enum {
    RBR = 0, // receive buffer (read)
    THR = 0, // transmit holding (write)
    IER = 1, // interrupt enable
    IIR = 2, // interrupt identification (read)
    FCR = 2, // FIFO control (write)
    LCR = 3, // line control
    MCR = 4, // modem control
    LSR = 5, // line status
    DLL = 0,
    DLM = 1,
    REGISTERS = 8,
};

enum {
    IER_RECEIVED = 0x01,
    IER_ALL = 0x0f,
    IIR_FIFO_MASK = 0xc0, // both bits: a 16550A, whose FIFOs work
    FCR_ENABLE = 0x01,
    FCR_CLEAR = 0x06,
    FCR_TRIGGER_8 = 0x80, // interrupt at 8 bytes of 16, or after a pause of 4 characters
    LCR_DLAB = 0x80,
    MCR_DTR = 0x01,
    MCR_RTS = 0x02,
    MCR_OUT2 = 0x08, // on a PC, lets the interrupt through
    LSR_READY = 0x01,
    LSR_OVERRUN = 0x02,
    LSR_DAMAGED = 0x1c, // parity, framing, break: of the byte that comes next
    LSR_THR_EMPTY = 0x20,
    LSR_ALL_SENT = 0x40,
};

// A port read takes about a microsecond on a PC: 16 bytes at 1200 baud leave within this many.
enum { PATIENCE = 100000, FIFO_BYTES = 16 };

#define PC_CLOCK_HZ 1843200

const struct uart_config uart_com1 = {0, PC_CLOCK_HZ, 8, 'n', 1, 0x3f8, 4};
const struct uart_config uart_com2 = {0, PC_CLOCK_HZ, 8, 'n', 1, 0x2f8, 3};

static uint8_t read_register(const struct uart *uart, unsigned reg)
{
    return arch_in8((uint16_t)(uart->config.io_base + reg));
}

static void write_register(const struct uart *uart, unsigned reg, uint8_t value)
{
    arch_out8((uint16_t)(uart->config.io_base + reg), value);
}

// ---- options ------------------------------------------------------------------------------------

// A number at the text, which is moved past it; false if there is none or it exceeds `max`.
static bool parse_number(const char **text, uint32_t max, uint32_t *value)
{
    uint64_t number;

    if (parse_integer(text, &number) != 0 || number > max) {
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

static bool field_ends(const char *text)
{
    return *text == ',' || *text == '\0';
}

static bool parse_speed(const char **text, struct uart_config *config)
{
    static const char automatic[] = "auto";

    if (strncmp(*text, automatic, sizeof(automatic) - 1) == 0) {
        *text += sizeof(automatic) - 1;
        config->baud = 0;
        return true;
    }
    if (!parse_number(text, PC_CLOCK_HZ * 16, &config->baud) || config->baud == 0) {
        return false;
    }
    if (**text != '/') {
        return true;
    }
    ++*text;
    return parse_number(text, UINT32_MAX, &config->clock_hz) && config->clock_hz != 0;
}

static bool is_parity(char c)
{
    return c == 'n' || c == 'o' || c == 'e' || c == 'm' || c == 's';
}

static bool parse_frame(const char **text, struct uart_config *config)
{
    const char *at = *text;

    if (at[0] < '5' || at[0] > '8' || !is_parity(at[1]) || at[2] < '1' || at[2] > '2') {
        return false;
    }
    config->data_bits = (uint8_t)(at[0] - '0');
    config->parity = at[1];
    config->stop_bits = (uint8_t)(at[2] - '0');
    *text += 3;
    return true;
}

static bool parse_base(const char **text, struct uart_config *config)
{
    uint32_t base;

    if (!parse_number(text, 0x10000 - REGISTERS, &base) || base == 0) {
        return false;
    }
    config->io_base = (uint16_t)base;
    return true;
}

static bool parse_irq(const char **text, struct uart_config *config)
{
    uint32_t irq;

    if (!parse_number(text, 15, &irq)) {
        return false;
    }
    config->irq = (uint8_t)irq;
    return true;
}

int uart_parse(const char *option, struct uart_config *config)
{
    static bool (*const fields[])(const char **, struct uart_config *) = {
        parse_speed,
        parse_frame,
        parse_base,
        parse_irq,
    };
    struct uart_config parsed = *config;

    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
        if (!field_ends(option) && !fields[i](&option, &parsed)) {
            return -EINVAL;
        }
        if (!field_ends(option)) {
            return -EINVAL;
        }
        if (*option == '\0') {
            *config = parsed;
            return 0;
        }
        option++;
    }
    return -EINVAL;
}

// ---- set-up -------------------------------------------------------------------------------------

// The four enable bits of IER hold what is written and the rest reads zero; an empty bus does
// neither.
static bool detect(const struct uart *uart)
{
    if (read_register(uart, LSR) == 0xff) {
        return false;
    }
    write_register(uart, LCR, 0);
    write_register(uart, MCR, 0);
    write_register(uart, IER, 0);
    if (read_register(uart, IER) != 0) {
        return false;
    }
    write_register(uart, IER, IER_ALL);
    bool holds = read_register(uart, IER) == IER_ALL;
    write_register(uart, IER, 0);
    return holds;
}

static uint8_t line_control(const struct uart_config *config)
{
    uint8_t parity_bits = 0;

    switch (config->parity) {
    case 'o':
        parity_bits = 0x08;
        break;
    case 'e':
        parity_bits = 0x18;
        break;
    case 'm':
        parity_bits = 0x28;
        break;
    case 's':
        parity_bits = 0x38;
        break;
    default:
        break;
    }
    return (uint8_t)((config->data_bits - 5) | (config->stop_bits - 1) << 2 | parity_bits);
}

// The divisor nearest to the wanted speed, 0 if none comes near.
static uint32_t divisor_for(uint32_t clock_hz, uint32_t baud)
{
    uint64_t step = 16ULL * baud;
    uint64_t divisor = (clock_hz + step / 2) / step;

    return divisor <= 0xffff ? (uint32_t)divisor : 0;
}

static void set_divisor(const struct uart *uart, uint32_t divisor)
{
    write_register(uart, LCR, LCR_DLAB);
    write_register(uart, DLL, (uint8_t)divisor);
    write_register(uart, DLM, (uint8_t)(divisor >> 8));
    write_register(uart, LCR, 0);
}

static uint32_t get_divisor(const struct uart *uart)
{
    write_register(uart, LCR, LCR_DLAB);
    uint32_t divisor = read_register(uart, DLL) | (uint32_t)read_register(uart, DLM) << 8;
    write_register(uart, LCR, 0);
    return divisor;
}

// Firmware that never touched the chip may have left no speed at all: then the fastest.
static void set_speed(const struct uart *uart)
{
    const struct uart_config *config = &uart->config;

    if (config->baud != 0) {
        set_divisor(uart, divisor_for(config->clock_hz, config->baud));
    } else if (get_divisor(uart) == 0) {
        set_divisor(uart, 1);
    }
}

static void set_fifos(struct uart *uart)
{
    write_register(uart, FCR, FCR_ENABLE | FCR_CLEAR | FCR_TRIGGER_8);
    if ((read_register(uart, IIR) & IIR_FIFO_MASK) == IIR_FIFO_MASK) {
        uart->fifo_bytes = FIFO_BYTES;
    } else {
        write_register(uart, FCR, 0);
        uart->fifo_bytes = 1;
    }
}

int uart_init(struct uart *uart, const struct uart_config *config)
{
    *uart = (struct uart){.config = *config};
    if (config->baud != 0 && divisor_for(config->clock_hz, config->baud) == 0) {
        return -EINVAL;
    }
    if (!detect(uart)) {
        return -ENODEV;
    }
    set_speed(uart);
    write_register(uart, LCR, line_control(config));
    set_fifos(uart);
    write_register(uart, MCR, MCR_DTR | MCR_RTS);
    uart->present = true;
    return 0;
}

// ---- transfer -----------------------------------------------------------------------------------

static bool wait_for(const struct uart *uart, uint8_t status)
{
    for (unsigned patience = 0; patience < PATIENCE; patience++) {
        if ((read_register(uart, LSR) & status) == status) {
            return true;
        }
    }
    return false;
}

// The only status is "empty": each sight of it is worth a whole FIFO of bytes.
static bool transmitter_ready(struct uart *uart)
{
    bool ready;

    if (uart->transmit_room > 0) {
        return true;
    }
    ready = uart->stuck ? (read_register(uart, LSR) & LSR_THR_EMPTY) != 0
                        : wait_for(uart, LSR_THR_EMPTY);
    uart->stuck = !ready;
    uart->transmit_room = ready ? uart->fifo_bytes : 0;
    return ready;
}

void uart_write(struct uart *uart, const void *bytes, size_t count)
{
    const uint8_t *byte = bytes;

    if (!uart->present) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!transmitter_ready(uart)) {
            uart->dropped_bytes++;
            continue;
        }
        write_register(uart, THR, byte[i]);
        uart->transmit_room--;
    }
}

void uart_flush(struct uart *uart)
{
    if (!uart->present || uart->stuck) {
        return;
    }
    uart->stuck = !wait_for(uart, LSR_THR_EMPTY | LSR_ALL_SENT);
    uart->transmit_room = uart->stuck ? 0 : uart->fifo_bytes;
}

// One byte in, if there is a good one. Returns false when nothing has been received (or the chip is
// gone and every bit reads one).
static bool receive_byte(struct uart *uart, uint8_t *byte, bool *good)
{
    uint8_t status = read_register(uart, LSR);

    if (status == 0xff || (status & LSR_READY) == 0) {
        return false;
    }
    *byte = read_register(uart, RBR);
    *good = (status & LSR_DAMAGED) == 0;
    if ((status & (LSR_DAMAGED | LSR_OVERRUN)) != 0) {
        uart->receive_errors++;
    }
    return true;
}

size_t uart_receive(struct uart *uart, void *bytes, size_t capacity)
{
    uint8_t *to = bytes;
    size_t count = 0;
    bool good;

    // A line held in break would deliver damaged bytes for ever: the loop counts those too.
    for (unsigned taken = 0; uart->present && count < capacity && taken < PATIENCE; taken++) {
        if (!receive_byte(uart, &to[count], &good)) {
            break;
        }
        count += good;
    }
    return count;
}

void uart_enable_receive_interrupt(struct uart *uart)
{
    if (!uart->present || uart->config.irq == 0) {
        return;
    }
    write_register(uart, MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
    write_register(uart, IER, IER_RECEIVED);
}
