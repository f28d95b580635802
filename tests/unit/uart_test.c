// SPDX-License-Identifier: Apache-2.0
// The serial driver against a stand-in 16550: options, registers, FIFO, absent and dead chips.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "arch/io.h"
#include "platform/uart.h"

static struct chip {
    uint8_t ier, fcr, lcr, mcr, dll, dlm;
    bool has_fifo, dead;
    unsigned queued, largest_burst; // bytes written since the transmitter was seen empty
    char sent[256];
    unsigned sent_bytes;
    const char *input;
    uint8_t input_status; // error bits that go with the next byte
} chip;

static uint64_t status(void)
{
    uint64_t lsr = chip.input != NULL && *chip.input != '\0' ? 0x01 | chip.input_status : 0;

    if (chip.dead) {
        return lsr;
    }
    chip.queued = 0;
    return lsr | 0x60;
}

static uint64_t chip_read(void *context, uint64_t offset, unsigned width)
{
    bool dlab = (chip.lcr & 0x80) != 0;

    assert_int_equal(width, 8);
    switch (offset) {
    case 0:
        return dlab ? chip.dll : (uint64_t)*chip.input++;
    case 1:
        return dlab ? chip.dlm : chip.ier;
    case 2:
        return chip.has_fifo && (chip.fcr & 1) != 0 ? 0xc1 : 0x01;
    case 3:
        return chip.lcr;
    case 4:
        return chip.mcr;
    case 5:
        return status();
    default:
        return 0;
    }
}

static void transmit(uint8_t byte)
{
    chip.sent[chip.sent_bytes++] = (char)byte;
    chip.queued++;
    chip.largest_burst = chip.queued > chip.largest_burst ? chip.queued : chip.largest_burst;
}

static void chip_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    bool dlab = (chip.lcr & 0x80) != 0;

    assert_int_equal(width, 8);
    switch (offset) {
    case 0:
        if (dlab) {
            chip.dll = (uint8_t)value;
        } else {
            transmit((uint8_t)value);
        }
        break;
    case 1:
        *(dlab ? &chip.dlm : &chip.ier) = (uint8_t)(dlab ? value : value & 0x0f);
        break;
    case 2:
        chip.fcr = (uint8_t)value;
        break;
    case 3:
        chip.lcr = (uint8_t)value;
        break;
    case 4:
        chip.mcr = (uint8_t)value;
        break;
    default:
        break;
    }
}

static const struct host_device fake = {chip_read, chip_write, NULL};

static int plug_in(void **state)
{
    host_forget_devices();
    chip = (struct chip){.has_fifo = true, .dll = 12};
    host_claim_ports(0x3f8, 8, &fake);
    return 0;
}

static struct uart started(const struct uart_config *config)
{
    struct uart uart;

    assert_int_equal(uart_init(&uart, config), 0);
    return uart;
}

static void options_fill_every_field(void **state)
{
    struct uart_config config = uart_com1;

    assert_int_equal(uart_parse("57600/3686400,7e2,0x2e8,11", &config), 0);
    assert_int_equal(config.baud, 57600);
    assert_int_equal(config.clock_hz, 3686400);
    assert_int_equal(config.data_bits, 7);
    assert_int_equal(config.parity, 'e');
    assert_int_equal(config.stop_bits, 2);
    assert_int_equal(config.io_base, 0x2e8);
    assert_int_equal(config.irq, 11);
}

static void empty_option_fields_keep_their_defaults(void **state)
{
    struct uart_config config = uart_com2;

    assert_int_equal(uart_parse("", &config), 0);
    assert_memory_equal(&config, &uart_com2, sizeof(config));
    assert_int_equal(uart_parse("115200", &config), 0);
    assert_int_equal(config.baud, 115200);
    assert_int_equal(uart_parse("auto,,,0", &config), 0);
    assert_int_equal(config.baud, 0);
    assert_int_equal(config.irq, 0);
    assert_int_equal(config.io_base, 0x2f8);
}

static void bad_options_are_refused_whole(void **state)
{
    static const char *const bad[] = {
        "fast",
        "0",
        "115200x",
        "115200,9n1",
        "115200,8x1",
        "115200,8n3",
        "115200,8",
        "115200,8n1,0",
        "115200,8n1,0xfff9",
        "115200,8n1,0x3f8,16",
        "115200/0",
        "115200,8n1x",
        "115200,8n1,pci",
        "115200,8n1,0x",
        "9999999999",
        "au",
        "-1",
        "1,8n1,0x3f8,4,0:3",
        "auto1",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct uart_config config = uart_com1;
        assert_int_equal(uart_parse(bad[i], &config), -EINVAL);
        assert_memory_equal(&config, &uart_com1, sizeof(config));
    }
}

static void init_programs_speed_frame_and_fifo(void **state)
{
    struct uart_config config = uart_com1;

    config.baud = 38400;
    started(&config);
    assert_int_equal(chip.dll, 3);
    assert_int_equal(chip.dlm, 0);
    assert_int_equal(chip.lcr, 0x03);
    assert_int_equal(chip.fcr, 0x87);
    assert_int_equal(chip.mcr, 0x03);
    assert_int_equal(chip.ier, 0);
}

static void frame_bits_follow_the_data_sheet(void **state)
{
    static const struct {
        const char *option;
        uint8_t lcr;
    } frames[] = {{",5n1", 0x00}, {",6o1", 0x09}, {",7e2", 0x1e}, {",8m1", 0x2b}, {",8s2", 0x3f}};

    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        struct uart_config config = uart_com1;
        assert_int_equal(uart_parse(frames[i].option, &config), 0);
        started(&config);
        assert_int_equal(chip.lcr, frames[i].lcr);
    }
}

static void automatic_speed_leaves_the_divisor(void **state)
{
    started(&uart_com1);
    assert_int_equal(chip.dll, 12);
    chip.dll = 0;
    started(&uart_com1);
    assert_int_equal(chip.dll, 1);
}

static void impossible_speed_is_refused(void **state)
{
    struct uart_config config = uart_com1;
    struct uart uart;

    config.baud = 1000000;
    assert_int_equal(uart_init(&uart, &config), -EINVAL);
    config.baud = 1;
    assert_int_equal(uart_init(&uart, &config), -EINVAL);
}

static void absent_chip_is_found_out_and_harmless(void **state)
{
    struct uart uart;
    char byte;

    assert_int_equal(uart_init(&uart, &uart_com2), -ENODEV);
    uart_write(&uart, "x", 1);
    uart_flush(&uart);
    uart_enable_receive_interrupt(&uart);
    assert_int_equal(uart_receive(&uart, &byte, 1), 0);
    assert_int_equal(chip.sent_bytes, 0);
}

static uint64_t read_zero(void *context, uint64_t offset, unsigned width)
{
    return 0;
}

static void bus_that_reads_zero_is_no_chip(void **state)
{
    static const struct host_device zero = {read_zero, NULL, NULL};
    struct uart uart;

    host_claim_ports(0x2f8, 8, &zero);
    assert_int_equal(uart_init(&uart, &uart_com2), -ENODEV);
}

static void write_sends_in_bursts_of_a_fifo(void **state)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog";
    struct uart uart = started(&uart_com1);

    uart_write(&uart, text, strlen(text));
    assert_int_equal(chip.sent_bytes, strlen(text));
    assert_memory_equal(chip.sent, text, strlen(text));
    assert_int_equal(chip.largest_burst, 16);
}

static void old_chip_without_fifo_gets_single_bytes(void **state)
{
    chip.has_fifo = false;
    struct uart uart = started(&uart_com1);

    uart_write(&uart, "hello", 5);
    assert_int_equal(chip.largest_burst, 1);
    assert_int_equal(chip.fcr, 0);
}

static void dead_transmitter_drops_and_recovers(void **state)
{
    struct uart uart = started(&uart_com1);

    chip.dead = true;
    uart_write(&uart, "lost", 4);
    uart_flush(&uart);
    assert_true(uart.stuck);
    assert_int_equal(uart.dropped_bytes, 4);
    chip.dead = false;
    uart_write(&uart, "back", 4);
    assert_false(uart.stuck);
    assert_memory_equal(chip.sent, "back", 4);
}

static void receive_takes_what_there_is(void **state)
{
    struct uart uart = started(&uart_com1);
    char bytes[4];

    chip.input = "abcdef";
    assert_int_equal(uart_receive(&uart, bytes, 4), 4);
    assert_memory_equal(bytes, "abcd", 4);
    assert_int_equal(uart_receive(&uart, bytes, 4), 2);
    assert_memory_equal(bytes, "ef", 2);
    assert_int_equal(uart_receive(&uart, bytes, 4), 0);
    assert_int_equal(uart.receive_errors, 0);
}

static void damaged_bytes_are_counted_not_delivered(void **state)
{
    struct uart uart = started(&uart_com1);
    char bytes[4];

    chip.input = "ab";
    chip.input_status = 0x10; // break
    assert_int_equal(uart_receive(&uart, bytes, 4), 0);
    assert_int_equal(uart.receive_errors, 2);
    chip.input = "c";
    chip.input_status = 0x02; // overrun: an earlier byte was lost, this one is good
    assert_int_equal(uart_receive(&uart, bytes, 4), 1);
    assert_int_equal(uart.receive_errors, 3);
}

static void receive_interrupt_needs_out2_and_an_irq(void **state)
{
    struct uart_config polled = uart_com1;
    struct uart uart = started(&uart_com1);

    uart_enable_receive_interrupt(&uart);
    assert_int_equal(chip.ier, 0x01);
    assert_int_equal(chip.mcr, 0x0b);
    polled.irq = 0;
    uart = started(&polled);
    uart_enable_receive_interrupt(&uart);
    assert_int_equal(chip.ier, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_fill_every_field),
        cmocka_unit_test(empty_option_fields_keep_their_defaults),
        cmocka_unit_test(bad_options_are_refused_whole),
        cmocka_unit_test_setup(init_programs_speed_frame_and_fifo, plug_in),
        cmocka_unit_test_setup(frame_bits_follow_the_data_sheet, plug_in),
        cmocka_unit_test_setup(automatic_speed_leaves_the_divisor, plug_in),
        cmocka_unit_test_setup(impossible_speed_is_refused, plug_in),
        cmocka_unit_test_setup(absent_chip_is_found_out_and_harmless, plug_in),
        cmocka_unit_test_setup(bus_that_reads_zero_is_no_chip, plug_in),
        cmocka_unit_test_setup(write_sends_in_bursts_of_a_fifo, plug_in),
        cmocka_unit_test_setup(old_chip_without_fifo_gets_single_bytes, plug_in),
        cmocka_unit_test_setup(dead_transmitter_drops_and_recovers, plug_in),
        cmocka_unit_test_setup(receive_takes_what_there_is, plug_in),
        cmocka_unit_test_setup(damaged_bytes_are_counted_not_delivered, plug_in),
        cmocka_unit_test_setup(receive_interrupt_needs_out2_and_an_irq, plug_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
