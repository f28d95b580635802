// SPDX-License-Identifier: Apache-2.0
// Joining the words of a refusal.
#include "build/reason.h"

#include "lib/string.h"

int reason_set(struct reason *reason, int error, const char *const *parts)
{
    size_t used = 0;

    reason->text[0] = '\0';
    for (; *parts != NULL && used < sizeof(reason->text); parts++) {
        used += string_copy(reason->text + used, *parts, sizeof(reason->text) - used);
    }
    return -error;
}

struct decimal decimal(uint64_t n)
{
    struct decimal number;
    char digits[sizeof(number.text)];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    for (size_t i = 0; i < count; i++) {
        number.text[i] = digits[count - 1 - i];
    }
    number.text[count] = '\0';
    return number;
}

struct decimal decimal_mib(uint64_t bytes)
{
    return decimal((bytes >> 20) + ((bytes & 0xfffff) != 0));
}
