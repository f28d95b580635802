#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Several CPUs, each emulated by a thread of its own: all of them run domain 0, they go offline and
# come back, and the machine's ends work with all of them on.
. tests/boot/lib/boot.sh

complaints='BUG:|WARNING: CPU|Oops|rcu.*stall|soft lockup|unchecked MSR|Marking clocksource|hung task'

# Work for every vCPU, while the CPUs of the kernel and of the machine go and come under it.
hotplug_script() {
    cat <<'SCRIPT'
echo "vcpus: $(nproc)"
echo "clock: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
for vcpu in $(seq "$(nproc)"); do
    (i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); : | cat; [ $i -lt 40 ] || break; done) &
done
# The kernel hears of a processor's change by an event, and shows it some time after.
processor=/sys/devices/system/xen_cpu/xen_cpu1/online
processor_is() {
    tries=0
    until [ "$(cat $processor)" = $1 ]; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || return 1
        sleep 0.1
    done
}
turns=0
while [ $turns -lt 3 ]; do
    echo 0 >/sys/devices/system/cpu/cpu1/online
    echo 1 >/sys/devices/system/cpu/cpu1/online
    echo 0 >$processor && processor_is 0 || break
    echo 1 >$processor && processor_is 1 || break
    turns=$((turns + 1))
done
wait
echo "turns: $turns"
echo "online: $(cat /sys/devices/system/cpu/online)"
SCRIPT
    echo "echo \"complaints: \$(dmesg | grep -cE '$complaints')\""
    echo "dmesg | grep -E -A 8 '$complaints'"
}

# works_on CPUS VCPUS
works_on() {
    local cpus=$1 vcpus=$2
    boot --cpus "$cpus" --hypervisor-args "dom0_max_vcpus=$vcpus" < <(hotplug_script)
    shows "$vcpus vCPUs on $cpus CPUs: all CPUs run" "$cpus CPUs run, 0 are not used"
    is "$vcpus vCPUs on $cpus CPUs: MTRRs are the same" 0 "$(grep -c "MTRRs can't" "$console")"
    is "$vcpus vCPUs on $cpus CPUs: to userland and a clean power-off" "0 $vcpus" \
        "$status $(value vcpus)"
    is "$vcpus vCPUs on $cpus CPUs: CPUs go offline and come back under load" "3 0-$((vcpus - 1))" \
        "$(value turns) $(value online)"
    is "$vcpus vCPUs on $cpus CPUs: no complaint in dmesg" 0 "$(value complaints)"
}

# uses_of_three WHAT HYPERVISOR_ARGS: the number of CPUs used of a machine with three.
uses_of_three() {
    boot --cpus 3 --hypervisor-args "$2" <<'SCRIPT'
echo "vcpus: $(nproc)"
SCRIPT
    is "$1" "0 $3" "$status $(value vcpus)"
}

works_on 2 2
works_on 2 4

uses_of_three "domain 0 has a vCPU for each CPU" "" 3
uses_of_three "maxcpus=2 leaves one CPU out" maxcpus=2 2
uses_of_three "nosmp leaves all but one out" nosmp 1

boot_plainly --cpus 2 --append "panic=-1 init=/no/such/program rdinit=/no/such/program"
shows "a crash of domain 0 with two CPUs is reported" 'domain 0 crashed'

# An NMI that the machine raises reaches domain 0's kernel, though two CPUs are on.
port=$((20000 + $$ % 20000))
raise_nmi() {
    until grep -a -q '^waiting' "$work/raw" 2>/dev/null; do sleep 0.2; done
    exec {monitor}<>"/dev/tcp/127.0.0.1/$port"
    echo nmi >&"$monitor"
    sleep 1
}
raise_nmi &
boot --cpus 2 --qemu-args "-monitor tcp:127.0.0.1:$port,server=on,wait=off" <<'SCRIPT'
echo waiting
turns=0
while [ $turns -lt 20 ] && ! dmesg | grep -q 'NMI received'; do sleep 1; turns=$((turns + 1)); done
echo "nmis: $(dmesg | grep -c 'NMI received for unknown reason')"
SCRIPT
is "a hardware NMI is told to domain 0" "0 1" "$status $(value nmis)"
