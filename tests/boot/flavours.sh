#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Debian's other kernels: each boots if its configuration has PV support; else the error says so.
. tests/boot/lib/boot.sh

for flavour in cloud rt; do
    tools/run --prepare --flavour "$flavour" ${PAVISE_BOOT_ON:+"$PAVISE_BOOT_ON"}
    boot --flavour "$flavour" <<'SCRIPT'
echo "release: $(uname -r)"
echo "type: $(cat /sys/hypervisor/type)"
SCRIPT
    if grep -q '^CONFIG_XEN_PV=y' build/packages/linux-"$flavour"/boot/config-*; then
        is "$flavour: to userland and a clean power-off" "0 xen" "$status $(value type)"
        shows "$flavour: it is that kernel" "^release: .*-$flavour-amd64"
    else
        is "$flavour, built without PV support: refused as a panic" 3 "$status"
        shows "$flavour, built without PV support: the error says so" 'PAVISE.*(PV|Xen|note)'
    fi
done
