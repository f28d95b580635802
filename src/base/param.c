// SPDX-License-Identifier: Apache-2.0
// Command-line options: the syntax of values, and finding an option's owner.

#include "base/param.h"

#include "abi/errno.h"
#include "lib/string.h"

/* The linker gathers the declarations of all rooms; weak, as a test may link a room without any. */
extern const struct param __start_params[] __attribute__((weak));
extern const struct param __stop_params[] __attribute__((weak));

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* 0x and 0 at the start choose the base, as in C. */
static unsigned int parse_base(const char **text)
{
    if ((*text)[0] != '0') {
        return 10;
    }
    if (((*text)[1] | 0x20) == 'x' && digit_value((*text)[2]) < 16) {
        *text += 2;
        return 16;
    }
    return 8;
}

int parse_integer(const char **text, uint64_t *value)
{
    const char *at = *text;
    unsigned int base = parse_base(&at);
    const char *digits = at;
    uint64_t sum = 0;

    for (; (unsigned int)digit_value(*at) < base; at++) {
        if (__builtin_mul_overflow(sum, base, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)digit_value(*at), &sum)) {
            return -EINVAL;
        }
    }
    if (at == digits) {
        return -EINVAL;
    }
    *text = at;
    *value = sum;
    return 0;
}

/* Bits to shift by for the suffix at `*text`, which is moved past it. */
static unsigned int parse_suffix(const char **text)
{
    switch (**text | 0x20) {
    case 'b':
        (*text)++;
        return 0;
    case 'k':
        (*text)++;
        return 10;
    case 'm':
        (*text)++;
        return 20;
    case 'g':
        (*text)++;
        return 30;
    case 't':
        (*text)++;
        return 40;
    default:
        return 10;
    }
}

int parse_size(const char **text, uint64_t *bytes)
{
    const char *at = *text;
    uint64_t number;

    if (parse_integer(&at, &number) != 0) {
        return -EINVAL;
    }
    unsigned int shift = parse_suffix(&at);
    if (number > UINT64_MAX >> shift) {
        return -EINVAL;
    }
    *text = at;
    *bytes = number << shift;
    return 0;
}

int parse_bool(const char *text)
{
    static const char *const words[2][5] = {
        {"no", "off", "false", "disable", "0"},
        {"yes", "on", "true", "enable", "1"},
    };

    for (int truth = 0; truth < 2; truth++) {
        for (size_t i = 0; i < ARRAY_SIZE(words[truth]); i++) {
            if (strcmp(text, words[truth][i]) == 0) {
                return truth;
            }
        }
    }
    return -EINVAL;
}

int param_parse_bool(const struct param *param, const char *value)
{
    int truth = value == NULL ? 1 : parse_bool(value);

    if (truth < 0) {
        return truth;
    }
    *(bool *)param->target = truth != 0;
    return 0;
}

static int parse_whole(const struct param *param, const char *value,
                       int (*parse)(const char **text, uint64_t *number))
{
    uint64_t number;

    if (value == NULL || parse(&value, &number) != 0 || *value != 0) {
        return -EINVAL;
    }
    *(uint64_t *)param->target = number;
    return 0;
}

int param_parse_integer(const struct param *param, const char *value)
{
    return parse_whole(param, value, parse_integer);
}

int param_parse_size(const struct param *param, const char *value)
{
    return parse_whole(param, value, parse_size);
}

int param_parse_string(const struct param *param, const char *value)
{
    size_t length = string_copy(param->target, value != NULL ? value : "", param->capacity);
    return length < param->capacity ? 0 : -EINVAL;
}

static const struct param *param_find(const char *name)
{
    for (const struct param *param = __start_params; param < __stop_params; param++) {
        if (strcmp(param->name, name) == 0) {
            return param;
        }
    }
    return NULL;
}

int param_set(const char *name, const char *value)
{
    const struct param *param = param_find(name);

    if (param == NULL && value == NULL && strncmp(name, "no-", 3) == 0) {
        param = param_find(name + 3);
        value = "no";
        if (param != NULL && !param->is_bool) {
            return -EINVAL;
        }
    }
    return param != NULL ? param->parse(param, value) : -ENOENT;
}
