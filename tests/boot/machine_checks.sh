#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Errors of processors, which QEMU makes up on request: those that were corrected reach the kernel's
# own log of machine checks, what cannot be survived ends in a report, and the rest is survived.
. tests/boot/lib/boot.sh
on_pavise || exit 0

port=$((40000 + $$ % 20000))
monitor="-monitor tcp:127.0.0.1:$port,server=on,wait=off"

# when_waiting COMMAND: gives it to QEMU's monitor once domain 0 of the next boot says that it waits.
when_waiting() {
    rm -f "$work/raw"
    give_when_waiting "$1" &
}
give_when_waiting() {
    until grep -a -q '^waiting' "$work/raw" 2>/dev/null; do sleep 0.2; done
    exec {socket}<>"/dev/tcp/127.0.0.1/$port"
    echo "$1" >&"$socket"
    sleep 2
}

# A record of the kernel's is a struct mce: at 0 its status, at 16 its address, at 92 its bank.
listener() {
    cat <<'SCRIPT'
echo waiting
turns=0
while [ $turns -lt 40 ]; do
    timeout 1 cat /dev/mcelog >/root/log 2>/dev/null
    [ ! -s /root/log ] || break
    turns=$((turns + 1))
    sleep 0.5
done
echo "record: $(od -A n -t x8 -N 8 /root/log) $(od -A n -t x8 -j 16 -N 8 /root/log)"
echo "still: here"
SCRIPT
}

# survives WHAT CPU BANK STATUS GLOBAL ADDRESS: domain 0 goes on, and its kernel has a record.
survives() {
    when_waiting "mce $2 $3 0x$4 $5 0x$6 0"
    boot --cpus 2 --hypervisor-args "mca_poll=500" --qemu-args "$monitor" < <(listener)
    wait
    is "$1: domain 0 goes on" "0 here" "$status $(value still)"
    is "$1: its kernel has the record" "$4 $(printf %016x "0x$6")" \
        "$(value record | tr -s ' ' | sed 's/^ //')"
}

survives "corrected" 0 3 9400000000000136 0x0 12345000
shows "corrected: Pavise says so" 'CPU 0: the processor reports corrected errors'
survives "corrected, on the second CPU" 1 3 9400000000000136 0x0 12345000
survives "lost data that nobody needed" 1 2 b5000000000000cf 0x5 12345000
shows "lost data that nobody needed: Pavise says so" 'CPU 1: the processor reports errors that it could not'

when_waiting "mce 0 1 0xbe00000000000136 0x5 0x12345000 0"
boot --cpus 2 --qemu-args "$monitor" < <(listener)
wait
is "fatal: the machine stops" 3 "$status"
shows "fatal: the report says what happened" 'machine check'
shows "fatal: the report has the bank" 'machine check bank 1: status be00000000000136, address 0*12345000'

# Busy, so that it comes in the guest: the reader of lost data cannot go on, but Pavise does.
when_waiting "mce 0 1 0xb580000000000134 0x6 0x12345000 0"
boot --qemu-args "$monitor" <<'SCRIPT'
echo waiting
while :; do :; done
SCRIPT
wait
is "needed by domain 0: it is ended" 4 "$status"
shows "needed by domain 0: and told why" 'domain 0 crashed.*machine check|machine check in vCPU 0'
