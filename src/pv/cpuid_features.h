// SPDX-License-Identifier: Apache-2.0
// Which of the machine's features PV guests may see. Only cpuid.c uses it.
#pragma once

#include "pv/cpuid.h"

/* Bits of XCR0, each a part of the extended state. */
#define XCR0_X87    (1ULL << 0)
#define XCR0_SSE    (1ULL << 1)
#define XCR0_AVX    (1ULL << 2)
#define XCR0_AVX512 (7ULL << 5)

/* Reduce the machine's feature words in place to what `config` allows, without loose ends. */
void cpuid_limit_features(uint32_t features[CPUID_FEATURE_WORDS],
                          const struct cpuid_config *config);
