#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Local APICs in x2APIC mode, and a processor whose APIC ID no xAPIC could name. Debian 12's QEMU has
# neither under TCG, so a newer one is fetched; where that cannot be, nothing is tested.
. tests/boot/lib/boot.sh
. tools/lib/common.sh
. tools/lib/packages.sh
. tools/lib/newer_qemu.sh

newer=$(newer_qemu) || {
    ok "x2APIC # SKIP $newer"
    exit
}
PATH=$newer:$PATH

complaints='WARNING: CPU|BUG:|Oops|unchecked MSR|soft lockup'
script() {
    cat <<SCRIPT
echo "vcpus: \$(nproc)"
ping -c 2 -W 10 10.0.2.2 >/dev/null && echo "network: yes"
echo 0 >/sys/devices/system/cpu/cpu1/online && echo 1 >/sys/devices/system/cpu/cpu1/online
echo "online: \$(cat /sys/devices/system/cpu/online)"
echo "complaints: \$(dmesg | grep -cE '$complaints')"
SCRIPT
}

# works DESCRIPTION OPTION...: Debian on two CPUs, with interrupts of devices and between CPUs.
works() {
    local what=$1
    shift
    boot --net "$@" < <(script)
    if on_pavise; then
        shows "$what: local APICs are in x2APIC mode" '2 processors \(x2APIC mode\)'
        shows "$what: all CPUs run" '2 CPUs run, 0 are not used'
    fi
    is "$what: to userland and a clean power-off" "0 2" "$status $(value vcpus)"
    is "$what: network, and a CPU that comes back" "yes 0-1" "$(value network) $(value online)"
    is "$what: no complaint in dmesg" 0 "$(value complaints)"
}

# A package of 288 cores, of which two are there: the first, and the one with APIC ID 280.
large_ids='-smp 1,sockets=1,cores=288,threads=1,maxcpus=288 -device max-x86_64-cpu,x2apic=on,socket-id=0,core-id=280,thread-id=0'

works "pc" --machine pc --cpu max,+x2apic --cpus 2
works "q35" --machine q35 --cpu max,+x2apic --cpus 2
works "APIC ID 280" --machine q35 --cpu max,+x2apic --qemu-args "$large_ids"

# Without it, the same QEMU starts no processor that an xAPIC cannot reach; the machine runs on.
boot --machine q35 --cpu max,-x2apic --cpus 2 <<'SCRIPT'
echo "vcpus: $(nproc)"
SCRIPT
on_pavise && shows "without x2APIC: local APICs are in xAPIC mode" '2 processors \(xAPIC mode\)'
is "without x2APIC: both CPUs" "0 2" "$status $(value vcpus)"

on_pavise || exit 0

# guest_tests DESCRIPTION QEMU-ARGUMENTS: two vCPUs on two CPUs, all that they tell each other.
guest_tests() {
    local total
    locked build_target guest
    total=$(tools/run-guest-tests --machine q35 --cpu max,+x2apic --cpus 1 --qemu-args "$2" \
        "$build/pavise.elf32" pavise "$build"/guest/{smp,event_race}.elf | tee "$work/guest" | tail -n 1)
    [[ $total == *" 0 failed" ]] || sed 's/^/  /' "$work/guest"
    is "$1: guest tests with two vCPUs" "0 failed" "${total#*, }"
}
guest_tests "APIC ID 280" "$large_ids"
