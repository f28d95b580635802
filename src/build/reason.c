// SPDX-License-Identifier: Apache-2.0
// Wording a refusal.
#include "build/reason.h"

#include "lib/format.h"

int refuse(struct reason *reason, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)format_text_v(reason->text, sizeof(reason->text), format, arguments);
    va_end(arguments);
    return -error;
}
