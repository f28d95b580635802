#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What helps to find a fault: the tracer, a debugger's stub, a guest's last words.
. tests/boot/lib/boot.sh

limit_s=240
boot --trace <<<'echo "type: $(cat /sys/hypervisor/type)"'
is "with --trace it still boots to userland" "0 xen" "$status $(value type)"
shows "--trace names hypercalls" 'PAVISE.*(mmu_update|update_va_mapping|multicall|set_trap_table)'

limit_s=4
boot_plainly --gdb </dev/null
is "--gdb waits" 124 "$status"
says "--gdb tells how to attach" "gdb .*pavise\.elf .*target remote localhost:[0-9]+"

limit_s=60
boot <<<'echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger; sleep 60'
shows "a crash of domain 0 is said on a line of its own" '^\(PAVISE\).*domain 0 crashed'
shows "and its registers are shown" '(RIP|rip)[ :=]+[0-9a-f]+'
