// SPDX-License-Identifier: Apache-2.0
// \_S5, read without an interpreter: it is a package of constants on every machine.
#include "platform/s5.h"

#include "abi/errno.h"
#include "platform/acpi.h"
#include "platform/sleep.h"

#define AML_PACKAGE 0x12
#define AML_ZERO    0x00
#define AML_ONE     0x01
#define AML_BYTE    0x0a
#define AML_WORD    0x0b
#define AML_DWORD   0x0c

#define SLEEP_TYPE_SHIFT 10
#define SLEEP_ENABLE     (1U << 13)
#define S5               5

/* A position in the block that can't run past its end: there, every byte reads as 0xff. */
struct cursor {
    const uint8_t *bytes;
    uint32_t at, length;
};

static uint8_t next(struct cursor *c)
{
    return c->at < c->length ? c->bytes[c->at++] : 0xff;
}

/* A constant's low byte: sleep types have three bits. False for anything that is no constant. */
static bool constant(struct cursor *c, uint8_t *value)
{
    uint8_t op = next(c);
    unsigned int more;

    switch (op) {
    case AML_ZERO:
    case AML_ONE:
        *value = op;
        return true;
    case AML_BYTE:
        more = 0;
        break;
    case AML_WORD:
        more = 1;
        break;
    case AML_DWORD:
        more = 3;
        break;
    default:
        return false;
    }
    *value = next(c);
    c->at += more;
    return c->at <= c->length && *value < 8;
}

/* At the byte after the name: a package, its length (whose top two bits say how long), its count.
 */
static bool package(struct cursor *c, struct sleep_types *types)
{
    uint8_t lead;

    if (next(c) != AML_PACKAGE) {
        return false;
    }
    lead = next(c);
    c->at += lead >> 6;
    if (next(c) < 2) {
        return false;
    }
    return constant(c, &types->a) && constant(c, &types->b);
}

int s5_find(const uint8_t *aml, uint32_t length, struct sleep_types *types)
{
    static const uint8_t name[4] = {'_', 'S', '5', '_'};

    for (uint32_t at = 0; length >= sizeof(name) && at <= length - sizeof(name); at++) {
        struct cursor c = {aml, at + sizeof(name), length};
        if (aml[at] == name[0] && aml[at + 1] == name[1] && aml[at + 2] == name[2] &&
            aml[at + 3] == name[3] && package(&c, types)) {
            return 0;
        }
    }
    return -ENOENT;
}

int s5_read(struct sleep_types *types)
{
    struct acpi_table dsdt = acpi_dsdt();

    return dsdt.bytes ? s5_find(dsdt.bytes, dsdt.length, types) : -ENOENT;
}

int platform_power_off(const struct fadt *fadt, const struct sleep_types *types)
{
    return platform_enter_sleep(fadt, S5, (uint16_t)(types->a << SLEEP_TYPE_SHIFT | SLEEP_ENABLE),
                                (uint16_t)(types->b << SLEEP_TYPE_SHIFT | SLEEP_ENABLE), false);
}
