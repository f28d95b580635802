// SPDX-License-Identifier: Apache-2.0
// What domains other than domain 0 say on the console: kept until a line is whole.
#pragma once

#include "domain/domain.h"

/* Start of day: the part of a domain that gives its buffer back. */
void guest_lines_init(void);

/* Some of the domain's output. -ENOMEM. Takes RANK_CONSOLE, and RANK_HEAP the first time. */
must_check int guest_lines_write(struct domain *d, const char *text, size_t bytes);
