// SPDX-License-Identifier: Apache-2.0
// Feature lists as kernels write them.
#include "build/features.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "lib/string.h"

#define NAMED(feature) [XENFEAT_##feature] = #feature

static const char *const names[] = {
    NAMED(writable_page_tables),
    NAMED(writable_descriptor_tables),
    NAMED(auto_translated_physmap),
    NAMED(supervisor_mode_kernel),
    NAMED(pae_pgdir_above_4gb),
    NAMED(mmu_pt_update_preserve_ad),
    NAMED(highmem_assist),
    NAMED(gnttab_map_avail_bits),
    NAMED(hvm_callback_vector),
    NAMED(hvm_safe_pvclock),
    NAMED(hvm_pirqs),
    NAMED(dom0),
    NAMED(memory_op_vnode_supported),
    NAMED(ARM_SMCCC_supported),
    NAMED(linux_rsdp_unrestricted),
    NAMED(not_direct_mapped),
    NAMED(direct_mapped),
};

const char *feature_name(unsigned int bit)
{
    return bit < ARRAY_SIZE(names) ? names[bit] : NULL;
}

static uint32_t feature_by_name(const char *name, size_t name_bytes)
{
    for (unsigned int bit = 0; bit < ARRAY_SIZE(names); bit++) {
        if (names[bit] != NULL && strlen(names[bit]) == name_bytes &&
            memcmp(names[bit], name, name_bytes) == 0) {
            return FEATURE(bit);
        }
    }
    return 0;
}

static int add_feature(struct features *features, const char *name, size_t name_bytes,
                       struct reason *reason)
{
    bool required = name_bytes != 0 && name[0] == '!';

    name += required;
    name_bytes -= required;
    uint32_t feature = feature_by_name(name, name_bytes);
    if (required && feature == 0) {
        return refuse(reason, ENOEXEC, "kernel requires an unknown Xen feature: %.*s",
                      (int)MIN(name_bytes, 48ul), name);
    }
    features->supported |= feature;
    features->required |= required ? feature : 0;
    return 0;
}

int features_parse(struct features *features, const char *list, size_t list_bytes,
                   struct reason *reason)
{
    size_t bytes = strnlen(list, list_bytes);

    for (size_t at = 0; at < bytes;) {
        const char *bar = memchr(list + at, '|', bytes - at);
        size_t name_bytes = bar == NULL ? bytes - at : (size_t)(bar - (list + at));
        int error = add_feature(features, list + at, name_bytes, reason);
        if (error != 0) {
            return error;
        }
        at += name_bytes + 1;
    }
    return 0;
}
