#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The loaders that users have: GRUB on a BIOS with Multiboot 1 and 2, GRUB on UEFI with Multiboot 2,
# and a PVH loader, which QEMU is for a 64-bit ELF file. (QEMU's Multiboot 1 boots all other tests.)
# GRUB and the UEFI firmware are unpacked below build/packages, not installed.
. tests/boot/lib/boot.sh
. tools/lib/common.sh
. tools/lib/packages.sh
. tools/lib/kernel.sh

for package in grub-common libdevmapper1.02.1 grub-pc-bin grub-efi-amd64-bin ovmf; do
    locked fetched "$package"
done

cpu=max
hypervisor=$build/pavise.elf32
if ! on_pavise; then
    cpu=max,-smap
    hypervisor=$(reference_image)
fi
kernel=$(default_kernel amd64)
initrd=$(echo build/initramfs/*-amd64.cpio)
initrd=${initrd%% *}

grub_image() {
    LD_LIBRARY_PATH=$packages/libdevmapper1.02.1/lib/x86_64-linux-gnu \
        "$packages/grub-common/usr/bin/grub-mkimage" "$@"
}

# grub_config PROTOCOL: what a user's grub.cfg says; the protocol is multiboot or multiboot2. GRUB
# does not pass a file's name; as Debian's own menus do, a word stands in its place.
grub_config() {
    local module=module2
    [ "$1" = multiboot2 ] || module=module
    cat <<CONFIG
search --file --set=root /hypervisor
$1 /hypervisor placeholder console=com1 com1=115200,8n1 loglvl=info noreboot
$module /kernel placeholder console=hvc0 pavise.headless
$module /initrd
boot
CONFIG
}

# The files lie on a disk of their own, as on a user's machine; GRUB finds it.
make_files_disk() {
    mkdir "$work/files"
    cp "$hypervisor" "$work/files/hypervisor"
    cp "$kernel" "$work/files/kernel"
    cp "$initrd" "$work/files/initrd"
    truncate -s 64M "$work/files.img"
    mkfs.ext4 -q -F -d "$work/files" "$work/files.img"
}

# A BIOS loads the first sector, which loads the rest from the sectors behind it.
make_bios_disk() {
    grub_config "$1" >"$work/grub.cfg"
    grub_image -O i386-pc -d "$packages/grub-pc-bin/usr/lib/grub/i386-pc" -c "$work/grub.cfg" \
        -p /grub -o "$work/core.img" biosdisk ext2 search search_fs_file multiboot multiboot2 boot
    cat "$packages/grub-pc-bin/usr/lib/grub/i386-pc/boot.img" "$work/core.img" >"$work/bios.img"
    truncate -s 2M "$work/bios.img"
}

# UEFI loads EFI/BOOT/BOOTX64.EFI from a FAT file system, which QEMU makes of a directory.
make_uefi_directory() {
    mkdir -p "$work/esp/EFI/BOOT"
    grub_config multiboot2 >"$work/grub.cfg"
    grub_image -O x86_64-efi -d "$packages/grub-efi-amd64-bin/usr/lib/grub/x86_64-efi" -c "$work/grub.cfg" \
        -p /grub -o "$work/esp/EFI/BOOT/BOOTX64.EFI" part_gpt part_msdos ext2 search search_fs_file multiboot2 boot
}

# machine OPTION...: QEMU to its end or the time limit; fills $console and sets status.
machine() {
    last_command="qemu-system-x86_64 $*"
    boots=$((boots + 1))
    : >"$work/messages"
    timeout -k 5 "$limit_s" qemu-system-x86_64 -nodefaults -vga std -display none -accel tcg -cpu "$cpu" -m 1024 \
        -no-reboot -serial stdio "$@" </dev/null >"$work/raw" 2>"$work/messages"
    status=$?
    tr -d '\r' <"$work/raw" >"$console"
}

# reaches_userland DESCRIPTION: this loader brought domain 0 up, and it powered off.
reaches_userland() {
    is "$1: to userland and a power-off" "0 1" "$status $(grep -a -c '^pavise: userland after' "$console")"
    shows "$1: domain 0 sees the machine's ACPI tables" 'Preparing to enter system sleep state S5'
}

make_files_disk
for protocol in multiboot multiboot2; do
    make_bios_disk "$protocol"
    machine -drive "format=raw,file=$work/bios.img" -drive "format=raw,file=$work/files.img"
    reaches_userland "GRUB on a BIOS, $protocol"
done

make_uefi_directory
machine -machine q35 -bios "$packages/ovmf/usr/share/ovmf/OVMF.fd" \
    -drive "format=raw,file=fat:rw:$work/esp" -drive "format=raw,file=$work/files.img"
reaches_userland "GRUB on UEFI, multiboot2"

# A PVH loader passes one module and no arguments for it: one of our own kernels, which needs none.
if on_pavise; then
    locked build_target guest
    machine -kernel "$build/pavise.elf" -append "console=com1 com1=115200,8n1 noreboot" -initrd "$build/guest/version.elf"
    is "PVH: a kernel runs and powers off" 0 "$status"
    shows "PVH: its tests pass" '^ok 1'
    is "PVH: none of them fails" 0 "$(grep -a -c '^not ok' "$console")"
fi
