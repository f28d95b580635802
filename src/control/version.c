// SPDX-License-Identifier: Apache-2.0
// xen_version: what a guest may know about the hypervisor below it (<xen/version.h>).
#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/guest.h"
#include "base/cpu.h"
#include "control/hypercalls.h"
#include "control/machine.h"
#include "domain/domain.h"
#include "lib/string.h"

#define FEATURE(name) (1U << XENFEAT_##name)

/* What every guest may see; others of the texts are for privileged domains. */
static const char denied[] = "<denied>";

/* `room` is what the guest's array holds; all of it is written. */
static long give_text(gva_t argument, const char *text, size_t room)
{
    size_t length = MIN(strlen(text), room - 1);

    if (copy_to_guest(argument, text, length) != 0 ||
        clear_guest(gva_add(argument, length), room - length) != 0) {
        return -EFAULT;
    }
    return 0;
}

static long give_compile_info(gva_t argument)
{
    static const struct xen_compile_info info = {
        .compiler = __VERSION__,
        .compile_by = "pavise",
        .compile_domain = "",
        .compile_date = __DATE__ " " __TIME__,
    };

    return write_guest(argument, 0, &info);
}

/*
 * What a guest of ours finds: page tables and descriptor tables are write-protected, its frames
 * are the machine's own ("direct mapped"), and the calls that are named exist.
 */
static uint32_t features_of(const struct domain *d)
{
    uint32_t features = FEATURE(mmu_pt_update_preserve_ad) | FEATURE(highmem_assist) |
                        FEATURE(gnttab_map_avail_bits) | FEATURE(memory_op_vnode_supported) |
                        FEATURE(direct_mapped);

    if ((READ_ONCE(d->vm_assist) & (1UL << VMASST_TYPE_pae_extended_cr3)) != 0) {
        features |= FEATURE(pae_pgdir_above_4gb);
    }
    return d->hardware ? features | FEATURE(dom0) : features;
}

static long get_features(const struct domain *d, gva_t argument)
{
    struct xen_feature_info info;

    if (read_guest(&info, argument, 0) != 0) {
        return -EFAULT;
    }
    if (info.submap_idx >= XENFEAT_NR_SUBMAPS) {
        return -EINVAL;
    }
    info.submap = features_of(d);
    return write_guest(argument, 0, &info);
}

static long give_platform_parameters(gva_t argument)
{
    struct xen_platform_parameters parameters = {.virt_start = HYPERVISOR_VIRT_START};

    return write_guest(argument, 0, &parameters);
}

static long give_command_line(const struct domain *d, gva_t argument)
{
    const char *line = machine_facts.command_line ? machine_facts.command_line : "";

    return give_text(argument, d->privileged ? line : denied, sizeof(xen_commandline_t));
}

/* Returns its size, and writes it where there is room: a null pointer only asks. */
static long give_build_id(const struct domain *d, gva_t argument)
{
    const long bytes = machine_facts.build_id_bytes;
    struct xen_build_id request;

    if (!d->privileged) {
        return -EPERM;
    }
    if (bytes == 0) {
        return -ENODATA;
    }
    if (gva_is_null(argument)) {
        return bytes;
    }
    if (copy_from_guest(&request, argument, sizeof(request)) != 0) {
        return -EFAULT;
    }
    if (request.len == 0) {
        return -EINVAL;
    }
    if (request.len < machine_facts.build_id_bytes) {
        return -ENOBUFS;
    }
    argument = gva_add(argument, offsetof(struct xen_build_id, buf));
    return copy_to_guest(argument, machine_facts.build_id, (size_t)bytes) == 0 ? bytes : -EFAULT;
}

static cold_fn long answer(uint64_t cmd, gva_t argument)
{
    const struct domain *d = current_vcpu()->domain;

    switch ((uint32_t)cmd) {
    case XENVER_extraversion:
        return give_text(argument, "-pavise", XEN_EXTRAVERSION_LEN);
    case XENVER_compile_info:
        return give_compile_info(argument);
    case XENVER_capabilities:
        return give_text(argument, "xen-3.0-x86_64", XEN_CAPABILITIES_INFO_LEN);
    case XENVER_changeset:
        return give_text(argument, "unavailable", XEN_CHANGESET_INFO_LEN);
    case XENVER_platform_parameters:
        return give_platform_parameters(argument);
    case XENVER_get_features:
        return get_features(d, argument);
    case XENVER_pagesize:
        return PAGE_SIZE;
    case XENVER_guest_handle:
        return write_guest(argument, 0, &d->handle);
    case XENVER_commandline:
        return give_command_line(d, argument);
    case XENVER_build_id:
        return give_build_id(d, argument);
    default:
        return -ENOSYS;
    }
}

long hypercall_xen_version(uint64_t cmd, gva_t argument)
{
    /* Guests ask that for the sake of entering Pavise, which then delivers what events wait. */
    if (likely((uint32_t)cmd == XENVER_version)) {
        return PAVISE_ABI_MAJOR << 16 | PAVISE_ABI_MINOR;
    }
    return answer(cmd, argument);
}
