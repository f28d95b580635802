#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Debian's own tools in domain 0: xenstored, xenconsoled and xl look at the machine, and start, steer
# and end a PV guest with Debian's kernel. Nothing of the guest is left.
. tools/lib/common.sh
. tools/lib/packages.sh
. tools/lib/kernel.sh
. tools/lib/closure.sh
. tools/lib/xen_tools.sh
. tests/boot/lib/boot.sh

locked fetch_xen_tools
xen_tools_initrd "$(default_kernel amd64)" "$work/initrd"

limit_s=${PAVISE_BOOT_LIMIT:-400}
boot --memory 800 --cpus 2 --hypervisor-args 'dom0_mem=400M,max:400M' --initrd "$work/initrd" <<'SCRIPT'
export PATH=$PATH:/usr/sbin:/usr/bin
guest_log=/var/log/xen/console/guest-pv.log

# until_true SECONDS COMMAND...: waits for it so long.
until_true() {
    local left=$1
    shift
    until "$@" >/dev/null 2>&1 || [ "$left" = 0 ]; do
        sleep 1
        left=$((left - 1))
    done
}
# does NAME COMMAND...: its status, and what it says if that is not 0.
does() {
    local name=$1
    shift
    "$@" >/tmp/said 2>&1
    echo "$name: $?"
    grep -q . /tmp/said && sed 's/^/    /' /tmp/said
}
free_mib() { xl info free_memory; }
# xl's columns: name, ID, memory, vCPUs, state, time.
column() { xl list pv | awk -v column="$1" 'NR == 2 { print $column }'; }
has() { [ "$(column "$1")" = "$2" ]; }
only_domain_0() { [ "$(xl list | wc -l)" = 2 ]; }
vcpus_online() { [ "$(xl list pv | awk 'NR == 2 { print $4 }')" = "$1" ]; }

echo 'autoballoon="off"' >/etc/xen/xl.conf
mkdir -p /run/xen /run/xenstored /run/lock
xenstored --pid-file /run/xenstore.pid
until_true 60 xenstore-read -s /
does init xen-init-dom0
does consoled xenconsoled --log=guest --pid-file=/run/xenconsoled.pid
echo "name of domain 0: $(xenstore-read /local/domain/0/name)"

does info xl info -n
does list xl list -v
does vcpus-list xl vcpu-list
does pools xl cpupool-list
does log xl dmesg
does keys xl debug-keys h
does weight xl sched-credit2 -d 0 -w 512
echo "weight of domain 0: $(xl sched-credit2 -d 0 | awk '$1 == "Domain-0" { print $3 }')"

cat >/etc/xen/pv.cfg <<CONFIGURATION
name = "pv"
kernel = "/guest/kernel"
ramdisk = "/guest/initramfs"
extra = "console=hvc0"
memory = 128
maxmem = 160
vcpus = 2
CONFIGURATION
free_before=$(free_mib)
began=$(cut -d . -f 1 /proc/uptime)
does create xl create /etc/xen/pv.cfg
echo "seconds: $(($(cut -d . -f 1 /proc/uptime) - began))"
until_true 200 grep -q 'to leave' $guest_log
tr -d '\r' <$guest_log | sed 's/^/    /' | tail -n 30
echo # behind the guest's prompt
echo "userland: $(grep -c 'Welcome to Pavise' $guest_log)"
echo "memory: $(column 3)"
echo "vcpus: $(column 4)"

does pause xl pause pv
echo "paused: $(column 5 | grep -c p)" # it may be blocked, too
does unpause xl unpause pv
does pin xl vcpu-pin pv 0 1
echo "pinned: $(xl vcpu-list pv | awk '$3 == 0 { print $(NF - 2) }')"
does cap xl sched-credit2 -d pv -c 90
does balloon xl mem-set pv 112
until_true 60 has 3 112
echo "memory after: $(column 3)"
does unplug xl vcpu-set pv 1
until_true 60 vcpus_online 1
echo "vcpus after: $(column 4)"

does shutdown xl shutdown -w pv
until_true 60 only_domain_0
does destroyed-create xl create -p /etc/xen/pv.cfg
does destroy xl destroy pv
until_true 60 only_domain_0
echo "domains at the end: $(xl list | awk 'NR > 1' | wc -l)"
echo "free: $free_before, $(free_mib)"
SCRIPT

is "a clean power-off" 0 "$status"
is "xenstored knows domain 0" Domain-0 "$(value "name of domain 0")"
for step in init consoled info list vcpus-list pools log keys weight; do
    is "the tools in domain 0: $step" 0 "$(value "$step")"
done
is "xl sets domain 0's weight" 512 "$(value "weight of domain 0")"
is "xl create starts a guest" 0 "$(value create)"
is "which reaches userland on xenconsoled's console" 1 "$(value userland)"
is "with its memory" 128 "$(value memory)"
is "and its vCPUs" 2 "$(value vcpus)"
is "xl pause" "0 1" "$(value pause) $(value paused)"
is "xl unpause" 0 "$(value unpause)"
is "xl vcpu-pin" "0 1" "$(value pin) $(value pinned)"
is "xl sched-credit2 sets a cap" 0 "$(value cap)"
is "xl mem-set: the guest gives memory back" "0 112" "$(value balloon) $(value "memory after")"
is "xl vcpu-set: the guest takes a vCPU offline" "0 1" "$(value unplug) $(value "vcpus after")"
is "xl shutdown" 0 "$(value shutdown)"
is "xl destroy of one that never ran" "0 0" "$(value destroyed-create) $(value destroy)"
is "only domain 0 is left" 1 "$(value "domains at the end")"
free=$(value free)
is "and all memory is free again" "${free%, *}" "${free#*, }"
