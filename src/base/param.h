// SPDX-License-Identifier: Apache-2.0
// Command-line options: each room declares its own, next to the variable that it sets.
//
// An option is `name=value`, or `name` alone where a value has a default. Names and value syntax
// are the reference's: booleans are also switched off by `no-name`.
#pragma once

#include "lib/compiler.h"

struct param {
    const char *name;
    /* Sets `target` from `value` (NULL where there was no =). Returns 0 or -EINVAL. */
    int (*parse)(const struct param *param, const char *value);
    void *target;
    size_t capacity; /* bytes at `target`, of strings */
    bool is_bool;
};

#define PARAM_SECTION     __attribute__((used, section("params"), aligned(8)))
#define PARAM_JOIN_(a, b) a##b
#define PARAM_JOIN(a, b)  PARAM_JOIN_(a, b)
#define PARAM_DEFINE(option, ...)                          \
    static const struct param PARAM_JOIN(param_, __LINE__) \
        PARAM_SECTION = {.name = (option), __VA_ARGS__}

/* bool: yes on true enable 1, no off false disable 0; alone: true. */
#define PARAM_BOOL(option, variable)                                                       \
    PARAM_DEFINE(option, .parse = param_parse_bool, .target = PARAM_TYPED(bool, variable), \
                 .is_bool = true)
/* uint64_t: decimal, 0x hexadecimal or 0 octal. */
#define PARAM_INTEGER(option, variable) \
    PARAM_DEFINE(option, .parse = param_parse_integer, .target = PARAM_TYPED(uint64_t, variable))
/* uint64_t, in bytes: see param_parse_size(). */
#define PARAM_SIZE(option, variable) \
    PARAM_DEFINE(option, .parse = param_parse_size, .target = PARAM_TYPED(uint64_t, variable))
/* char array: cut off when too long, which is an error. Alone: the empty string. */
#define PARAM_STRING(option, array) \
    PARAM_DEFINE(option, .parse = param_parse_string, .target = (array), .capacity = sizeof(array))
/* Any syntax: `parser` has the signature of struct param's `parse`. */
#define PARAM_CUSTOM(option, parser) PARAM_DEFINE(option, .parse = (parser))

/* Address of a variable, which must have exactly this type. */
#define PARAM_TYPED(type, variable)                                                               \
    (__builtin_choose_expr(__builtin_types_compatible_p(type, __typeof__(variable)), &(variable), \
                           (void)0))

int param_parse_bool(const struct param *param, const char *value);
int param_parse_integer(const struct param *param, const char *value);
int param_parse_size(const struct param *param, const char *value);
int param_parse_string(const struct param *param, const char *value);

/*
 * A number at `*text`, which is moved past it. Returns -EINVAL where there is none, or where it
 * does not fit 64 bits.
 */
must_check int parse_integer(const char **text, uint64_t *value);

/* The same with a suffix B K M G T (either case), into bytes. Without a suffix it is in KiB. */
must_check int parse_size(const char **text, uint64_t *bytes);

/* 1, 0, or -EINVAL for what is no word for a truth value. */
must_check int parse_bool(const char *text);

/*
 * Hands one option to its owner. `name` is a whole word, `value` NULL where there was no =. Returns
 * 0, -ENOENT for an option that nobody knows, -EINVAL for a value that its owner refuses.
 */
must_check int param_set(const char *name, const char *value);
