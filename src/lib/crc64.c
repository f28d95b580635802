// SPDX-License-Identifier: Apache-2.0
// CRC-64, a byte at a time.
#include "lib/crc64.h"

#define POLYNOMIAL 0xc96c5795d7870f42ULL

static uint64_t table[256];

static void make_table(void)
{
    for (unsigned int byte = 0; byte < ARRAY_SIZE(table); byte++) {
        uint64_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
        }
        table[byte] = crc;
    }
}

uint64_t crc64(const void *bytes, size_t size_bytes, uint64_t crc)
{
    const uint8_t *p = bytes;

    if (table[1] == 0) {
        make_table();
    }
    crc = ~crc;
    for (size_t i = 0; i < size_bytes; i++) {
        crc = table[(uint8_t)crc ^ p[i]] ^ (crc >> 8);
    }
    return ~crc;
}
