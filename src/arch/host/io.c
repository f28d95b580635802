// SPDX-License-Identifier: Apache-2.0
// The registry of fake devices and fake MSRs behind the host's io.h and msr.h.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/errno.h"
#include "arch/io.h"
#include "arch/msr.h"

enum { MAX_CLAIMS = 64, MAX_STORED_MSRS = 64 };

struct claim {
    uint64_t first, count;
    struct host_device device;
};

struct claims {
    unsigned used;
    struct claim claim[MAX_CLAIMS];
};

static struct claims ports, mmio;

static struct {
    unsigned used;
    struct {
        uint32_t first, count;
        struct host_msrs msrs;
    } claim[MAX_CLAIMS];
    unsigned stored;
    struct {
        uint32_t msr;
        uint64_t value;
    } value[MAX_STORED_MSRS];
} processor;

static void too_many(const char *what)
{
    fprintf(stderr, "host: too many %s\n", what);
    abort();
}

static void add_claim(struct claims *claims, uint64_t first, uint64_t count,
                      const struct host_device *device)
{
    if (claims->used == MAX_CLAIMS) {
        too_many("fake devices");
    }
    claims->claim[claims->used++] = (struct claim){first, count, *device};
}

static const struct claim *find_claim(const struct claims *claims, uint64_t at)
{
    for (unsigned i = claims->used; i-- > 0;) {
        const struct claim *claim = &claims->claim[i];
        if (at >= claim->first && at - claim->first < claim->count) {
            return claim;
        }
    }
    return NULL;
}

static uint64_t width_mask(unsigned width)
{
    return width == 64 ? UINT64_MAX : (1ULL << width) - 1;
}

static uint64_t claim_read(const struct claim *claim, uint64_t at, unsigned width)
{
    const struct host_device *device = &claim->device;

    if (device->read == NULL) {
        return width_mask(width);
    }
    return device->read(device->context, at - claim->first, width) & width_mask(width);
}

static void claim_write(const struct claim *claim, uint64_t at, unsigned width, uint64_t value)
{
    const struct host_device *device = &claim->device;

    if (device->write != NULL) {
        device->write(device->context, at - claim->first, width, value & width_mask(width));
    }
}

void host_claim_ports(uint16_t first, uint32_t count, const struct host_device *device)
{
    add_claim(&ports, first, count, device);
}

void host_claim_mmio(const volatile void *base, size_t length, const struct host_device *device)
{
    add_claim(&mmio, (uintptr_t)base, length, device);
}

void host_forget_devices(void)
{
    memset(&ports, 0, sizeof(ports));
    memset(&mmio, 0, sizeof(mmio));
    memset(&processor, 0, sizeof(processor));
}

uint64_t host_port_read(uint16_t port, unsigned width)
{
    const struct claim *claim = find_claim(&ports, port);

    return claim != NULL ? claim_read(claim, port, width) : width_mask(width);
}

void host_port_write(uint16_t port, unsigned width, uint64_t value)
{
    const struct claim *claim = find_claim(&ports, port);

    if (claim != NULL) {
        claim_write(claim, port, width, value);
    }
}

uint64_t host_mmio_read(const volatile void *address, unsigned width)
{
    const struct claim *claim = find_claim(&mmio, (uintptr_t)address);

    if (claim != NULL) {
        return claim_read(claim, (uintptr_t)address, width);
    }
    switch (width) {
    case 8:
        return *(const volatile uint8_t *)address;
    case 16:
        return *(const volatile uint16_t *)address;
    case 32:
        return *(const volatile uint32_t *)address;
    default:
        return *(const volatile uint64_t *)address;
    }
}

void host_mmio_write(volatile void *address, unsigned width, uint64_t value)
{
    const struct claim *claim = find_claim(&mmio, (uintptr_t)address);

    if (claim != NULL) {
        claim_write(claim, (uintptr_t)address, width, value);
        return;
    }
    switch (width) {
    case 8:
        *(volatile uint8_t *)address = (uint8_t)value;
        break;
    case 16:
        *(volatile uint16_t *)address = (uint16_t)value;
        break;
    case 32:
        *(volatile uint32_t *)address = (uint32_t)value;
        break;
    default:
        *(volatile uint64_t *)address = value;
        break;
    }
}

static uint64_t *stored_msr(uint32_t msr)
{
    for (unsigned i = 0; i < processor.stored; i++) {
        if (processor.value[i].msr == msr) {
            return &processor.value[i].value;
        }
    }
    return NULL;
}

void host_msr_set(uint32_t msr, uint64_t value)
{
    uint64_t *stored = stored_msr(msr);

    if (stored == NULL) {
        if (processor.stored == MAX_STORED_MSRS) {
            too_many("MSRs");
        }
        processor.value[processor.stored].msr = msr;
        stored = &processor.value[processor.stored++].value;
    }
    *stored = value;
}

uint64_t host_msr_get(uint32_t msr)
{
    const uint64_t *stored = stored_msr(msr);

    if (stored == NULL) {
        host_msr_fault(msr);
    }
    return *stored;
}

void host_claim_msrs(uint32_t first, uint32_t count, const struct host_msrs *msrs)
{
    if (processor.used == MAX_CLAIMS) {
        too_many("fake MSR ranges");
    }
    processor.claim[processor.used].first = first;
    processor.claim[processor.used].count = count;
    processor.claim[processor.used++].msrs = *msrs;
}

static const struct host_msrs *find_msrs(uint32_t msr)
{
    for (unsigned i = processor.used; i-- > 0;) {
        if (msr >= processor.claim[i].first &&
            msr - processor.claim[i].first < processor.claim[i].count) {
            return &processor.claim[i].msrs;
        }
    }
    return NULL;
}

int host_msr_read(uint32_t msr, uint64_t *value)
{
    const struct host_msrs *msrs = find_msrs(msr);
    const uint64_t *stored = stored_msr(msr);

    *value = 0;
    if (msrs != NULL) {
        return msrs->read != NULL ? msrs->read(msrs->context, msr, value) : -EIO;
    }
    if (stored == NULL) {
        return -EIO;
    }
    *value = *stored;
    return 0;
}

int host_msr_write(uint32_t msr, uint64_t value)
{
    const struct host_msrs *msrs = find_msrs(msr);
    uint64_t *stored = stored_msr(msr);

    if (msrs != NULL) {
        return msrs->write != NULL ? msrs->write(msrs->context, msr, value) : -EIO;
    }
    if (stored == NULL) {
        return -EIO;
    }
    *stored = value;
    return 0;
}

void host_msr_fault(uint32_t msr)
{
    fprintf(stderr, "host: access to MSR %#x faults\n", msr);
    abort();
}
