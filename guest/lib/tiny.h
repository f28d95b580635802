// SPDX-License-Identifier: Apache-2.0
// The smallest domain that does something: one page of code, which answers each event on its first
// port with one of its own.
#pragma once

#include "builder.h"

// The port domain 0 has to open in it before it runs: a new domain's first.
#define TINY_PORT 1

// Nine frames: code, shared page, frame list, start_info, four tables, stack.
struct domain_plan plan_tiny(void);
