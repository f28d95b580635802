// SPDX-License-Identifier: Apache-2.0
// Reads and clears the registers of errors, the real ones or those that domain 0 has made up.
#include "control/mca_banks.h"

#include "abi/errno.h"
#include "arch/msr.h"
#include "base/cpu.h"

#define MOST_PRETENDED 16

/* Of each CPU, changed by that CPU only. */
static struct pretended {
    unsigned int count;
    struct {
        uint32_t msr;
        uint64_t value;
    } entry[MOST_PRETENDED];
} pretended[MAX_CPUS];

static struct pretended *own_pretended(void)
{
    return &pretended[this_cpu()->id];
}

static bool find(const struct pretended *p, uint32_t msr, unsigned int *at)
{
    for (*at = 0; *at < p->count; ++*at) {
        if (p->entry[*at].msr == msr) {
            return true;
        }
    }
    return false;
}

static uint64_t read_register(uint32_t msr)
{
    const struct pretended *p = own_pretended();
    unsigned int at;
    uint64_t value;

    if (find(p, msr, &at)) {
        return p->entry[at].value;
    }
    (void)!arch_rdmsr_safe(msr, &value);
    return value;
}

static void clear_register(uint32_t msr)
{
    struct pretended *p = own_pretended();
    unsigned int at;

    if (find(p, msr, &at)) {
        p->entry[at] = p->entry[--p->count];
    } else {
        (void)!arch_wrmsr_safe(msr, 0);
    }
}

uint64_t mca_capabilities(void)
{
    return read_register(MSR_MCG_CAP);
}

unsigned int mca_bank_count(void)
{
    return MIN((unsigned int)(mca_capabilities() & MCG_CAP_BANKS), (unsigned int)MCA_MOST_BANKS);
}

uint64_t mca_global_status(void)
{
    return read_register(MSR_MCG_STATUS);
}

bool mca_bank_read(unsigned int bank, struct mca_bank *to)
{
    *to = (struct mca_bank){.status = read_register(MSR_MC(bank, MCA_STATUS))};
    if ((to->status & MC_VALID) == 0) {
        return false;
    }
    if ((to->status & MC_ADDRV) != 0) {
        to->address = read_register(MSR_MC(bank, MCA_ADDR));
    }
    if ((to->status & MC_MISCV) != 0) {
        to->misc = read_register(MSR_MC(bank, MCA_MISC));
    }
    if ((mca_capabilities() & MCG_CAP_CMCI) != 0) {
        to->control2 = read_register(MSR_MC_CTL2(bank));
    }
    return true;
}

void mca_bank_clear(unsigned int bank)
{
    struct pretended *p = own_pretended();
    unsigned int at;

    clear_register(MSR_MC(bank, MCA_STATUS));
    for (enum mca_register which = MCA_ADDR; which <= MCA_MISC; which++) {
        if (find(p, MSR_MC(bank, which), &at)) {
            clear_register(MSR_MC(bank, which));
        }
    }
}

void mca_global_clear(void)
{
    clear_register(MSR_MCG_STATUS);
}

static void set_if_zero(uint32_t msr)
{
    uint64_t value;

    if (arch_rdmsr_safe(msr, &value) == 0 && value == 0) {
        (void)!arch_wrmsr_safe(msr, UINT64_MAX);
    }
}

void mca_enable(void)
{
    if ((mca_capabilities() & MCG_CAP_CTL) != 0) {
        set_if_zero(MSR_MCG_CTL);
    }
    for (unsigned int bank = 0; bank < mca_bank_count(); bank++) {
        set_if_zero(MSR_MC(bank, MCA_CTL));
    }
}

bool mca_may_inject(uint32_t msr)
{
    uint32_t from_first = msr - MSR_MC(0, MCA_CTL);

    if (msr == MSR_MCG_STATUS) {
        return true;
    }
    return msr >= MSR_MC(0, MCA_CTL) && from_first / 4 < mca_bank_count() &&
           from_first % 4 != MCA_CTL;
}

int mca_inject(uint32_t msr, uint64_t value, bool interpose)
{
    struct pretended *p = own_pretended();
    unsigned int at;

    if (!interpose) {
        return arch_wrmsr_safe(msr, value);
    }
    if (!find(p, msr, &at)) {
        if (p->count == MOST_PRETENDED) {
            return -ENOSPC;
        }
        p->count++;
    }
    p->entry[at].msr = msr;
    p->entry[at].value = value;
    return 0;
}
