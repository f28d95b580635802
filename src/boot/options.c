// SPDX-License-Identifier: Apache-2.0
// Options that start of day itself acts on. Names and syntax are the reference's.

#include "boot/options.h"

#include "abi/errno.h"
#include "base/log.h"
#include "base/param.h"
#include "lib/string.h"

/* What is left to Pavise where the user does not say how much domain 0 gets. */
#define KEPT_DIVISOR   16
#define KEPT_MAX_BYTES (128UL << 20)

struct options options = {
    .dom0_vcpus = {0, UINT32_MAX},
    .console = "com1,vga",
    .low_mem_virq_limit = 64UL << 20,
};

PARAM_STRING("console", options.console);
PARAM_STRING("com1", options.com1);
PARAM_STRING("com2", options.com2);
PARAM_BOOL("sync_console", options.sync_console);
PARAM_BOOL("dom0_vcpus_pin", options.dom0_vcpus_pin);
PARAM_BOOL("trace", options.trace);
PARAM_SIZE("low_mem_virq_limit", options.low_mem_virq_limit);

static int set_loglvl(const struct param *param, const char *value)
{
    return value != NULL ? log_parse_levels(LOG_HYPERVISOR, value) : -EINVAL;
}
PARAM_CUSTOM("loglvl", set_loglvl);

static int set_guest_loglvl(const struct param *param, const char *value)
{
    return value != NULL ? log_parse_levels(LOG_GUEST, value) : -EINVAL;
}
PARAM_CUSTOM("guest_loglvl", set_guest_loglvl);

static int set_dom0_mem(const struct param *param, const char *value)
{
    return value != NULL ? parse_dom0_memory(value, &options.dom0_memory) : -EINVAL;
}
PARAM_CUSTOM("dom0_mem", set_dom0_mem);

static int set_dom0_max_vcpus(const struct param *param, const char *value)
{
    return value != NULL ? parse_dom0_vcpus(value, &options.dom0_vcpus) : -EINVAL;
}
PARAM_CUSTOM("dom0_max_vcpus", set_dom0_max_vcpus);

bool console_chosen(const char *device)
{
    const char *at = options.console;

    while (at != NULL && *at != 0) {
        size_t length = strlen(device);
        if (strncmp(at, device, length) == 0 && (at[length] == ',' || at[length] == 0)) {
            return true;
        }
        at = strchr(at, ',');
        at = at != NULL ? at + 1 : NULL;
    }
    return false;
}

/* ---- dom0_mem -------------------------------------------------------------------------------- */

static bool skip_prefix(const char **text, const char *prefix)
{
    size_t length = strlen(prefix);

    if (strncmp(*text, prefix, length) != 0) {
        return false;
    }
    *text += length;
    return true;
}

static int parse_amount(const char **text, struct memory_amount *amount)
{
    amount->less_than_all = skip_prefix(text, "-");
    amount->given = true;
    return parse_size(text, &amount->bytes);
}

int parse_dom0_memory(const char *text, struct dom0_memory *memory)
{
    struct dom0_memory parsed = *memory;

    do {
        struct memory_amount *amount = &parsed.initial;
        if (skip_prefix(&text, "min:")) {
            amount = &parsed.min;
        } else if (skip_prefix(&text, "max:")) {
            amount = &parsed.max;
        }
        if (parse_amount(&text, amount) != 0) {
            return -EINVAL;
        }
    } while (skip_prefix(&text, ","));
    if (*text != 0) {
        return -EINVAL;
    }
    *memory = parsed;
    return 0;
}

static uint64_t amount_bytes(const struct memory_amount *amount, uint64_t available)
{
    if (!amount->less_than_all) {
        return amount->bytes;
    }
    return available - MIN(available, amount->bytes);
}

uint64_t dom0_memory_bytes(const struct dom0_memory *memory, uint64_t available, uint64_t *max)
{
    uint64_t bytes = available - MIN(available / KEPT_DIVISOR, KEPT_MAX_BYTES);

    *max = memory->max.given ? amount_bytes(&memory->max, available) : UINT64_MAX;
    if (memory->initial.given) {
        bytes = amount_bytes(&memory->initial, available);
    }
    if (memory->min.given) {
        bytes = MAX(bytes, amount_bytes(&memory->min, available));
    }
    return MIN(MIN(bytes, *max), available);
}

/* ---- dom0_max_vcpus -------------------------------------------------------------------------- */

static int parse_count(const char **text, uint32_t *count)
{
    uint64_t number;

    if (parse_integer(text, &number) != 0 || number > UINT32_MAX) {
        return -EINVAL;
    }
    *count = (uint32_t)number;
    return 0;
}

int parse_dom0_vcpus(const char *text, struct dom0_vcpus *vcpus)
{
    struct dom0_vcpus parsed = {0, UINT32_MAX};

    if (*text != '-' && parse_count(&text, &parsed.min) != 0) {
        return -EINVAL;
    }
    if (!skip_prefix(&text, "-")) {
        parsed.max = parsed.min;
    } else if (*text != 0 && parse_count(&text, &parsed.max) != 0) {
        return -EINVAL;
    }
    if (*text != 0 || parsed.min > parsed.max || parsed.max == 0) {
        return -EINVAL;
    }
    *vcpus = parsed;
    return 0;
}

uint32_t dom0_vcpu_count(const struct dom0_vcpus *vcpus, uint32_t physical_cpus)
{
    return MAX(1U, MIN(MAX(physical_cpus, vcpus->min), vcpus->max));
}
