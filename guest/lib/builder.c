// SPDX-License-Identifier: Apache-2.0
// Builds a domain from a part of this image: the calls, the layout and what each page holds.

#include "builder.h"
#include "foreign.h"
#include "image.h"
#include "trap.h"

extern const char _start[];

#define NO_FRAME     (~(xen_pfn_t)0)
#define LEVEL2_SHIFT 21
#define LEVEL3_SHIFT 30
#define PAGES(bytes) (((bytes) + PAGE_SIZE - 1) >> PAGE_SHIFT)

// The bootstrap region, by virtual address, each element up to the next; and how it is mapped.
struct region {
    uint64_t image, frame_list, start_info, tables, stack, spare, end;
    unsigned l1_tables;
};

// A build on its way: the domain's frames as domain 0 sees them are at `pages`.
struct build {
    struct domain *domain;
    const struct domain_plan *plan;
    struct region region;
    char *pages;
};

static long said(const char *step, long error)
{
    if (error != 0) {
        print("# building a domain: %s gets %ld\n", step, error);
    }
    return error;
}

static uint64_t va_to_pfn(uint64_t va)
{
    return (va - POINTER(image_virt_base_value)) >> PAGE_SHIFT;
}

struct domain_plan plan_whole_image(void)
{
    return (struct domain_plan){
        .config = domain_defaults(),
        .image_start = image_start,
        .image_end = image_end,
        .image_zero = image_bss_start,
        .entry = POINTER(_start),
        .hypercall_page = hypercall_page,
        .mapped_pages = 16,
        .unmapped_pages = 16,
    };
}

// ---- layout -----------------------------------------------------------------------------------
static struct region lay_out(const struct domain_plan *plan, unsigned l1_tables)
{
    struct region at = {.image = POINTER(plan->image_start), .l1_tables = l1_tables};
    uint64_t before_list = PAGES(POINTER(plan->image_end) - at.image) + va_to_pfn(at.image);
    uint64_t behind_list = 2 + 3 + l1_tables + plan->mapped_pages + plan->unmapped_pages;
    uint64_t list_pages = 1;

    while ((before_list + list_pages + behind_list) * sizeof(xen_pfn_t) > list_pages * PAGE_SIZE) {
        list_pages++;
    }
    at.frame_list = POINTER(image_virt_base_value) + (before_list << PAGE_SHIFT);
    at.start_info = at.frame_list + list_pages * PAGE_SIZE;
    at.tables = at.start_info + PAGE_SIZE;
    at.stack = at.tables + (3 + l1_tables) * PAGE_SIZE;
    at.spare = at.stack + PAGE_SIZE;
    at.end = at.spare + plan->mapped_pages * PAGE_SIZE;
    return at;
}

// The tables are a part of what they map, so their number is tried upwards.
static struct region plan_region(const struct domain_plan *plan)
{
    unsigned l1_tables = 0;
    struct region region;

    do {
        region = lay_out(plan, ++l1_tables);
    } while (((region.end - 1) >> LEVEL2_SHIFT) - (region.image >> LEVEL2_SHIFT) >= l1_tables);
    return region;
}

// ---- contents ---------------------------------------------------------------------------------
// Where domain 0 sees an address of the new domain.
static void *seen(const struct build *build, uint64_t va)
{
    return build->pages + (va - build->region.image);
}

static uint64_t frame_at(const struct build *build, uint64_t va)
{
    return build->domain->frames[(va - build->region.image) >> PAGE_SHIFT];
}

static void fill_image(const struct build *build)
{
    const struct domain_plan *plan = build->plan;
    size_t copied = (size_t)(plan->image_zero - plan->image_start);
    uint64_t room = build->region.frame_list - build->region.image;

    memcpy(build->pages, plan->image_start, copied);
    memset(build->pages + copied, 0, room - copied);
}

static void fill_frame_list(const struct build *build)
{
    const struct domain *domain = build->domain;
    xen_pfn_t *list = seen(build, build->region.frame_list);

    for (uint64_t pfn = 0; pfn < domain->first_pfn; pfn++) {
        list[pfn] = NO_FRAME;
    }
    memcpy(&list[domain->first_pfn], domain->frames, domain->frame_count * sizeof(*list));
}

static void fill_start_info(const struct build *build)
{
    const struct region *region = &build->region;
    struct start_info *info = seen(build, region->start_info);

    memset(info, 0, PAGE_SIZE);
    memcpy(info->magic, "xen-3.0-x86_64", sizeof("xen-3.0-x86_64"));
    info->nr_pages = build->domain->first_pfn + build->domain->frame_count;
    info->shared_info = build->domain->shared_info_mfn << PAGE_SHIFT;
    info->pt_base = region->tables;
    info->nr_pt_frames = (region->stack - region->tables) >> PAGE_SHIFT;
    info->mfn_list = region->frame_list;
    info->first_p2m_pfn = va_to_pfn(region->frame_list);
    info->nr_p2m_frames = (region->start_info - region->frame_list) >> PAGE_SHIFT;
    memcpy(info->cmd_line, start_info->cmd_line, sizeof(info->cmd_line));
}

// Level 4, 3, 2, then the tables of level 1; they are mapped read-only as the interface demands.
static void fill_tables(const struct build *build)
{
    const struct region *region = &build->region;
    uint64_t *tables = seen(build, region->tables);
    uint64_t *l4 = tables, *l3 = l4 + TABLE_ENTRIES, *l2 = l3 + TABLE_ENTRIES;
    uint64_t *l1 = l2 + TABLE_ENTRIES;
    uint64_t first_l1 = region->tables + 3 * PAGE_SIZE, first_slot = region->image >> LEVEL2_SHIFT;

    memset(tables, 0, region->stack - region->tables);
    l4[table_index(region->image, 4)] =
        frame_at(build, region->tables + PAGE_SIZE) << PAGE_SHIFT | PTE_TABLE;
    l3[table_index(region->image, 3)] =
        frame_at(build, region->tables + 2 * PAGE_SIZE) << PAGE_SHIFT | PTE_TABLE;
    for (unsigned i = 0; i < region->l1_tables; i++) {
        l2[table_index((first_slot + i) << LEVEL2_SHIFT, 2)] =
            frame_at(build, first_l1 + i * PAGE_SIZE) << PAGE_SHIFT | PTE_TABLE;
    }
    for (uint64_t va = region->image; va < region->end; va += PAGE_SIZE) {
        bool table = va >= region->tables && va < region->stack;
        l1[(va >> PAGE_SHIFT) - (first_slot << (LEVEL2_SHIFT - PAGE_SHIFT))] =
            frame_at(build, va) << PAGE_SHIFT | (table ? PTE_KERNEL_RO : PTE_KERNEL_RW);
    }
}

static long fill(struct build *build)
{
    unsigned count = (unsigned)((build->region.end - build->region.image) >> PAGE_SHIFT);
    long error;

    build->pages =
        foreign_map(build->domain->domid, build->domain->frames, count, PTE_KERNEL_RW, &error);
    if (error != 0) {
        return said("mapping its frames", error);
    }
    fill_image(build);
    fill_frame_list(build);
    fill_start_info(build);
    fill_tables(build);
    memset(seen(build, build->region.stack), 0, PAGE_SIZE);
    foreign_unmap(build->pages, count);
    return 0;
}

// ---- the calls --------------------------------------------------------------------------------
static long create(struct build *build)
{
    const struct domain_plan *plan = build->plan;
    long domid = domain_create(plan->wanted, &plan->config);
    struct xen_domctl_getdomaininfo info;
    long error;

    if (domid < 0) {
        return said("createdomain", domid);
    }
    build->domain->domid = (domid_t)domid;
    error = said("max_vcpus", domain_max_vcpus((domid_t)domid, plan->config.max_vcpus));
    error = error != 0 ? error : said("getdomaininfo", domain_info((domid_t)domid, &info));
    build->domain->shared_info_mfn = info.shared_info_frame;
    return error;
}

// The call takes the pfns and puts the frames in their place, and knows the way back from then on.
static long populate(struct build *build)
{
    struct domain *domain = build->domain;
    struct xen_memory_reservation reservation = {.nr_extents = domain->frame_count,
                                                 .domid = domain->domid};
    long error =
        said("max_mem", domain_max_mem(domain->domid, domain->frame_count << (PAGE_SHIFT - 10)));
    long filled;

    if (error != 0) {
        return error;
    }
    for (uint64_t i = 0; i < domain->frame_count; i++) {
        domain->frames[i] = domain->first_pfn + i;
    }
    set_xen_guest_handle(reservation.extent_start, domain->frames);
    filled = memory_op(XENMEM_populate_physmap, &reservation);
    return said("populate_physmap", filled == (long)domain->frame_count ? 0 : -XEN_ENOMEM);
}

// No upcalls before the new kernel can take them.
static long prepare_shared_info(const struct build *build)
{
    xen_pfn_t frame = build->domain->shared_info_mfn;
    long error;
    struct shared_info *shared =
        foreign_map(build->domain->domid, &frame, 1, PTE_KERNEL_RW, &error);

    if (error != 0) {
        return said("mapping shared_info", error);
    }
    for (unsigned i = 0; i < XEN_LEGACY_MAX_VCPUS; i++) {
        shared->vcpu_info[i].evtchn_upcall_mask = 1;
    }
    foreign_unmap(shared, 1);
    return 0;
}

static long pin(const struct build *build)
{
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = build->domain->l4_mfn};

    return said("pinning its tables", mmuext_op(&op, 1, NULL, build->domain->domid));
}

static long set_context(const struct build *build)
{
    static struct vcpu_guest_context context;

    memset(&context, 0, sizeof(context));
    context.flags = VGCF_in_kernel | VGCF_online;
    context.user_regs.rip = build->plan->entry;
    context.user_regs.rsp = build->region.spare;
    context.user_regs.rsi = build->region.start_info;
    context.user_regs.rflags = RFLAGS_IF;
    context.user_regs.cs = FLAT_KERNEL_CS;
    context.user_regs.ss = context.kernel_ss = FLAT_KERNEL_SS;
    context.kernel_sp = build->region.spare;
    context.ctrlreg[3] = xen_pfn_to_cr3(build->domain->l4_mfn);
    return said("setvcpucontext", domain_set_context(build->domain->domid, 0, &context));
}

static long hypercall_page_of(const struct build *build)
{
    if (build->plan->hypercall_page == NULL) {
        return 0;
    }
    return said("hypercall_init",
                domain_hypercall_page(build->domain->domid,
                                      domain_frame(build->domain, build->plan->hypercall_page)));
}

static long build_steps(struct build *build)
{
    long error = create(build);

    error = error != 0 ? error : populate(build);
    error = error != 0 ? error : fill(build);
    if (error != 0) {
        return error;
    }
    build->domain->l4_mfn = frame_at(build, build->region.tables);
    error = hypercall_page_of(build);
    error = error != 0 ? error : prepare_shared_info(build);
    error = error != 0 ? error : pin(build);
    return error != 0 ? error : set_context(build);
}

long domain_build(struct domain *domain, const struct domain_plan *plan)
{
    struct build build = {.domain = domain, .plan = plan, .region = plan_region(plan)};
    long error;

    domain->domid = DOMID_INVALID;
    domain->start_info = build.region.start_info;
    domain->first_pfn = va_to_pfn(build.region.image);
    domain->frame_count = va_to_pfn(build.region.end) - domain->first_pfn + plan->unmapped_pages;
    if (domain->frame_count > DOMAIN_FRAMES ||
        (build.region.end - 1) >> LEVEL3_SHIFT != build.region.image >> LEVEL3_SHIFT) {
        return said("the layout", -XEN_E2BIG);
    }
    error = build_steps(&build);
    if (error != 0 && domain->domid != DOMID_INVALID) {
        (void)domain_destroy(domain->domid);
    }
    return error;
}

xen_pfn_t domain_frame(const struct domain *domain, const void *va)
{
    return domain->frames[va_to_pfn(POINTER(va)) - domain->first_pfn];
}
