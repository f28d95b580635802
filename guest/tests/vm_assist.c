// SPDX-License-Identifier: Apache-2.0
// vm_assist: the types a 64-bit guest has (public header xen.h).

#include "tap.h"

TEST("writable page tables can be enabled and disabled")
{
    CHECK_OK(vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables));
    CHECK_OK(vm_assist(VMASST_CMD_disable, VMASST_TYPE_writable_pagetables));
    CHECK_OK(vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables));
}

TEST("the PAE type is accepted")
{
    CHECK_OK(vm_assist(VMASST_CMD_enable, VMASST_TYPE_pae_extended_cr3));
}

TEST("the types for 32-bit segments are accepted")
{
    CHECK_OK(vm_assist(VMASST_CMD_enable, VMASST_TYPE_4gb_segments));
    CHECK_OK(vm_assist(VMASST_CMD_disable, VMASST_TYPE_4gb_segments));
    CHECK_OK(vm_assist(VMASST_CMD_enable, VMASST_TYPE_4gb_segments_notify));
    CHECK_OK(vm_assist(VMASST_CMD_disable, VMASST_TYPE_4gb_segments_notify));
}

TEST("architectural I/O privilege shows the level in frames")
{
    struct physdev_set_iopl iopl = {.iopl = 1};
    struct fault fault;

    CHECK_OK(physdev_op(PHYSDEVOP_set_iopl, &iopl));
    CHECK_OK(vm_assist(VMASST_CMD_enable, VMASST_TYPE_architectural_iopl));
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("ud2");
    }
    CHECK_EQ(fault.frame.rflags & RFLAGS_IOPL, 1ul << 12);
}

TEST("with architectural I/O privilege the level follows iret")
{
    struct fault fault;

    // The way out of the block above was an iret with level 0 in its flags.
    EXPECT_FAULT(&fault)
    {
        __asm__ volatile("ud2");
    }
    CHECK_EQ(fault.frame.rflags & RFLAGS_IOPL, 0);
    CHECK_OK(vm_assist(VMASST_CMD_disable, VMASST_TYPE_architectural_iopl));
}

TEST("the run-state update flag and the strict machine-to-physical table are accepted")
{
    CHECK_OK(vm_assist(VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag));
    CHECK_OK(vm_assist(VMASST_CMD_disable, VMASST_TYPE_runstate_update_flag));
    CHECK_OK(vm_assist(VMASST_CMD_enable, VMASST_TYPE_m2p_strict));
    CHECK_OK(vm_assist(VMASST_CMD_disable, VMASST_TYPE_m2p_strict));
}

TEST("a type nobody knows is refused")
{
    CHECK_ERR(vm_assist(VMASST_CMD_enable, 20), XEN_EINVAL);
    CHECK_ERR(vm_assist(VMASST_CMD_enable, 64), XEN_EINVAL);
    CHECK_ERR(vm_assist(VMASST_CMD_enable, UINT32_MAX), XEN_EINVAL);
}

TEST("a command nobody knows gets -ENOSYS")
{
    CHECK_ERR(vm_assist(2, VMASST_TYPE_writable_pagetables), XEN_ENOSYS);
}
