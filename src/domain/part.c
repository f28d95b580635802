// SPDX-License-Identifier: Apache-2.0
// The rooms' parts of a domain: a list in order of registration, walked both ways.
#include "domain/part.h"

#include "base/panic.h"

#define MAX_PARTS 16

static struct domain_part *parts[MAX_PARTS];
static unsigned int part_count;

void domain_register_part(struct domain_part *part)
{
    BUG_ON(part_count == MAX_PARTS);
    parts[part_count++] = part;
}

static void destroy_before(struct domain *d, unsigned int end)
{
    while (end-- > 0) {
        if (parts[end]->destroy) {
            parts[end]->destroy(d);
        }
    }
}

int parts_create(struct domain *d)
{
    for (unsigned int i = 0; i < part_count; i++) {
        int error = parts[i]->create ? parts[i]->create(d) : 0;
        if (error != 0) {
            destroy_before(d, i);
            return error;
        }
    }
    return 0;
}

static void destroy_vcpu_before(struct vcpu *v, unsigned int end)
{
    while (end-- > 0) {
        if (parts[end]->destroy_vcpu) {
            parts[end]->destroy_vcpu(v);
        }
    }
}

int parts_create_vcpu(struct vcpu *v)
{
    for (unsigned int i = 0; i < part_count; i++) {
        int error = parts[i]->create_vcpu ? parts[i]->create_vcpu(v) : 0;
        if (error != 0) {
            destroy_vcpu_before(v, i);
            return error;
        }
    }
    return 0;
}

long parts_relinquish(struct domain *d)
{
    while (d->relinquished_parts < part_count) {
        const struct domain_part *part = parts[part_count - 1 - d->relinquished_parts];
        long result = part->relinquish ? part->relinquish(d) : 0;
        if (result != 0) {
            return result;
        }
        d->relinquished_parts++;
        d->relinquish_next = 0;
    }
    return 0;
}

long parts_bury(struct domain *d)
{
    for (unsigned int i = part_count; i-- > 0;) {
        long result = parts[i]->bury ? parts[i]->bury(d) : 0;
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

void parts_destroy_vcpu(struct vcpu *v)
{
    destroy_vcpu_before(v, part_count);
}

void parts_destroy(struct domain *d)
{
    destroy_before(d, part_count);
}

uint64_t parts_most_heap(const struct domain *d)
{
    uint64_t bytes = 0;

    for (unsigned int i = 0; i < part_count; i++) {
        bytes += parts[i]->most_heap ? parts[i]->most_heap(d) : 0;
    }
    return bytes;
}

void parts_audit(struct domain *d, audit_tell_t tell, void *audit)
{
    for (unsigned int i = 0; i < part_count; i++) {
        if (parts[i]->audit) {
            parts[i]->audit(d, tell, audit);
        }
    }
}
