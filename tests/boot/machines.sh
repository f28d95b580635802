#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Both of QEMU's PC machines, with and without the features of recent CPUs.
. tests/boot/lib/boot.sh

# reaches_userland DESCRIPTION OPTION...
reaches_userland() {
    local what=$1
    shift
    boot "$@" <<'SCRIPT'
echo "type: $(cat /sys/hypervisor/type)"
echo "warnings: $(dmesg | grep -cE 'WARNING: CPU|BUG:|Oops|unchecked MSR')"
dmesg | grep -E -A 8 'WARNING: CPU|BUG:|Oops|unchecked MSR'
SCRIPT
    is "$what: to userland and a clean power-off" "0 xen" "$status $(value type)"
    is "$what: no warning or bug in dmesg" 0 "$(value warnings)"
}

reaches_userland "q35, every CPU feature" --machine q35 --cpu max
for model in qemu64 Haswell EPYC; do
    reaches_userland "pc, $model" --machine pc --cpu "$model"
done
reaches_userland "q35, EPYC" --machine q35 --cpu EPYC
