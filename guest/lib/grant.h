// SPDX-License-Identifier: Apache-2.0
// This domain's grant table, and the use of others' (public header grant_table.h). Statuses are
// GNTST_ values; a call that fails as a whole gives its negative errno value, which is far below.
#pragma once

#include "mm.h"

// Maps this domain's table of a version with so many frames: 0 or a negative errno value.
long grant_init(unsigned version, unsigned frames);

// Sets an entry whose type is permit_access or accept_transfer; `flags` has the type.
struct grant {
    uint64_t frame;
    grant_ref_t ref;
    domid_t domid;
    uint16_t flags;
    uint16_t offset, length; // with GTF_sub_page
};
void grant_set(const struct grant *grant);
// A v2 entry that hands on what `from` granted this domain.
void grant_set_transitive(grant_ref_t ref, domid_t domid, domid_t from, grant_ref_t from_ref);

// Flags of an entry, with those that version 2 keeps in the status words; and its frame.
uint16_t grant_flags(grant_ref_t ref);
uint64_t grant_frame(grant_ref_t ref);
// Forbids new uses; those that are there stay until they end by themselves.
void grant_revoke(grant_ref_t ref);

// Maps, with `flags` of GNTMAP_, at a virtual address or at the machine address of an entry.
int grant_map(domid_t domid, grant_ref_t ref, uint32_t flags, uint64_t host_addr,
              grant_handle_t *handle);
int grant_unmap(grant_handle_t handle, uint64_t host_addr);

// One operation of the structure's kind: what the call gives, or else its status.
#define GRANT_OP(command, operation)                             \
    ({                                                           \
        long call_ = grant_table_op((command), &(operation), 1); \
        call_ != 0 ? call_ : (long)(operation).status;           \
    })

// Addresses with tables below them, for mappings: nothing is there at first.
char *grant_window(unsigned page);

// The same for domu_call: each takes the structure named.
long grant_init_there(void *version); // unsigned
long grant_set_there(void *grant);    // struct grant
long grant_flags_there(void *ref);    // grant_ref_t
long grant_revoke_there(void *ref);   // grant_ref_t
long grant_map_there(void *map);      // struct grant_map_wish
long grant_unmap_there(void *map);    // struct grant_map_wish

// A mapping that another domain is asked for, at a page of its own window.
struct grant_map_wish {
    grant_ref_t ref;
    domid_t domid;
    uint32_t flags;
    unsigned page;
    grant_handle_t handle; // out, and in for unmap
};
