#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Time by each of the machine's counters: domain 0's clock, which is what Pavise computes from it,
# against QEMU's. As in clock.sh the clocks are exact: twenty seconds pass in a few.
. tests/boot/lib/boot.sh

limit_s=300

# keeps_time WHAT NAME HYPERVISOR_ARGS: twenty seconds by the counter that the log calls NAME.
keeps_time() {
    boot --qemu-args "-icount shift=0,sleep=off" --append clocksource=xen --hypervisor-args "$3" <<'SCRIPT'
echo "clocksource: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
# Uptime has hundredths of a second: begin at the edge of one.
edge() {
    local now last=$(cut -d ' ' -f 1 /proc/uptime)
    while now=$(cut -d ' ' -f 1 /proc/uptime); [ "$now" = "$last" ]; do :; done
    echo "$now $(ticks)"
}
set -- $(edge)
sleep 20
set -- "$@" $(edge)
# Both in microseconds.
echo "guest: $(awk -v a="$1" -v b="$3" 'BEGIN { printf "%.0f", (b - a) * 1e6 }')"
echo "qemu: $(awk -v a="$2" -v b="$4" 'BEGIN { printf "%.0f", (b - a) / 1e3 }')"
SCRIPT
    is "$1: to userland by Pavise's clock, and a clean power-off" "0 xen" "$status $(value clocksource)"
    shows "$1: the log names it" "clock source: $2"
    within "$1: twenty seconds are twenty seconds (us)" 20000000 21000000 "$(value guest)"
    # What the edge of a hundredth is known to, out of them.
    within "$1: the same as QEMU's (us)" -3000 3000 "$(($(value guest) - $(value qemu)))"
}

keeps_time "HPET" "HPET, [0-9]+ kHz, as asked for" clocksource=hpet
keeps_time "ACPI timer" "ACPI PM timer, 3579 kHz, as asked for" clocksource=acpi
keeps_time "PIT" "PIT, 1193 kHz, as asked for" clocksource=pit
keeps_time "unreliable counters and no HPET" "ACPI PM timer.*not to be relied on" "tsc=unstable hpet=0"
