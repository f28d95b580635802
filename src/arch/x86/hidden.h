// SPDX-License-Identifier: Apache-2.0
// Included before everything else: every symbol is inside the image, so no access needs a GOT.
// (The compiler's -fvisibility=hidden says so of definitions only; this says so of declarations.)
#pragma once

#ifndef __ASSEMBLY__
#pragma GCC visibility push(hidden)
#endif
