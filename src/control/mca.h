// SPDX-License-Identifier: Apache-2.0
// mca's calls that make errors up (control/mca_inject.c); each file says the rest.
#pragma once

#include "abi/xen.h"

/* The privilege has been checked. -EINVAL for what is not there. */
long mca_msrinject(const struct xen_mc_msrinject *op);
long mca_mceinject(const struct xen_mc_mceinject *op);
long mca_inject_v2(const struct xen_mc_inject_v2 *op);
