// SPDX-License-Identifier: Apache-2.0
// The machine's end, when domain 0 has come to its own.
#pragma once

/* Start of day: what becomes of the machine when domain 0 shuts down or crashes. */
void end_init(void);
