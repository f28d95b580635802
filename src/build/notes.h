// SPDX-License-Identifier: Apache-2.0
// What a kernel says about how it wants to be started: Xen's ELF notes (<xen/elfnote.h>), or the
// string in section __xen_guest that older kernels carry instead.
#pragma once

#include "abi/xen.h"
#include "build/features.h"
#include "build/reason.h"
#include "lib/compiler.h"
#include "lib/elf.h"

enum pae_mode { PAE_NO, PAE_YES, PAE_BIMODAL };

enum { L1_MFN_VALID_MAX = 4 };

struct kernel_notes {
    /* Addresses are the guest's virtual ones, but for paddr_offset and phys32_entry. */
    uint64_t entry;
    uint64_t virt_base;    /* where pseudo-physical frame 0 is mapped */
    uint64_t paddr_offset; /* of the ELF file's physical addresses from pseudo-physical ones */
    uint64_t hypercall_page;
    uint64_t init_p2m;
    uint64_t hv_start_low;
    uint64_t phys32_entry;
    bool has_hypercall_page;
    bool has_init_p2m;
    bool has_hv_start_low;
    bool has_phys32_entry;

    bool mod_start_pfn;  /* takes a ramdisk that is not mapped */
    bool suspend_cancel; /* a suspend can be called off */
    bool bsd_symtab;     /* wants its symbol table after the kernel */
    enum pae_mode pae;

    struct features features;
    bool has_supported_features; /* told by number, so of all bits it means what it says */

    /* A non-present L1 entry e holds an MFN if (e & mask) == value for any of these. */
    struct {
        uint64_t mask, value;
    } l1_mfn_valid[L1_MFN_VALID_MAX];
    uint32_t l1_mfn_valid_count;

    char guest_os[32];
    char guest_version[32];
    char xen_version[16];
    char loader[16];
};

/*
 * Reads the notes of a kernel and fills in the defaults of <xen/elfnote.h>. Errors, each with its
 * reason: -ENOEXEC where there are none, where one is not well formed, or where they are for
 * another loader or kind of guest.
 */
must_check int notes_parse(struct kernel_notes *notes, const struct elf *elf,
                           struct reason *reason);

/*
 * Whether a kernel can run where `offered` features (FEATURE(XENFEAT_*)) can be had, as domain 0 or
 * as another. -ENOEXEC and a reason that names the feature where not.
 */
must_check int notes_check_features(const struct kernel_notes *notes, uint32_t offered,
                                    bool as_domain0, struct reason *reason);

/* What the domain builder of Pavise offers to a PV kernel that requires features. */
#define PV_FEATURES_OFFERED                                                         \
    (FEATURE(XENFEAT_writable_page_tables) | FEATURE(XENFEAT_pae_pgdir_above_4gb) | \
     FEATURE(XENFEAT_mmu_pt_update_preserve_ad) | FEATURE(XENFEAT_highmem_assist) | \
     FEATURE(XENFEAT_gnttab_map_avail_bits) | FEATURE(XENFEAT_dom0) |               \
     FEATURE(XENFEAT_memory_op_vnode_supported))
