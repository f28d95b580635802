// SPDX-License-Identifier: Apache-2.0
// What getpageframeinfo3 tells domain 0 of another domain's frames (public header domctl.h).

#include "domu.h"
#include "tap.h"

static struct domu domu;

static xen_pfn_t data_frame(void)
{
    return domu.domain.frames[domu.domain.frame_count - 1];
}

static long frame_info(xen_pfn_t *frames, unsigned count)
{
    struct xen_domctl operation = {.u.getpageframeinfo3.num = count};

    set_xen_guest_handle(operation.u.getpageframeinfo3.array, frames);
    return domctl(XEN_DOMCTL_getpageframeinfo3, domu.domain.domid, &operation);
}

TEST("a domain is built")
{
    CHECK_OK(domu_prepare(&domu, NULL));
}

TEST("page-frame information tells tables from other pages, and pinned ones")
{
    xen_pfn_t frames[3] = {domu.domain.l4_mfn, data_frame(), 1ul << 40};

    CHECK_OK(frame_info(frames, 3));
    CHECK_EQ(frames[0], XEN_DOMCTL_PFINFO_L4TAB | XEN_DOMCTL_PFINFO_LPINTAB);
    CHECK_EQ(frames[1], XEN_DOMCTL_PFINFO_NOTAB);
    CHECK_EQ(frames[2], XEN_DOMCTL_PFINFO_XTAB);
}

TEST("a frame of somebody else's is no page of the domain's")
{
    xen_pfn_t frame = virt_to_mfn(live_l4());

    CHECK_OK(frame_info(&frame, 1));
    CHECK_EQ(frame, XEN_DOMCTL_PFINFO_XTAB);
}

TEST("too long a list of frames, or one that cannot be read, is refused")
{
    xen_pfn_t frame = 0;

    CHECK_ERR(frame_info(&frame, 1u << 30), XEN_E2BIG);
    CHECK_ERR(frame_info((xen_pfn_t *)SPARE_VA, 1), XEN_EFAULT);
}

TEST("the domain goes")
{
    CHECK(domu_kill(&domu));
}
