// SPDX-License-Identifier: Apache-2.0
// The C library's memory and string functions for an image that has no C library: the compiler
// calls some of them unasked, and the decompressors expect them.
#include "lib/string.h"

#include <stdint.h>

#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen

// Eight bytes at any address, of whatever type lies there.
struct word {
    uint64_t value;
} __attribute__((packed, may_alias));

enum { WORD = sizeof(struct word) };

// A compiler recognises a copying loop and replaces it by a call to memcpy, which here is the loop
// itself. Hiding where the counter's value comes from keeps the loop a loop.
#define HIDE(counter) __asm__("" : "+r"(counter))

static void copy_forward(uint8_t *to, const uint8_t *from, size_t bytes)
{
    for (; bytes >= 4 * WORD; bytes -= 4 * WORD, to += 4 * WORD, from += 4 * WORD) {
        const struct word *f = (const struct word *)from;
        struct word *t = (struct word *)to;
        // All loads before the first store: an overlapping move to a lower address stays correct.
        uint64_t a = f[0].value, b = f[1].value, c = f[2].value, d = f[3].value;
        t[0].value = a;
        t[1].value = b;
        t[2].value = c;
        t[3].value = d;
        HIDE(bytes);
    }
    for (; bytes >= WORD; bytes -= WORD, to += WORD, from += WORD) {
        ((struct word *)to)->value = ((const struct word *)from)->value;
        HIDE(bytes);
    }
    for (; bytes != 0; bytes--, to++, from++) {
        *to = *from;
        HIDE(bytes);
    }
}

static void copy_backward(uint8_t *to, const uint8_t *from, size_t bytes)
{
    for (; bytes >= WORD; bytes -= WORD) {
        uint64_t word = ((const struct word *)(from + bytes - WORD))->value;
        ((struct word *)(to + bytes - WORD))->value = word;
        HIDE(bytes);
    }
    for (; bytes != 0; bytes--) {
        to[bytes - 1] = from[bytes - 1];
        HIDE(bytes);
    }
}

void *STRING_NAME(memcpy)(void *restrict to, const void *restrict from, size_t bytes)
{
    copy_forward(to, from, bytes);
    return to;
}

void *STRING_NAME(memmove)(void *to, const void *from, size_t bytes)
{
    // A destination below the source, or past its end, wraps to a distance of at least `bytes`.
    if ((uintptr_t)to - (uintptr_t)from >= bytes) {
        copy_forward(to, from, bytes);
    } else {
        copy_backward(to, from, bytes);
    }
    return to;
}

void *STRING_NAME(memset)(void *to, int value, size_t bytes)
{
    uint8_t *p = to;
    uint64_t word = (uint8_t)value * 0x0101010101010101ULL;

    for (; bytes >= 4 * WORD; bytes -= 4 * WORD, p += 4 * WORD) {
        struct word *w = (struct word *)p;
        w[0].value = w[1].value = w[2].value = w[3].value = word;
        HIDE(bytes);
    }
    for (; bytes != 0; bytes--, p++) {
        *p = (uint8_t)value;
        HIDE(bytes);
    }
    return to;
}

int STRING_NAME(memcmp)(const void *a, const void *b, size_t bytes)
{
    const uint8_t *x = a, *y = b;

    while (bytes >= WORD && ((const struct word *)x)->value == ((const struct word *)y)->value) {
        x += WORD;
        y += WORD;
        bytes -= WORD;
    }
    for (; bytes != 0; bytes--, x++, y++) {
        if (*x != *y) {
            return *x - *y;
        }
    }
    return 0;
}

void *STRING_NAME(memchr)(const void *from, int value, size_t bytes)
{
    for (const uint8_t *p = from; bytes != 0; bytes--, p++) {
        if (*p == (uint8_t)value) {
            return (void *)(uintptr_t)p;
        }
    }
    return NULL;
}

size_t STRING_NAME(strlen)(const char *s)
{
    size_t bytes = 0;

    while (s[bytes] != '\0') {
        bytes++;
        HIDE(bytes);
    }
    return bytes;
}

size_t STRING_NAME(strnlen)(const char *s, size_t max_bytes)
{
    size_t bytes = 0;

    while (bytes < max_bytes && s[bytes] != '\0') {
        bytes++;
        HIDE(bytes);
    }
    return bytes;
}

int STRING_NAME(strcmp)(const char *a, const char *b)
{
    return STRING_NAME(strncmp)(a, b, SIZE_MAX);
}

int STRING_NAME(strncmp)(const char *a, const char *b, size_t max_bytes)
{
    for (size_t i = 0; i < max_bytes; i++) {
        if (a[i] != b[i] || a[i] == '\0') {
            return (uint8_t)a[i] - (uint8_t)b[i];
        }
    }
    return 0;
}

char *STRING_NAME(strchr)(const char *s, int c)
{
    for (; *s != (char)c; s++) {
        if (*s == '\0') {
            return NULL;
        }
    }
    return (char *)(uintptr_t)s;
}

char *STRING_NAME(strrchr)(const char *s, int c)
{
    const char *last = NULL;

    for (const char *p = s; p != NULL; p = *p == '\0' ? NULL : p + 1) {
        last = *p == (char)c ? p : last;
    }
    return (char *)(uintptr_t)last;
}

char *STRING_NAME(strstr)(const char *haystack, const char *needle)
{
    size_t bytes = STRING_NAME(strlen)(needle);

    for (; STRING_NAME(strncmp)(haystack, needle, bytes) != 0; haystack++) {
        if (*haystack == '\0') {
            return NULL;
        }
    }
    return (char *)(uintptr_t)haystack;
}

size_t string_copy(char *to, const char *from, size_t capacity)
{
    size_t bytes = STRING_NAME(strlen)(from);

    if (capacity != 0) {
        size_t kept = bytes < capacity ? bytes : capacity - 1;
        copy_forward((uint8_t *)to, (const uint8_t *)from, kept);
        to[kept] = '\0';
    }
    return bytes;
}
