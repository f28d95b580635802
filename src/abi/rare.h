// SPDX-License-Identifier: Apache-2.0
// Calls about images to boot next and about hardware-virtualised domains: not part of what most
// rooms need, so apart from xen.h.
#pragma once

#include "abi/xen.h"

#include <xen/hvm/hvm_op.h>
#include <xen/kexec.h>
