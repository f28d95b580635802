// SPDX-License-Identifier: Apache-2.0
// A virtual CPU: its registers while it does not run, and what it told Pavise about itself.
//
// Entry from a guest stores the registers straight into `regs` (the processor's own exception
// frame lands at its end), so a switch of vCPUs copies nothing and a handler finds the guest's
// registers by pointer. Assembly knows members by offset (src/arch/x86/asm-offsets.c.in).
//
// Legend: [v] only the CPU that runs the vCPU, or anyone while it is paused; [a] atomic;
// [I] set at creation; [s] the scheduler's lock; [d] the domain's lock.
#pragma once

#include "abi/xen.h"
#include "lib/address.h"
#include "lib/compiler.h"
#include "lib/list.h"

struct cpu;
struct domain;
struct vcpu_events;
struct multicall_entry;
struct vcpu_mmu;
struct vcpu_pv;
struct vcpu_sched;
struct vcpu_time;

#define GDT_GUEST_PAGES   14 /* pages of a GDT that a guest may fill; Pavise's two come after */
#define GDT_GUEST_ENTRIES (GDT_GUEST_PAGES * 512)
#define LDT_MAX_PAGES     16

/* Why a vCPU is not runnable; runnable where no bit is set. */
enum vcpu_pause {
    VCPU_DOWN = 1 << 0,          /* not brought up yet, or taken down by VCPUOP_down */
    VCPU_BLOCKED = 1 << 1,       /* waits for an event */
    VCPU_POLLING = 1 << 2,       /* waits in SCHEDOP_poll */
    VCPU_PAUSED = 1 << 3,        /* `pause_count` is not zero */
    VCPU_DOMAIN_PAUSED = 1 << 4, /* its domain's is not */
};

enum vcpu_mode {
    MODE_KERNEL = 1 << 0,   /* the guest's kernel runs (64-bit guests: else its user mode) */
    MODE_FPU_TRAP = 1 << 1, /* fpu_taskswitch(1): the next FPU use is bounced as #NM */
};

/* Values of regs.entry_vector beyond the processor's 256: how the vCPU came in. */
#define ENTRY_SYSCALL 0x100 /* RCX and R11 are spent: the return may use SYSRET */
#define ENTRY_NONE    0x101 /* not by the guest's own doing: full return by IRET */

/* Where a guest wants to be entered for something; a zero address means it said nothing. */
struct callback {
    uint64_t address;
    uint16_t cs;         /* 32-bit guests, and compat-mode entries */
    uint8_t mask_events; /* set evtchn_upcall_mask on entry */
};

struct vcpu {
    struct cpu *cpu;           /* [v] the CPU whose stack entry code switches to */
    struct cpu_user_regs regs; /* [v] ends 16-byte aligned at ss + 8: the exception stack's top */
    uint64_t stack_top;        /* [v] that CPU's stack, for entry code */
    struct vcpu_info *info;    /* [v] the guest's event words: in shared_info or registered */
    uint32_t mode;             /* [v] enum vcpu_mode bits */
    uint32_t exit_work;        /* [v] bits that keep a return off its fast path (pv/exit.h) */
    uint32_t careful;         /* [v] not 0: bounces and IRET go the long way (pv_refresh_careful) */
    uint64_t kernel_cr3;      /* [v] machine address of the kernel's L4 */
    uint64_t user_cr3;        /* [v] of the user's L4, 0 where none was set */
    uint64_t kernel_sp;       /* [v] stack_switch(): RSP of bounces out of user mode */
    uint64_t kernel_ss;       /* [v] and their SS */
    struct trap_info *traps;  /* [v] 256 gates */
    struct callback event;    /* [v] */
    struct callback failsafe; /* [v] */
    struct callback syscall64;         /* [v] */
    struct callback syscall32;         /* [v] */
    struct callback sysenter;          /* [v] */
    struct callback nmi;               /* [v] */
    uint64_t iopl;                     /* [v] virtual IOPL, as in RFLAGS bits 12-13 */
    uint64_t fault_address;            /* [v] CR2 of the last page fault that was bounced */
    struct multicall_entry *multicall; /* [v] the entry that is being carried out, if any */
    uint64_t iret_fault_code;  /* [v] vector and code of a fault that IRET to the guest took */
    uint64_t iret_fault_spare; /* [v] entry code's */
    struct domain *domain;     /* [I] */
    uint32_t id;               /* [I] number in the domain */

    uint32_t pause;          /* [a] enum vcpu_pause bits */
    uint32_t pause_count;    /* [a] */
    bool debugger_paused;    /* domctl_lock: one of its pauses is a debugger's */
    uint32_t debugger_event; /* [a] vector that stopped its domain for a debugger; 0: none */
    bool being_set;          /* [a] somebody gives it its first state */
    bool initialised;        /* [a] and has done so */
    bool registered_info;    /* [d] `info` lies in a page the guest registered */
    mfn_t info_frame;        /* [d] that page, referenced writable */

    /* segments, descriptors [v] */
    uint64_t fs_base;        /* while not loaded */
    uint64_t gs_base_kernel; /* while not loaded */
    uint64_t gs_base_user;   /* while not loaded */
    uint64_t gdt_entries;
    mfn_t gdt_frames[GDT_GUEST_PAGES];
    uint64_t ldt_base; /* guest address, page aligned */
    uint32_t ldt_entries;
    uint32_t ldt_mapped; /* bit per page of the LDT window that is mapped */
    mfn_t ldt_frames[LDT_MAX_PAGES];
    uint64_t debug_registers[8]; /* DR0-3, 6, 7; [4] is unused, [5] the I/O breakpoints */
    uint64_t control4;           /* CR4 as the guest sees it */
    bool nmi_pending;            /* [a] an NMI is to be delivered */
    bool nmi_masked;             /* one was, and its handler has not returned yet */
    bool lost_segment;           /* a selector could not be loaded: failsafe is owed */
    uint64_t xcr0;               /* extended states the guest enabled */
    uint64_t xcr0_ever;          /* and those that it ever did: they are kept for it */
    void *fpu;                   /* 64-byte aligned XSAVE area */

    uint8_t *io_bitmap; /* [v] PHYSDEVOP_set_iobitmap: guest address kept as given */
    uint32_t io_bitmap_ports;

    struct vcpu_events *events; /* rooms of their own */
    struct vcpu_mmu *mmu;
    struct vcpu_pv *pv;
    struct vcpu_sched *sched;
    struct vcpu_time *time;
    struct list destroy_link;
};

_Static_assert((offsetof(struct vcpu, regs) + offsetof(struct cpu_user_regs, ss) + 8) % 16 == 0,
               "the processor aligns its exception stack to 16 bytes");

/* vCPU's guest kernel runs (as opposed to the guest's user mode). */
static inline bool vcpu_in_kernel(const struct vcpu *v)
{
    return (v->mode & MODE_KERNEL) != 0;
}

/*
 * Create vCPU `id` of `d`, down and not initialised. The domain's lock is held. NULL: out of
 * memory. Every part (domain_part) has had its say, or none has.
 */
must_check struct vcpu *vcpu_create(struct domain *d, unsigned int id);

/* Bytes of an extended-state area; the seam settles it at start of day. */
extern size_t vcpu_fpu_bytes;
/* What the record of a vCPU is charged to its domain, without what other rooms keep for it. */
uint64_t vcpu_cost(void);

/* The domain's end: nobody can reach the vCPU any more. */
void vcpu_destroy(struct vcpu *v);

/*
 * Set or clear reasons not to run. Waking tells the scheduler; blocking takes effect on exit. For
 * pauses see domain/pause.h. Any lock of lower rank than RANK_TIMER held.
 */
void vcpu_set_pause(struct vcpu *v, enum vcpu_pause why);
void vcpu_clear_pause(struct vcpu *v, enum vcpu_pause why);

/*
 * The scheduler's entry points, set when it starts: a vCPU became runnable, or ceased to be; and
 * whether one that is not runnable still has a CPU, or a part of its state there.
 */
extern void (*vcpu_woken)(struct vcpu *v);
extern void (*vcpu_slept)(struct vcpu *v);
extern bool (*vcpu_on_cpu)(struct vcpu *v);
