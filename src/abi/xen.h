// SPDX-License-Identifier: Apache-2.0
// The guest interface as C sees it: Debian's public headers, with the layouts that tools see.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifndef __XEN_TOOLS__
#define __XEN_TOOLS__ 1
#endif

#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/domctl.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/nmi.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include <xen/tmem.h>
#include <xen/vcpu.h>
#include <xen/version.h>
#include <xen/arch-x86/xen-mca.h>

_Static_assert(sizeof(struct shared_info) <= 4096, "shared_info fits a page");
_Static_assert(sizeof(struct vcpu_info) == 64, "one cache line a vCPU");
_Static_assert(sizeof(struct mmu_update) == 16, "mmu_update is two words");
_Static_assert(sizeof(struct multicall_entry) == 64, "multicall entry is eight words");
_Static_assert(sizeof(struct trap_info) == 16, "trap_info packs a gate in two words");
_Static_assert(offsetof(struct cpu_user_regs, ss) == 160, "hardware frame ends the register file");

/* The interface that Pavise offers, as xen_version() and the CPUID leaves report it. */
#define PAVISE_ABI_MAJOR 4
#define PAVISE_ABI_MINOR 17
