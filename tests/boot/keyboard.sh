#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Keys pressed at the machine's own keyboard arrive in domain 0, though nothing else happens: the
# interrupt of a legacy device, through the I/O APIC.
. tests/boot/lib/boot.sh

port=$((20000 + $$ % 20000))
# press_keys: tells QEMU's monitor to press keys, once the script waits for them.
press_keys() {
    until grep -a -q '^waiting' "$work/raw" 2>/dev/null; do sleep 0.2; done
    exec {monitor}<>"/dev/tcp/127.0.0.1/$port"
    for _ in 1 2 3 4 5; do
        echo 'sendkey a' >&"$monitor"
        sleep 0.3
    done
}
press_keys &
limit_s=60
boot --qemu-args "-monitor tcp:127.0.0.1:$port,server=on,wait=off" <<'SCRIPT'
keys() { awk '$1 == "1:" { print $2 }' /proc/interrupts; }
before=$(keys)
# The console below shows that the script is ready for keys.
echo waiting
for _ in 1 2 3 4 5 6 7 8 9 10; do
    sleep 1
    [ $(($(keys) - before)) -lt 10 ] || break
done
echo "interrupts: $(($(keys) - before))"
SCRIPT
wait
is "a clean power-off" 0 "$status"
# Pressing and releasing is one each.
within "five keys make ten interrupts" 10 20 "$(value interrupts)"
