#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A DHCP lease, an answer from the gateway and a file from it, with both network cards.
. tests/boot/lib/boot.sh

mkdir "$work/tftp"
head -c 4M /dev/urandom >"$work/tftp/file"
sum=$(md5sum <"$work/tftp/file")

for card in virtio-net-pci e1000; do
    boot --qemu-args "-netdev user,id=n,tftp=$work/tftp -device $card,netdev=n,romfile=" <<'SCRIPT'
echo "address: $(ip -4 -o addr show | awk '$2 != "lo" { print $4 }')"
echo "gateway: $(ip route | awk '/^default/ { print $3 }')"
echo "pings: $(ping -c 3 10.0.2.2 | sed -n 's/.* \([0-9]*\) packets received.*/\1/p')"
cd /tmp
tftp -g -b 1400 -r file 10.0.2.2
echo "sum: $(md5sum <file)"
SCRIPT
    is "$card: a clean power-off" 0 "$status"
    is "$card: a lease from QEMU's network" 10.0.2.15/24 "$(value address)"
    is "$card: a default route" 10.0.2.2 "$(value gateway)"
    is "$card: the gateway answers" 3 "$(value pings)"
    is "$card: a file of 4 MiB arrives whole" "$sum" "$(value sum)"
done
