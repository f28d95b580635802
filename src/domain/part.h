// SPDX-License-Identifier: Apache-2.0
// Calls every room's part of a domain's life (struct domain_part), in order.
#pragma once

#include "domain/domain.h"

/* All or none: on an error those that had succeeded are undone. */
must_check int parts_create(struct domain *d);
must_check int parts_create_vcpu(struct vcpu *v);
/* HYPERCALL_RESTART while a part has more to do. Parts that are done are not asked again. */
must_check long parts_relinquish(struct domain *d);
must_check long parts_bury(struct domain *d);
void parts_destroy_vcpu(struct vcpu *v);
void parts_destroy(struct domain *d);
/* What all of them charge at most. */
uint64_t parts_most_heap(const struct domain *d);
void parts_audit(struct domain *d, audit_tell_t tell, void *audit);
