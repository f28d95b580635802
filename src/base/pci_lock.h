// SPDX-License-Identifier: Apache-2.0
// The two ports of PCI configuration (0xcf8 and 0xcfc): an access takes both, one after the other,
// so whoever makes one holds this lock. Pavise does (platform/pci.c), and domain 0, whose accesses
// are carried out for it (pv/ports.c).
#pragma once

#include "base/lock.h"

extern spinlock_t pci_port_lock; /* RANK_DEVICE */
