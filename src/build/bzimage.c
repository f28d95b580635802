// SPDX-License-Identifier: Apache-2.0
// The few fields of the boot protocol that lead to the payload.
#include "build/bzimage.h"

#include "abi/errno.h"
#include "lib/string.h"

// Offsets in the file, as the protocol's table of header fields gives them.
enum {
    SETUP_SECTS = 0x1f1,
    BOOT_FLAG = 0x1fe,
    HEADER = 0x202,
    VERSION = 0x206,
    PAYLOAD_OFFSET = 0x248,
    PAYLOAD_LENGTH = 0x24c,
    HEADER_END = 0x250,
};

enum {
    BOOT_FLAG_VALUE = 0xaa55,
    VERSION_WITH_PAYLOAD = 0x208,
    SECTOR_BYTES = 512,
    DEFAULT_SETUP_SECTS = 4, // what 0 stands for
};

static uint16_t read_16(const uint8_t *p)
{
    uint16_t value;

    memcpy(&value, p, sizeof(value));
    return value;
}

static uint32_t read_32(const uint8_t *p)
{
    uint32_t value;

    memcpy(&value, p, sizeof(value));
    return value;
}

bool bzimage_detect(const void *image, size_t size_bytes)
{
    const uint8_t *bytes = image;

    return size_bytes >= HEADER_END && read_16(bytes + BOOT_FLAG) == BOOT_FLAG_VALUE &&
           memcmp(bytes + HEADER, "HdrS", 4) == 0;
}

int bzimage_open(struct bzimage *bzimage, const void *image, size_t size_bytes,
                 struct reason *reason)
{
    const uint8_t *bytes = image;

    if (!bzimage_detect(image, size_bytes)) {
        return refuse(reason, ENOEXEC, "not a bzImage");
    }
    bzimage->version = read_16(bytes + VERSION);
    if (bzimage->version < VERSION_WITH_PAYLOAD) {
        return refuse(reason, ENOEXEC, "bzImage is too old: boot protocol %x.%02x, 2.08 is needed",
                      bzimage->version >> 8, bzimage->version & 0xffu);
    }
    uint64_t setup_sects = bytes[SETUP_SECTS] == 0 ? DEFAULT_SETUP_SECTS : bytes[SETUP_SECTS];
    // The payload's offset counts from the protected-mode code, after the boot sector and the
    // setup.
    uint64_t start = (setup_sects + 1) * SECTOR_BYTES + read_32(bytes + PAYLOAD_OFFSET);
    uint64_t length = read_32(bytes + PAYLOAD_LENGTH);
    if (length == 0 || start > size_bytes || length > size_bytes - start) {
        return refuse(reason, ENOEXEC, "bzImage is damaged: its payload lies outside the file");
    }
    bzimage->payload = bytes + start;
    bzimage->payload_bytes = length;
    return 0;
}
