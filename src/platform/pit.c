// SPDX-License-Identifier: Apache-2.0
// The 8254 by its data sheet.
#include "platform/pit.h"

#include <stddef.h>

#include "arch/io.h"

enum { CHANNEL_0 = 0x40, CHANNEL_2 = 0x42, COMMAND = 0x43, PORT_B = 0x61 };

enum {
    SELECT_0 = 0 << 6,
    SELECT_2 = 2 << 6,
    BOTH_BYTES = 3 << 4, // low byte, then high
    MODE_ONE_SHOT = 0 << 1,
    MODE_PERIODIC = 2 << 1,
    LATCH_2_COUNT = 2 << 6,
    LATCH_2_COUNT_AND_STATUS = 0xc8,
    STATUS_OUTPUT = 0x80,    // reached the end
    STATUS_NOT_LOADED = 0x40 // the count has not taken effect yet
};

enum { PORT_B_GATE = 0x01, PORT_B_CHECKS = 0x0c }; // the checks raise NMIs: not our business

enum { FULL_COUNT = 0xffff };

// ---- channel 2 ----------------------------------------------------------------------------------

static void start_channel_2(uint8_t mode, uint16_t count)
{
    uint8_t port_b = (uint8_t)(arch_in8(PORT_B) & PORT_B_CHECKS);

    arch_out8(PORT_B, port_b); // the gate holds it until the count is in
    arch_out8(COMMAND, SELECT_2 | BOTH_BYTES | mode);
    arch_out8(CHANNEL_2, count & 0xff);
    arch_out8(CHANNEL_2, (uint8_t)(count >> 8));
    arch_out8(PORT_B, port_b | PORT_B_GATE);
}

static void restart_channel_2(void)
{
    start_channel_2(MODE_ONE_SHOT, FULL_COUNT);
}

// Ticks since the restart, up to the end: then the counter starts over.
static uint64_t read_channel_2(void)
{
    arch_out8(COMMAND, LATCH_2_COUNT_AND_STATUS);
    uint8_t status = arch_in8(CHANNEL_2);
    uint32_t left = arch_in8(CHANNEL_2);
    left |= (uint32_t)arch_in8(CHANNEL_2) << 8;

    if ((status & STATUS_NOT_LOADED) != 0) {
        return 0;
    }
    return (status & STATUS_OUTPUT) != 0 ? CLOCK_EXPIRED : FULL_COUNT - left;
}

static const struct clock_reference reference = {
    .name = "PIT",
    .read = read_channel_2,
    .restart = restart_channel_2,
    .hz = PIT_HZ,
    .wrap_mask = FULL_COUNT,
};

const struct clock_reference *pit_reference(void)
{
    restart_channel_2();
    for (unsigned patience = 0; patience < 10000; patience++) {
        uint64_t ticks = read_channel_2();
        if (ticks > 0 && ticks != CLOCK_EXPIRED) {
            return &reference;
        }
    }
    return NULL;
}

static void latch_channel_2(void)
{
    arch_out8(COMMAND, LATCH_2_COUNT);
}

// It counts down from 65536.
static uint64_t read_latched(void)
{
    uint32_t left = arch_in8(CHANNEL_2);

    left |= (uint32_t)arch_in8(CHANNEL_2) << 8;
    return (0x10000 - left) & 0xffff;
}

const struct clock_source *pit_clock(void)
{
    static const struct clock_source clock = {
        .name = "PIT",
        .read = read_latched,
        .latch = latch_channel_2,
        .hz = PIT_HZ,
        .wrap_mask = 0xffff,
    };

    start_channel_2(MODE_PERIODIC, 0); // 65536 is written as 0
    return &clock;
}

// ---- channel 0 ----------------------------------------------------------------------------------

// 65536 is written as 0.
static void start_channel_0(uint8_t mode, uint32_t ticks)
{
    arch_out8(COMMAND, SELECT_0 | BOTH_BYTES | mode);
    arch_out8(CHANNEL_0, (uint8_t)ticks);
    arch_out8(CHANNEL_0, (uint8_t)(ticks >> 8));
}

void pit_start_one_shot(uint32_t ticks)
{
    start_channel_0(MODE_ONE_SHOT, ticks);
}

void pit_start_periodic(uint32_t ticks)
{
    start_channel_0(MODE_PERIODIC, ticks);
}

// In this mode the output stays low, and nothing counts, until a count is written.
void pit_stop(void)
{
    arch_out8(COMMAND, SELECT_0 | BOTH_BYTES | MODE_ONE_SHOT);
}
