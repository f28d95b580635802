#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Debian's other kernels: each boots if its configuration can be domain 0; else the error says so.
# (The rt kernel hangs on the reference when it probes the keyboard controller.)
. tests/boot/lib/boot.sh

for flavour in cloud rt; do
    boot --flavour "$flavour" <<'SCRIPT'
echo "release: $(uname -r)"
echo "type: $(cat /sys/hypervisor/type)"
SCRIPT
    if grep -q '^CONFIG_XEN_DOM0=y' build/packages/linux-"$flavour"/boot/config-*; then
        is "$flavour: to userland and a clean power-off" "0 xen" "$status $(value type)"
        shows "$flavour: it is that kernel" "^release: .*-$flavour-amd64"
    else
        is "$flavour, built without domain 0 support, is refused" 2 "$status"
        says "$flavour, built without domain 0 support: the message says so" 'CONFIG_XEN_DOM0'
    fi
done
