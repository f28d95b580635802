// SPDX-License-Identifier: Apache-2.0
// Reading the date from a clock that may tick meanwhile, in either of its codes.
#include "platform/cmos.h"

#include "abi/errno.h"
#include "arch/io.h"
#include "base/lock.h"
#include "lib/string.h"

enum { INDEX_PORT = 0x70, DATA_PORT = 0x71, LAST_INDEX = 0x7f };

enum {
    SECONDS = 0x00,
    MINUTES = 0x02,
    HOURS = 0x04,
    DAY = 0x07,
    MONTH = 0x08,
    YEAR = 0x09,
    STATUS_A = 0x0a,
    STATUS_B = 0x0b,
    STATUS_A_UPDATING = 0x80,
    STATUS_B_24_HOURS = 0x02,
    STATUS_B_BINARY = 0x04,
    HOUR_IS_PM = 0x80,
};

// An update takes 2 ms at most, and is announced 244 us ahead; a port read takes about a
// microsecond, but far less on an emulated machine.
enum { PATIENCE = 200000, READINGS = 5 };

struct date {
    uint32_t second, minute, hour, day, month, year;
};

static spinlock_t cmos_lock = SPINLOCK(RANK_DEVICE);

static uint8_t read_locked(uint8_t index)
{
    arch_out8(INDEX_PORT, index & LAST_INDEX);
    return arch_in8(DATA_PORT);
}

uint8_t cmos_read(uint8_t index)
{
    spin_lock(&cmos_lock);
    uint8_t value = read_locked(index);
    spin_unlock(&cmos_lock);
    return value;
}

void cmos_write(uint8_t index, uint8_t value)
{
    spin_lock(&cmos_lock);
    arch_out8(INDEX_PORT, index & LAST_INDEX);
    arch_out8(DATA_PORT, value);
    spin_unlock(&cmos_lock);
}

// ---- clock --------------------------------------------------------------------------------------

struct registers {
    uint8_t second, minute, hour, day, month, year, century, status_b;
};

static bool wait_until_settled(void)
{
    for (unsigned patience = 0; patience < PATIENCE; patience++) {
        uint8_t status = read_locked(STATUS_A);
        if ((status & STATUS_A_UPDATING) == 0) {
            return true;
        }
        if (status == 0xff) { // its divider held in reset at the slowest rate: no clock at all
            return false;
        }
    }
    return false;
}

static struct registers read_registers(uint8_t century_index)
{
    return (struct registers){
        .second = read_locked(SECONDS),
        .minute = read_locked(MINUTES),
        .hour = read_locked(HOURS),
        .day = read_locked(DAY),
        .month = read_locked(MONTH),
        .year = read_locked(YEAR),
        .century = century_index != 0 ? read_locked(century_index) : 0,
        .status_b = read_locked(STATUS_B),
    };
}

// Two readings alike: no tick fell into one, even if the announcement was missed.
static bool read_stable(uint8_t century_index, struct registers *registers)
{
    for (unsigned reading = 0; reading < READINGS; reading++) {
        if (!wait_until_settled()) {
            return false;
        }
        struct registers first = read_registers(century_index);
        *registers = read_registers(century_index);
        if (memcmp(&first, registers, sizeof(first)) == 0) {
            return true;
        }
    }
    return false;
}

static uint32_t decode(const struct registers *registers, uint8_t value)
{
    bool binary = (registers->status_b & STATUS_B_BINARY) != 0;

    return binary ? value : (value >> 4) * 10U + (value & 0x0f);
}

static uint32_t decode_hour(const struct registers *registers)
{
    if ((registers->status_b & STATUS_B_24_HOURS) != 0) {
        return decode(registers, registers->hour);
    }
    uint32_t hour = decode(registers, registers->hour & (uint8_t)~HOUR_IS_PM) % 12;
    return hour + ((registers->hour & HOUR_IS_PM) != 0 ? 12 : 0);
}

static uint32_t decode_year(const struct registers *registers)
{
    uint32_t year = decode(registers, registers->year);
    uint32_t century = decode(registers, registers->century);

    // Firmware that forgot to keep the century leaves anything in its place.
    if (century < 19 || century > 21) {
        century = year < 70 ? 20 : 19;
    }
    return century * 100 + year;
}

static bool is_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t days_in_month(uint32_t month, uint32_t year)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

static bool is_date(const struct date *date)
{
    return date->second < 60 && date->minute < 60 && date->hour < 24 && date->month >= 1 &&
           date->month <= 12 && date->year >= 1970 && date->day >= 1 &&
           date->day <= days_in_month(date->month, date->year);
}

static uint64_t seconds_since_1970(const struct date *date)
{
    uint64_t days = date->day - 1;

    for (uint32_t year = 1970; year < date->year; year++) {
        days += is_leap(year) ? 366 : 365;
    }
    for (uint32_t month = 1; month < date->month; month++) {
        days += days_in_month(month, date->year);
    }
    return ((days * 24 + date->hour) * 60 + date->minute) * 60 + date->second;
}

int cmos_read_clock(uint8_t century_index, uint64_t *seconds)
{
    struct registers registers;

    spin_lock(&cmos_lock);
    bool present = read_stable(century_index, &registers);
    spin_unlock(&cmos_lock);
    if (!present) {
        return -ENODEV;
    }
    struct date date = {
        .second = decode(&registers, registers.second),
        .minute = decode(&registers, registers.minute),
        .hour = decode_hour(&registers),
        .day = decode(&registers, registers.day),
        .month = decode(&registers, registers.month),
        .year = decode_year(&registers),
    };
    if (!is_date(&date)) {
        return -EINVAL;
    }
    *seconds = seconds_since_1970(&date);
    return 0;
}
