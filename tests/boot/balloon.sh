#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Linux's own balloon driver: domain 0 gives memory back and takes it again, and both sides count the
# same.
. tests/boot/lib/boot.sh

limit_s=180
boot --memory 768 <<'SCRIPT'
target=/sys/devices/system/xen_memory/xen_memory0/target_kb
current=/sys/devices/system/xen_memory/xen_memory0/info/current_kb

# settle: waits until the driver has done what it was told.
settle() {
    for _ in $(seq 60); do
        [ "$(cat $current)" != "$(cat $target)" ] || break
        sleep 1
    done
    echo "$1-kb: $(cat $current)"
    echo "$1-linux-kb: $(awk '/^MemTotal/ { print $2 }' /proc/meminfo)"
    # Pavise's own count follows this mark on the console.
    echo "mark $1"
    debug-keys m
    sleep 1
}
settle start
start=$(cat $current)
echo $((start - 64 * 1024)) >$target
settle down
echo "$start" >$target
settle up
# What came back is memory like any other.
dd if=/dev/zero of=/tmp/fill bs=1M count=200 2>/dev/null && rm /tmp/fill && echo "filled: yes"
dmesg | grep -cE 'WARNING:|BUG:|Oops|Bad page' | sed 's/^/complaints: /'
SCRIPT

is "a balloon driver boots and ends well" 0 "$status"
is "64 MiB less: Linux gave them up" 65536 $(($(value start-kb) - $(value down-kb)))
is "and they came back" "$(value start-kb)" "$(value up-kb)"
is "memory that came back can be used" yes "$(value filled)"
is "Linux complains about nothing" 0 "$(value complaints)"

# free_after MARK: frames free in Pavise, as its key tells behind that mark.
free_after() { sed -n "/^mark $1/,\$p" "$console" | sed -n 's/.* \([0-9]*\) of [0-9]* frames are free.*/\1/p' | head -n 1; }
if on_pavise; then
    is "Pavise has these frames to give meanwhile" 16384 $(($(free_after down) - $(free_after start)))
    is "and none of them afterwards" "$(free_after start)" "$(free_after up)"
fi
