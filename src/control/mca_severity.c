// SPDX-License-Identifier: Apache-2.0
// Decides on errors by the bits that the processor gives with them.
#include "control/mca_severity.h"

#include "control/mca_banks.h"

enum mca_severity mca_severity(uint64_t status, bool recovers)
{
    if ((status & MC_VALID) == 0) {
        return MCA_NOTHING;
    }
    if ((status & MC_UC) == 0) {
        return MCA_CORRECTED;
    }
    if ((status & MC_PCC) != 0) {
        return MCA_FATAL;
    }
    if ((status & MC_ENABLED) == 0) {
        return MCA_CORRECTED; /* it was not to be told of, and raised nothing */
    }
    if (!recovers) {
        return MCA_FATAL;
    }
    if ((status & MC_ACTION) == 0) {
        return MCA_NOT_NEEDED;
    }
    /* Where one wrote over another, who needed the first is not known. */
    return (status & (MC_OVERFLOW | MC_SIGNAL)) == MC_SIGNAL ? MCA_NEEDED : MCA_FATAL;
}

enum mca_verdict mca_decide(enum mca_severity worst, uint64_t global_status, bool in_guest)
{
    bool resumable = (global_status & MCG_RIPV) != 0;

    if (worst == MCA_FATAL) {
        return MCA_STOP_MACHINE;
    }
    if (worst == MCA_NEEDED) {
        if (!in_guest) {
            return MCA_STOP_MACHINE;
        }
        return resumable ? MCA_TELL_GUEST : MCA_END_GUEST;
    }
    /* Without one in progress, it was raised by software, for a test. */
    return resumable || (global_status & MCG_MCIP) == 0 ? MCA_GO_ON : MCA_STOP_MACHINE;
}
