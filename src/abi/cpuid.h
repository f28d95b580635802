// SPDX-License-Identifier: Apache-2.0
// The interface's CPUID leaves, and the numbers by which it names processor features.
#pragma once

#include <xen/arch-x86/cpufeatureset.h>
#include <xen/arch-x86/cpuid.h>
