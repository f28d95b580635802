#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Debian's kernel as other distributions pack it, and as no packing at all; then broken ones, where
# the hypervisor must say what is wrong.
. tests/boot/lib/boot.sh
. tools/lib/kernel.sh

original=$(echo build/packages/linux-amd64/boot/vmlinuz-*)

# Boot protocol: payload_offset at 0x248 counts from the end of the setup sectors, payload_length is
# at 0x24c, and the last four bytes of the payload are the size when unpacked.
setup_bytes=$((($(little_endian "$original" 0x1f1 1) + 1) * 512))
payload_at=$((setup_bytes + $(little_endian "$original" 0x248 4)))
payload_bytes=$(little_endian "$original" 0x24c 4)
tail -c +$((payload_at + 1)) "$original" | head -c $((payload_bytes - 4)) | xz -dc >"$work/vmlinux"

# put_long FILE OFFSET NUMBER: four bytes, little-endian.
put_long() {
    local hex
    printf -v hex '\\x%02x' $(($3 & 255)) $(($3 >> 8 & 255)) $(($3 >> 16 & 255)) $(($3 >> 24 & 255))
    printf '%b' "$hex" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# repack FILE COMMAND...: the same kernel with a payload that this command packs. The build appends the
# unpacked size to all formats but gzip, whose own last word it is.
repack() {
    local to=$1
    shift
    head -c "$payload_at" "$original" >"$to"
    "$@" <"$work/vmlinux" >>"$to"
    local end
    end=$(stat -c %s "$to")
    if [ "$1" != gzip ]; then
        put_long "$to" "$end" "$(stat -c %s "$work/vmlinux")"
        end=$((end + 4))
    fi
    put_long "$to" $((0x24c)) $((end - payload_at))
    # The whole image is counted in paragraphs of 16 bytes.
    truncate -s %16 "$to"
    put_long "$to" $((0x1f4)) $((($(stat -c %s "$to") - setup_bytes) / 16))
}

# boots DESCRIPTION KERNEL
boots() {
    boot --kernel "$2" --initrd "$initrd" <<<'echo "type: $(cat /sys/hypervisor/type)"'
    is "$1: to userland and a clean power-off" "0 xen" "$status $(value type)"
}

initrd=$(echo build/initramfs/*-amd64.cpio)
initrd=${initrd%% *}

repack "$work/gzip" gzip -1
boots "gzip" "$work/gzip"
repack "$work/zstd" zstd -q -1 -c
boots "zstd" "$work/zstd"
# The kernel's build packs with the legacy format.
repack "$work/lz4" lz4 -q -l -1 -c
boots "lz4" "$work/lz4"
boots "plain ELF" "$work/vmlinux"

# fails_well DESCRIPTION KERNEL: a reason in words, no hang and no reset.
fails_well() {
    boot_plainly --kernel "$2" --initrd "$initrd" </dev/null
    is "$1: ends as a panic" 3 "$status"
    says "$1: with a reason" 'panicked: .{10}'
}

limit_s=30
cp "$original" "$work/corrupt"
head -c 4096 /dev/zero | dd of="$work/corrupt" bs=1 seek=$((payload_at + payload_bytes / 2)) conv=notrunc status=none
fails_well "a payload with a hole in its middle" "$work/corrupt"
cp /bin/true "$work/program"
fails_well "an ELF file without notes for this interface" "$work/program"
head -c 2000000 "$work/vmlinux" >"$work/short"
fails_well "an ELF file cut short" "$work/short"
