// SPDX-License-Identifier: Apache-2.0
// physdev_op's parts, a file each; physdev_op.c tells them apart. Each takes the operation as it
// was copied in and leaves its answer there. Rights were checked.
#pragma once

#include "abi/xen.h"
#include "lib/compiler.h"

/* physdev_pirq.c: on the caller, or for the privileged on another domain */
long physdev_map_pirq(struct physdev_map_pirq *op);
long physdev_unmap_pirq(const struct physdev_unmap_pirq *op);
long physdev_get_free_pirq(struct physdev_get_free_pirq *op);

/* physdev_pci.c: what domain 0 found on the PCI buses */
long physdev_add_device(const struct physdev_pci_device_add *op);
bool physdev_is_known(const struct physdev_pci_device *device);
long physdev_remove_device(const struct physdev_pci_device *op);
long physdev_restore_messages(const struct physdev_pci_device *op);
long physdev_prepare_msix(const struct physdev_pci_device *op);
long physdev_release_msix(const struct physdev_pci_device *op);
