// SPDX-License-Identifier: Apache-2.0
// Pavise's own command line: words, each an option that some room declared (base/param.h).
#pragma once

#include "lib/compiler.h"

/* Applies each word in order; of an option given twice the last one counts. What nobody knows or
 * takes is logged as a warning, and ignored. */
void cmdline_apply(const char *line);
