// SPDX-License-Identifier: Apache-2.0
// Formatted text into a buffer: parse one conversion, lay out its digits or string, pad.

#include "lib/format.h"

#include <stdint.h>

#include "lib/string.h"

struct output {
    char *to;
    size_t capacity;
    size_t length; /* of the whole text, also where that is more than was stored */
};

enum operand_size { SIZE_CHAR, SIZE_SHORT, SIZE_INT, SIZE_LONG };

struct conversion {
    bool left, zero_pad, alternate;
    char positive_sign; /* what stands before a positive number; 0 for nothing */
    int width;
    int precision; /* -1 where none is given */
    enum operand_size size;
    char type;
};

/* A 64-bit number in decimal has 20 digits. */
#define MAX_DIGITS 24
/* Widths are the hypervisor's own; the bound keeps a wrong one from filling the log. */
#define MAX_WIDTH 1000

static void put(struct output *out, char c)
{
    if (out->length < out->capacity) {
        out->to[out->length] = c;
    }
    out->length++;
}

static void put_many(struct output *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        put(out, text[i]);
    }
}

static void pad(struct output *out, char c, int count)
{
    for (int i = 0; i < count; i++) {
        put(out, c);
    }
}

static int parse_number(const char **format)
{
    int value = 0;
    while (**format >= '0' && **format <= '9') {
        value = MIN(value * 10 + (**format - '0'), MAX_WIDTH);
        (*format)++;
    }
    return value;
}

static void parse_flags(const char **format, struct conversion *c)
{
    for (;; (*format)++) {
        switch (**format) {
        case '-':
            c->left = true;
            break;
        case '0':
            c->zero_pad = true;
            break;
        case '#':
            c->alternate = true;
            break;
        case '+':
            c->positive_sign = '+';
            break;
        case ' ':
            c->positive_sign = c->positive_sign != 0 ? c->positive_sign : ' ';
            break;
        default:
            return;
        }
    }
}

static enum operand_size parse_size(const char **format)
{
    switch (**format) {
    case 'h':
        (*format)++;
        if (**format != 'h') {
            return SIZE_SHORT;
        }
        (*format)++;
        return SIZE_CHAR;
    case 'l':
        (*format)++;
        if (**format == 'l') {
            (*format)++;
        }
        return SIZE_LONG;
    case 'z':
    case 'j':
    case 't':
        (*format)++;
        return SIZE_LONG;
    default:
        return SIZE_INT;
    }
}

static void lay_out(struct output *out, const struct conversion *c, const char *prefix,
                    const char *body, int length)
{
    int prefix_length = (int)strlen(prefix);
    int missing = c->width - prefix_length - length;

    if (!c->left && !c->zero_pad) {
        pad(out, ' ', missing);
    }
    put_many(out, prefix, (size_t)prefix_length);
    if (!c->left && c->zero_pad) {
        pad(out, '0', missing);
    }
    put_many(out, body, (size_t)length);
    if (c->left) {
        pad(out, ' ', missing);
    }
}

static void put_string(struct output *out, struct conversion *c, const char *text)
{
    if (text == NULL) {
        text = "(null)";
    }
    size_t length = c->precision >= 0 ? strnlen(text, (size_t)c->precision) : strlen(text);
    c->zero_pad = false;
    lay_out(out, c, "", text, (int)length);
}

static void put_unsigned(struct output *out, struct conversion *c, const char *prefix,
                         uint64_t value, unsigned int base)
{
    const char *alphabet = c->type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char digits[MAX_DIGITS];
    int first = MAX_DIGITS;
    int wanted = MIN(c->precision >= 0 ? c->precision : 1, MAX_DIGITS);

    while (value != 0 || MAX_DIGITS - first < wanted) {
        digits[--first] = alphabet[value % base];
        value /= base;
    }
    c->zero_pad = c->zero_pad && c->precision < 0;
    lay_out(out, c, prefix, digits + first, MAX_DIGITS - first);
}

static void put_signed(struct output *out, struct conversion *c, int64_t value)
{
    char sign[2] = {value < 0 ? '-' : c->positive_sign, 0};
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    put_unsigned(out, c, sign, magnitude, 10);
}

/* As printf() promises, 0 gets no prefix. */
static const char *hex_prefix(const struct conversion *c, uint64_t value)
{
    if (!c->alternate || value == 0) {
        return "";
    }
    return c->type == 'X' ? "0X" : "0x";
}

/* A va_list handed on by value is of no use to its owner afterwards; by pointer it is. */
struct arguments {
    va_list list;
};

static int64_t next_signed(struct arguments *arguments, enum operand_size size)
{
    switch (size) {
    case SIZE_CHAR:
        return (signed char)va_arg(arguments->list, int);
    case SIZE_SHORT:
        return (short)va_arg(arguments->list, int);
    case SIZE_INT:
        return va_arg(arguments->list, int);
    default:
        return va_arg(arguments->list, long);
    }
}

static uint64_t next_unsigned(struct arguments *arguments, enum operand_size size)
{
    switch (size) {
    case SIZE_CHAR:
        return (unsigned char)va_arg(arguments->list, unsigned int);
    case SIZE_SHORT:
        return (unsigned short)va_arg(arguments->list, unsigned int);
    case SIZE_INT:
        return va_arg(arguments->list, unsigned int);
    default:
        return va_arg(arguments->list, unsigned long);
    }
}

/* Everything between the % and the letter; leaves `format` on the letter. */
static struct conversion parse_conversion(const char **format, struct arguments *arguments)
{
    struct conversion c = {.precision = -1};

    parse_flags(format, &c);
    if (**format == '*') {
        (*format)++;
        c.width = MAX(va_arg(arguments->list, int), -MAX_WIDTH);
        if (c.width < 0) {
            c.left = true;
            c.width = -c.width;
        }
    } else {
        c.width = parse_number(format);
    }
    if (**format == '.') {
        (*format)++;
        if (**format == '*') {
            (*format)++;
            c.precision = va_arg(arguments->list, int);
        } else {
            c.precision = parse_number(format);
        }
    }
    c.size = parse_size(format);
    c.type = **format;
    return c;
}

/* Returns false for a letter that is no conversion. */
static bool put_conversion(struct output *out, struct conversion *c, struct arguments *arguments)
{
    uint64_t value;

    switch (c->type) {
    case 'd':
    case 'i':
        put_signed(out, c, next_signed(arguments, c->size));
        return true;
    case 'u':
        put_unsigned(out, c, "", next_unsigned(arguments, c->size), 10);
        return true;
    case 'x':
    case 'X':
        value = next_unsigned(arguments, c->size);
        put_unsigned(out, c, hex_prefix(c, value), value, 16);
        return true;
    case 'p':
        value = (uintptr_t)va_arg(arguments->list, void *);
        put_unsigned(out, c, "0x", value, 16);
        return true;
    case 's':
        put_string(out, c, va_arg(arguments->list, const char *));
        return true;
    case 'c':
        c->zero_pad = false;
        lay_out(out, c, "", (const char[]){(char)va_arg(arguments->list, int)}, 1);
        return true;
    case '%':
        put(out, '%');
        return true;
    default:
        return false;
    }
}

size_t format_text_v(char *to, size_t capacity, const char *format, va_list list)
{
    struct output out = {.to = to, .capacity = capacity};
    struct arguments arguments;

    va_copy(arguments.list, list);
    while (*format != 0) {
        const char *start = format;
        if (*format != '%') {
            put(&out, *format++);
            continue;
        }
        format++;
        struct conversion c = parse_conversion(&format, &arguments);
        if (put_conversion(&out, &c, &arguments)) {
            format++;
        } else {
            put_many(&out, start, (size_t)(format - start));
        }
    }
    va_end(arguments.list);
    if (capacity != 0) {
        to[MIN(out.length, capacity - 1)] = 0;
    }
    return out.length;
}

size_t format_text(char *to, size_t capacity, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    size_t length = format_text_v(to, capacity, format, arguments);
    va_end(arguments);
    return length;
}
