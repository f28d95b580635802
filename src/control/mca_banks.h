// SPDX-License-Identifier: Apache-2.0
// The registers in which a processor notes its errors (processor manual 3B, 16.3): banks of four,
// and a global status. All here is about the CPU that runs it; no lock, any context.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"

#define MSR_MCG_CAP    0x179
#define MSR_MCG_STATUS 0x17a
#define MSR_MCG_CTL    0x17b

/* Each bank's: control, status, address, and what the status says is there. */
enum mca_register { MCA_CTL, MCA_STATUS, MCA_ADDR, MCA_MISC };
#define MSR_MC(bank, which) (0x400 + 4 * (bank) + (which))
#define MSR_MC_CTL2(bank)   (0x280 + (bank))
#define MC_CTL2_CMCI        (1ULL << 30)

#define MCG_CAP_BANKS    0xff
#define MCG_CAP_CTL      (1ULL << 8)
#define MCG_CAP_CMCI     (1ULL << 10)
#define MCG_CAP_RECOVERY (1ULL << 24)

#define MCG_RIPV (1ULL << 0) /* what was interrupted can go on */
#define MCG_EIPV (1ULL << 1) /* ...and is what hit the error */
#define MCG_MCIP (1ULL << 2) /* a machine check is in progress */

#define MC_VALID    (1ULL << 63)
#define MC_OVERFLOW (1ULL << 62)
#define MC_UC       (1ULL << 61) /* not corrected */
#define MC_ENABLED  (1ULL << 60)
#define MC_MISCV    (1ULL << 59)
#define MC_ADDRV    (1ULL << 58)
#define MC_PCC      (1ULL << 57) /* the processor's own state is wrong */
#define MC_SIGNAL   (1ULL << 56) /* told by a machine check; with MCG_CAP_RECOVERY only */
#define MC_ACTION   (1ULL << 55) /* software has to act before it goes on; likewise */

#define MCA_MOST_BANKS 32

struct mca_bank {
    uint64_t status, address, misc, control2;
};

uint64_t mca_capabilities(void);
unsigned int mca_bank_count(void);
uint64_t mca_global_status(void);

/* False where nothing is noted. Address and misc are 0 where the status says that there is none. */
must_check bool mca_bank_read(unsigned int bank, struct mca_bank *to);

/* What was noted is known: room for the next. */
void mca_bank_clear(unsigned int bank);
void mca_global_clear(void);

/* Switch on what firmware has left off. */
void mca_enable(void);

/*
 * Errors that domain 0 makes up to test who handles them. Whether `msr` can be had so; and from now
 * until it is cleared the register reads as `value`: by a write of the register itself, or, with
 * `interpose`, by pretending. -EIO: the processor does not take it; -ENOSPC: too many pretended.
 */
must_check bool mca_may_inject(uint32_t msr);
must_check int mca_inject(uint32_t msr, uint64_t value, bool interpose);
