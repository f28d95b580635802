// SPDX-License-Identifier: Apache-2.0
// The little of the C library that the compiler and the tests call.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t bytes);
const char *strstr(const char *text, const char *part);

// Knows %d %u %x %p %s %c %%, l and z lengths, a width, and the flags 0 and -. Returns the length
// of what was written, cut to fit `size` with its terminator.
size_t format_v(char *to, size_t size, const char *format, va_list arguments);
size_t format(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
