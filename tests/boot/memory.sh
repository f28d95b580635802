#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# From 256 MiB, the least that is promised, to 16 GiB, most of it above the hole for devices. (The
# reference does not build a domain 0 of Debian's kernel in 256 MiB.)
. tests/boot/lib/boot.sh

# Domain 0 gets all but what the hypervisor keeps: `share` percent at least, by what is left of it
# when its kernel has taken its image and 64 MiB of I/O buffers.
for size in 256:35 3072:85 16384:85; do
    mib=${size%:*} share=${size#*:}
    boot --memory "$mib" <<'SCRIPT'
echo "total: $(free -m | awk '/^Mem:/ { print $2 }')"
# Every page is there: write a good part of the free ones and read them back.
free=$(free -m | awk '/^Mem:/ { print $4 }')
blocks=$((free / 2 > 128 ? 128 : free / 2))
mount -o remount,size=90% /tmp
dd if=/dev/zero bs=1M count="$blocks" 2>/dev/null | tr '\0' x >/tmp/block
echo "written: $(tr -d x </tmp/block | wc -c) of $(($(stat -c %s /tmp/block) - blocks * 1048576))"
SCRIPT
    is "$mib MiB: to userland and a clean power-off" 0 "$status"
    within "$mib MiB: domain 0 has at least $share %" $((mib * share / 100)) "$mib" "$(value total)"
    is "$mib MiB: what was written is read back" "0 of 0" "$(value written)"
done

boot --memory 1024 --hypervisor-args "dom0_mem=300M" <<'SCRIPT'
echo "total: $(free -m | awk '/^Mem:/ { print $2 }')"
SCRIPT
within "dom0_mem=300M gives domain 0 that much" 150 300 "$(value total)"
