#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Debian's kernel with several vCPUs, more than the machine has CPUs too: all come up, share the
# work, go and come back by Linux's own interface, and nothing complains.
. tests/boot/lib/boot.sh

# domain0_script ROUNDS: what domain 0 does. ROUNDS is how often each vCPU but the first goes
# offline and back while loads run that are bound to vCPUs, and some that move.
domain0_script() {
    cat <<SCRIPT
rounds=$1
SCRIPT
    cat <<'SCRIPT'
echo "online: $(cat /sys/devices/system/cpu/online)"
echo "processors: $(grep -c ^processor /proc/cpuinfo)"
last=$(($(grep -c ^processor /proc/cpuinfo) - 1))

# A load bound to each vCPU, at once: each has to run where it belongs.
for cpu in $(seq 0 "$last"); do
    taskset "$(printf %x $((1 << cpu)))" sh -c 'i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); done; awk "{ print \$39 }" /proc/self/stat' >"/tmp/ran.$cpu" &
done
wait
bound=0
for cpu in $(seq 0 "$last"); do
    [ "$(cat "/tmp/ran.$cpu")" = "$cpu" ] && bound=$((bound + 1))
done
echo "bound: $bound"

# Processes that come and go, wake each other and move, while vCPUs go and come back.
while [ ! -e /tmp/enough ]; do echo moving | cat | grep -q moving; done &
mover=$!
done_rounds=0
while [ "$done_rounds" -lt "$rounds" ]; do
    for cpu in $(seq 1 "$last"); do
        echo 0 >"/sys/devices/system/cpu/cpu$cpu/online" || echo "refused: offline $cpu"
    done
    for cpu in $(seq 1 "$last"); do
        echo 1 >"/sys/devices/system/cpu/cpu$cpu/online" || echo "refused: online $cpu"
    done
    done_rounds=$((done_rounds + 1))
done
touch /tmp/enough
wait "$mover"
echo "rounds: $done_rounds"
echo "online after: $(cat /sys/devices/system/cpu/online)"
echo "warnings: $(dmesg | grep -cE 'WARNING|BUG|Oops|Call Trace|cut here|rcu.*stall|lockup|unchecked MSR|clocksource.*unstable|not responding')"
dmesg | grep -E -A 12 'WARNING|BUG|Oops|cut here|rcu.*stall|lockup|not responding'
SCRIPT
}

# vcpus COUNT ROUNDS CPUS: boots with so many vCPUs on so many CPUs.
vcpus() {
    local what="$1 vCPUs on $3 CPUs" online="0-$(($1 - 1))"
    boot --cpus "$3" --hypervisor-args "dom0_max_vcpus=$1" < <(domain0_script "$2")
    is "$what: a clean power-off" 0 "$status"
    is "$what: all are online" "$online" "$(value online)"
    is "$what: each runs what is bound to it" "$1" "$(value bound)"
    is "$what: they went and came back" "$2" "$(value rounds)"
    is "$what: all are online again" "$online" "$(value "online after")"
    is "$what: none was refused" "" "$(value refused)"
    is "$what: no complaint of the kernel" 0 "$(value warnings)"
    is "$what: no complaint of the hypervisor" "" "$(grep -a -i -E '^\(pavise\).*(error|crash|panic|assert)' "$console")"
}

vcpus 2 50 1
vcpus 4 17 1
vcpus 8 3 1
vcpus 2 50 2
vcpus 4 17 2
vcpus 8 3 2
