// SPDX-License-Identifier: Apache-2.0
// Walks frame pointers. The image is compiled with -fno-omit-frame-pointer for this.

#include "arch/backtrace.h"

#include "arch/cpu.h"
#include "layout.h"

extern const char text_start[], text_end[];

/* What %rbp points to: the caller's %rbp, and above it the return address. */
struct stack_frame {
    uintptr_t caller_frame_pointer;
    uintptr_t return_address;
};

/* Only this CPU's own stack is read: it is mapped, whatever a wrong frame pointer says. */
static bool on_this_stack(uintptr_t frame, uintptr_t above)
{
    uintptr_t end = (uintptr_t)this_cpu() + CPU_AREA_BYTES;
    return frame % sizeof(uintptr_t) == 0 && frame > above &&
           frame <= end - sizeof(struct stack_frame);
}

size_t arch_backtrace(uintptr_t frame_pointer, uintptr_t *return_addresses, size_t max)
{
    uintptr_t frame = frame_pointer;
    uintptr_t above = (uintptr_t)&frame;
    size_t count = 0;

    if (frame == 0) {
        frame = (uintptr_t)__builtin_frame_address(0);
    }
    while (count < max && on_this_stack(frame, above)) {
        const struct stack_frame *f = (const struct stack_frame *)frame;
        if (f->return_address == 0) {
            break;
        }
        return_addresses[count++] = f->return_address;
        above = frame;
        frame = f->caller_frame_pointer;
    }
    return count;
}

struct image_text arch_image_text(void)
{
    return (struct image_text){IMAGE_BASE, (uintptr_t)text_start, (uintptr_t)text_end};
}
