// SPDX-License-Identifier: Apache-2.0
// The lock of two ports.
#include "base/pci_lock.h"

spinlock_t pci_port_lock = SPINLOCK(RANK_DEVICE);
