// SPDX-License-Identifier: Apache-2.0
// Memory and string functions under their C names. In the hypervisor image they are our own
// (string.c); a host process keeps its C library's, so that sanitizers see every copy, and string.c
// is tested there under the prefix `freestanding_`.
#pragma once

#include <stddef.h>

#ifdef PAVISE_HOST
#include <string.h>
#define STRING_NAME(name) freestanding_##name
#else
#define STRING_NAME(name) name
#endif

// The C standard's rules apply to each; none takes a lock, allocates or fails.
void *STRING_NAME(memcpy)(void *restrict to, const void *restrict from, size_t bytes);
void *STRING_NAME(memmove)(void *to, const void *from, size_t bytes);
void *STRING_NAME(memset)(void *to, int value, size_t bytes);
int STRING_NAME(memcmp)(const void *a, const void *b, size_t bytes);
void *STRING_NAME(memchr)(const void *from, int value, size_t bytes);
size_t STRING_NAME(strlen)(const char *s);
size_t STRING_NAME(strnlen)(const char *s, size_t max_bytes);
int STRING_NAME(strcmp)(const char *a, const char *b);
int STRING_NAME(strncmp)(const char *a, const char *b, size_t max_bytes);
char *STRING_NAME(strchr)(const char *s, int c);
char *STRING_NAME(strrchr)(const char *s, int c);
char *STRING_NAME(strstr)(const char *haystack, const char *needle);

// Copies `from` into the `capacity` bytes at `to`, cut short if need be and always terminated
// (unless capacity is 0). Returns strlen(from): a result >= capacity says that it was cut.
size_t string_copy(char *to, const char *from, size_t capacity);

// -ffreestanding forbids the compiler to know these names; through the builtins it may again turn a
// copy of a known small size into plain moves.
#ifndef PAVISE_HOST
#define memcpy(to, from, bytes)  __builtin_memcpy(to, from, bytes)
#define memmove(to, from, bytes) __builtin_memmove(to, from, bytes)
#define memset(to, value, bytes) __builtin_memset(to, value, bytes)
#define memcmp(a, b, bytes)      __builtin_memcmp(a, b, bytes)
#define strlen(s)                __builtin_strlen(s)
#endif
