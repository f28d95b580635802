#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A root on ext4: unpack an archive of 100 MiB, checksum it, reboot, checksum it again; on virtio,
# and with less data on the older controllers.
. tests/boot/lib/boot.sh

# On the first boot the script writes and reboots, on the second it reads.
work_on_disk() {
    local mib=$1
    shift
    truncate -s 0 "$work/disk"
    truncate -s 400M "$work/disk"
    mkfs.ext4 -q -F "$work/disk"
    boot --disk "$work/disk" "$@" <<SCRIPT
echo "root: \$(awk '\$2 == "/mnt" { print \$3 }' /proc/mounts)"
cd /mnt
if [ ! -e sums ]; then
    mkdir tree
    for i in \$(seq $((mib / 2))); do
        # Half of each file is random, half is not.
        { dd if=/dev/urandom bs=64k count=8; dd if=/dev/zero bs=64k count=8; } 2>/dev/null >tree/\$i
    done
    tar c tree >archive
    rm -r tree
    sync
    echo 3 >/proc/sys/vm/drop_caches
    tar x <archive
    md5sum tree/* archive >sums
    echo "written: \$(du -m archive | cut -f 1)"
    cd /
    sync
    reboot
    sleep 60
fi
echo "good: \$(md5sum -c sums | grep -c ': OK')"
echo "bad: \$(md5sum -c sums 2>/dev/null | grep -vc ': OK')"
grep -E 'virtio|ahci|ata' /proc/interrupts | sed 's/^/interrupts: /'
echo "errors: \$(dmesg | grep -cE 'EXT4-fs error|I/O error|timed out|link is slow|exception Emask')"
SCRIPT
}

# expect_good DESCRIPTION MIB INTERRUPTS
expect_good() {
    is "$1: clean power-off after a reboot" 0 "$status"
    is "$1: the root is ext4" ext4 "$(value root)"
    is "$1: every checksum holds after the reboot" "$(($2 / 2 + 1)) good, 0 bad" "$(value good) good, $(value bad) bad"
    is "$1: no error of file system or disk" 0 "$(value errors)"
    shows "$1: its interrupts come as $3" "^interrupts: .*$3"
}

limit_s=300
work_on_disk 100
expect_good "virtio, 100 MiB" 100 "msi.*virtio"
work_on_disk 20 --machine q35 --disk-type ahci
expect_good "AHCI, 20 MiB" 20 "msi.*ahci"
work_on_disk 10 --disk-type ide
expect_good "IDE, 10 MiB" 10 "ioapic-edge.*ata_piix"
