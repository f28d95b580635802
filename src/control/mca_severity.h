// SPDX-License-Identifier: Apache-2.0
// How bad an error is that a processor has noted, and whether the machine can go on (processor
// manual 3B, 16.6 and 16.9).
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* From nothing to the worst. */
enum mca_severity {
    MCA_NOTHING,
    MCA_CORRECTED,
    MCA_NOT_NEEDED, /* lost data that nobody has asked for (UCNA, SRAO): software may act on it */
    MCA_NEEDED,     /* lost data that was asked for (SRAR): what has asked can't go on */
    MCA_FATAL,
};

/* Of one bank's status; `recovers`: the processor has MCG_CAP_RECOVERY. */
enum mca_severity mca_severity(uint64_t status, bool recovers);

enum mca_verdict {
    MCA_GO_ON,
    MCA_TELL_GUEST, /* which can be resumed, where it was */
    MCA_END_GUEST,  /* which can't */
    MCA_STOP_MACHINE,
};

/* After a machine check with this global status, the worst of all banks, that came in a guest or in
 * Pavise itself. */
enum mca_verdict mca_decide(enum mca_severity worst, uint64_t global_status, bool in_guest);
