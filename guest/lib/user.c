// SPDX-License-Identifier: Apache-2.0
// A guest user mode.

#include "user.h"
#include "event.h"

static struct {
    const uint64_t *l4;
    char *data;
} user;

static long map_user(uint64_t va, const void *page, uint64_t flags)
{
    return map_page_in(user.l4, (const void *)va, pte_of(page, flags));
}

// An empty top-level table is a valid one: it is pinned first and then grows like any live table.
void user_init(void)
{
    void *l4 = page_alloc(), *stack = page_alloc();
    long error;

    user.l4 = l4;
    user.data = page_alloc();
    error = page_make_readonly(l4);
    error = error != 0 ? error : mmuext_frame(MMUEXT_PIN_L4_TABLE, virt_to_mfn(l4));
    error = error != 0 ? error : map_user(USER_TEXT, image_user_start, PTE_USER_RO);
    error = error != 0 ? error : map_user(USER_DATA, user.data, PTE_USER_RW);
    error = error != 0 ? error : map_user(USER_STACK_TOP - PAGE_SIZE, stack, PTE_USER_RW);
    error = error != 0 ? error : mmuext_frame(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(l4));
    if (error != 0) {
        print("Bail out! user mode cannot be set up: %ld\n", error);
        guest_shutdown(SHUTDOWN_crash);
    }
}

uint64_t user_address(const char *code)
{
    return USER_TEXT + (POINTER(code) - POINTER(image_user_start));
}

void *user_data(void)
{
    return user.data;
}

const uint64_t *user_l4(void)
{
    return user.l4;
}

struct trap_frame user_start(const char *code)
{
    return (struct trap_frame){
        .rip = user_address(code),
        .cs = USER_CS,
        .rflags = RFLAGS_ONE | RFLAGS_IF,
        .rsp = USER_STACK_TOP,
        .ss = FLAT_USER_SS,
    };
}

void user_run(const struct trap_frame *start, uint64_t flags, struct fault *exit)
{
    uint8_t mask = this_vcpu()->evtchn_upcall_mask;

    EXPECT_FAULT(exit)
    {
        struct trap_frame frame = *start;
        frame.error = flags;
        upcalls_disable();
        frame_resume(&frame);
    }
    if (mask == 0) {
        upcalls_enable();
    }
}

void user_call(const char *code, struct fault *exit)
{
    struct trap_frame start = user_start(code);

    user_run(&start, 0, exit);
}
