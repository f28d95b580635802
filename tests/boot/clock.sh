#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Domain 0's clocks against QEMU's. Under -icount shift=0 QEMU's clock counts instructions, one a
# nanosecond, the time-stamp counter shows it, and a machine that sleeps jumps to its next timer: an
# hour passes in seconds, and the comparison is exact.
. tests/boot/lib/boot.sh

limit_s=400
{
    cat <<'SCRIPT'
echo "date: $(date +%Y-%m-%dT%H:%M)"
echo "clocksource: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
SCRIPT
    clocks_over 3600
} >"$work/clocks"
boot --qemu-args "-icount shift=0,sleep=off -rtc base=2031-05-06T07:08:09,clock=vm" <"$work/clocks"
is "an hour passes and ends cleanly" 0 "$status"
guest=$(value guest) qemu=$(value qemu)
shows "the wall clock is the machine's at boot" '^date: 2031-05-06T07:0[89]$'
within "an hour of domain 0 is an hour (us)" 3600000000 3602000000 "$guest"
if [ -n "$guest" ] && [ -n "$qemu" ]; then
    drift=$(awk -v g="$guest" -v q="$qemu" 'BEGIN { printf "%.0f", (g - q) / q * 1e6 }')
else
    drift=unknown
fi
within "drift against QEMU's clock, in parts per million" -50 50 "$drift"
