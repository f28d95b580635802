#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Time by each of the machine's counters: domain 0's clock, which is what Pavise computes from it,
# against QEMU's. As in clock.sh the clocks are exact: twenty seconds pass in a few.
. tests/boot/lib/boot.sh

limit_s=300

{
    echo 'echo "clocksource: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"'
    clocks_over 20
} >"$work/clocks"

# keeps_time WHAT NAME HYPERVISOR_ARGS: twenty seconds by the counter that the log calls NAME.
keeps_time() {
    boot --qemu-args "-icount shift=0,sleep=off" --append clocksource=xen --hypervisor-args "$3" <"$work/clocks"
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
