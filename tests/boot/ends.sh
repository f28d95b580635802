#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# How a run ends, and what ./pavise makes of it.
. tests/boot/lib/boot.sh

limit_s=60
boot_plainly </dev/null
is "nobody there to type: the machine powers off after the welcome" 0 "$status"
shows "the welcome says what runs under the user" 'under you +type xen, interface 4\.17'
shows "the welcome says how to leave" 'poweroff ends the machine, reboot'

boot_plainly < <(printf 'echo $((6 * 7)) is typed\nuname -r\n')
is "input through a pipe is typed into the shell, then the machine powers off" 0 "$status"
shows "the console's input arrives" '^42 is typed$'

boot <<<'exit 7'
is "a script that fails" 1 "$status"
says "its status is told" 'ended with status 7'

boot <<<'echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger; sleep 60'
is "a crash of domain 0" 4 "$status"
says "a crash is told" 'guest crashed'

limit_s=8
boot <<<'sleep 1000'
is "a run that does not end" 124 "$status"
says "the time limit is told" 'no end within 8 seconds'
