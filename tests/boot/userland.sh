#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Debian's kernel reaches userland as domain 0, finds the interface it expects and complains of nothing.
. tests/boot/lib/boot.sh

boot <<'SCRIPT'
echo "type: $(cat /sys/hypervisor/type)"
echo "guest type: $(cat /sys/hypervisor/guest_type)"
echo "version: $(cat /sys/hypervisor/version/major).$(cat /sys/hypervisor/version/minor)"
echo "capabilities: $(cat /sys/hypervisor/properties/capabilities)"
echo "control: $(grep -c control_d /proc/xen/capabilities)"
echo "console: $(awk '{ print $NF }' /sys/class/tty/console/active)"
echo "warnings: $(dmesg | grep -cE 'WARNING: CPU|BUG:|Oops|Call Trace|cut here|unchecked MSR|general protection')"
dmesg | grep -E -A 8 'WARNING: CPU|BUG:|Oops|cut here|unchecked MSR|general protection'
# Complaints of the kernel's Xen parts, at the levels of an error and above.
echo "complaints: $(dmesg -r | grep -E '^<[0-3]>' | grep -ciE 'xen|hypercall|p2m|m2p|evtchn|gnttab|pirq|mmu')"
dmesg -r | grep -E '^<[0-3]>'
SCRIPT
is "a clean power-off" 0 "$status"
is "/sys/hypervisor/type is xen" xen "$(value type)"
is "the guest's type is PV" PV "$(value "guest type")"
is "the interface is that of 4.17" 4.17 "$(value version)"
shows "its capabilities name the 64-bit PV interface" '^capabilities: .*xen-3.0-x86_64'
is "it is the control domain" 1 "$(value control)"
is "its console is hvc0" hvc0 "$(value console)"
is "no warning or bug in dmesg" 0 "$(value warnings)"
is "no error of the kernel's Xen parts in dmesg" 0 "$(value complaints)"
