// SPDX-License-Identifier: Apache-2.0
// Memory and string functions, and the formatter behind every printed line.

#include "libc.h"

void *memcpy(void *to, const void *from, size_t bytes)
{
    void *start = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
    return start;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    char *t = to;
    const char *f = from;

    if (t <= f || t >= f + bytes) {
        return memcpy(to, from, bytes);
    }
    while (bytes-- > 0) {
        t[bytes] = f[bytes];
    }
    return to;
}

void *memset(void *to, int byte, size_t bytes)
{
    void *start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(byte) : "memory");
    return start;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const unsigned char *x = a, *y = b;

    for (size_t i = 0; i < bytes; i++) {
        if (x[i] != y[i]) {
            return x[i] - y[i];
        }
    }
    return 0;
}

size_t strlen(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0') {
        length++;
    }
    return length;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (a[i] != b[i] || a[i] == '\0') {
            return (unsigned char)a[i] - (unsigned char)b[i];
        }
    }
    return 0;
}

const char *strstr(const char *text, const char *part)
{
    size_t length = strlen(part);

    for (; *text != '\0'; text++) {
        if (strncmp(text, part, length) == 0) {
            return text;
        }
    }
    return length == 0 ? text : NULL;
}

struct sink {
    char *to;
    size_t size;
    size_t length;
};

struct spec {
    unsigned width;
    bool zero, left, wide;
};

static void put(struct sink *sink, char c)
{
    if (sink->length + 1 < sink->size) {
        sink->to[sink->length++] = c;
    }
}

static void put_padded(struct sink *sink, const struct spec *spec, const char *text, size_t length)
{
    size_t padding = spec->width > length ? spec->width - length : 0;

    for (size_t i = 0; !spec->left && i < padding; i++) {
        put(sink, spec->zero ? '0' : ' ');
    }
    for (size_t i = 0; i < length; i++) {
        put(sink, text[i]);
    }
    for (size_t i = 0; spec->left && i < padding; i++) {
        put(sink, ' ');
    }
}

static void put_number(struct sink *sink, const struct spec *spec, uint64_t value, unsigned base,
                       bool negative)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (negative) {
        digits[--at] = '-';
    }
    put_padded(sink, spec, digits + at, sizeof(digits) - at);
}

static const char *parse_spec(const char *format, struct spec *spec)
{
    *spec = (struct spec){0};
    for (;; format++) {
        if (*format == '0' && spec->width == 0) {
            spec->zero = true;
        } else if (*format == '-') {
            spec->left = true;
        } else if (*format == 'l' || *format == 'z') {
            spec->wide = true;
        } else if (*format >= '0' && *format <= '9') {
            spec->width = spec->width * 10 + (unsigned)(*format - '0');
        } else {
            return format;
        }
    }
}

static void put_argument(struct sink *sink, char conversion, const struct spec *spec,
                         va_list *arguments)
{
    const char *text;
    int64_t number;
    char c;

    switch (conversion) {
    case 'd':
        number = spec->wide ? va_arg(*arguments, long) : va_arg(*arguments, int);
        put_number(sink, spec, number < 0 ? -(uint64_t)number : (uint64_t)number, 10, number < 0);
        break;
    case 'u':
    case 'x':
        put_number(sink, spec,
                   spec->wide ? va_arg(*arguments, unsigned long) : va_arg(*arguments, unsigned),
                   conversion == 'x' ? 16 : 10, false);
        break;
    case 'p':
        put_number(sink, spec, (uintptr_t)va_arg(*arguments, void *), 16, false);
        break;
    case 's':
        text = va_arg(*arguments, const char *);
        put_padded(sink, spec, text, strlen(text));
        break;
    case 'c':
        c = (char)va_arg(*arguments, int);
        put_padded(sink, spec, &c, 1);
        break;
    default:
        put(sink, conversion);
        break;
    }
}

size_t format_v(char *to, size_t size, const char *format, va_list arguments)
{
    struct sink sink = {to, size, 0};
    struct spec spec;
    va_list list;

    va_copy(list, arguments);
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put(&sink, *format);
            continue;
        }
        format = parse_spec(format + 1, &spec);
        put_argument(&sink, *format, &spec, &list);
    }
    va_end(list);
    to[sink.length] = '\0';
    return sink.length;
}

size_t format(char *to, size_t size, const char *format, ...)
{
    va_list arguments;
    size_t length;

    va_start(arguments, format);
    length = format_v(to, size, format, arguments);
    va_end(arguments);
    return length;
}
