# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Kernels, initramfs images and the reference: what boots, and whether a user's file can be one.

# default_kernel FLAVOUR: the path of Debian's kernel; it was fetched before.
default_kernel() { echo "$packages/linux-$1"/boot/vmlinuz-*; }

# hex_at FILE OFFSET BYTES: some bytes of a file as hexadecimal digits, in file order.
hex_at() { od -An -v -tx1 -j "$2" -N "$3" "$1" 2>/dev/null | tr -d ' \n'; }

# little_endian FILE OFFSET BYTES: the same as a number.
little_endian() {
    local hex
    hex=$(od -An -v -tu"$3" -j "$2" -N "$3" "$1" 2>/dev/null)
    echo $((hex))
}

# kernel_format FILE: elf, bzimage or unknown. Linux's boot protocol puts "HdrS" at 0x202.
kernel_format() {
    if [ "$(hex_at "$1" 0 4)" = 7f454c46 ]; then
        echo elf
    elif [ "$(hex_at "$1" 0x202 4)" = 48647253 ]; then
        echo bzimage
    else
        echo unknown
    fi
}

# check_readable KIND FILE: a file that can be read, or one line that says why not.
check_readable() {
    [ -e "$2" ] || usage_error "there is no $1 $2; check the path"
    [ ! -d "$2" ] || usage_error "the $1 $2 is a directory; give a file"
    [ -r "$2" ] || usage_error "the $1 $2 cannot be read by you; try: chmod +r $2"
    [ -s "$2" ] || usage_error "the $1 $2 is empty; give another file"
}

check_kernel() {
    check_readable kernel "$1"
    case $(kernel_format "$1") in
    unknown) usage_error "$1 is no kernel (neither ELF nor bzImage); try without --kernel" ;;
    bzimage) check_bzimage_whole "$1" ;;
    esac
}

# Boot protocol: setup sectors at 0x1f1 (0 means 4), 16-byte paragraphs of payload at 0x1f4.
check_bzimage_whole() {
    local sectors size
    sectors=$(little_endian "$1" 0x1f1 1)
    [ "$sectors" != 0 ] || sectors=4
    size=$(((sectors + 1) * 512 + $(little_endian "$1" 0x1f4 4) * 16))
    [ "$(stat -L -c %s "$1")" -ge "$size" ] ||
        usage_error "the kernel $1 is cut short: its header says $size bytes; copy it again"
}

# check_domain0_support KERNEL: Debian puts a kernel's configuration beside it; one that cannot be
# domain 0 would run without a console, and nobody would know why.
check_domain0_support() {
    local option config
    [ "$(kernel_format "$1")" = bzimage ] || return 0
    config=$(dirname "$1")/config-$(kernel_version "$1")
    [ -r "$config" ] || return 0
    for option in CONFIG_XEN_PV CONFIG_XEN_DOM0; do
        grep -q "^$option=y" "$config" ||
            usage_error "this kernel cannot be domain 0, it was built without $option ($config); try another"
    done
}

# kernel_version BZIMAGE: its release, as `uname -r` says it (boot protocol, kernel_version at 0x20e).
kernel_version() {
    local offset
    offset=$(($(little_endian "$1" 0x20e 2) + 0x200))
    dd if="$1" bs=1 skip="$offset" count=128 status=none | tr '\0' '\n' | sed -n '1s/ .*//p'
}

# The formats that Linux unpacks, by their first bytes (init/initramfs.c, lib/decompress.c).
check_initrd() {
    check_readable initrd "$1"
    case $(hex_at "$1" 0 6) in
    303730373031 | 303730373032) ;; # cpio, newc
    1f8b* | fd377a585a00 | 28b52ffd* | 02214c18* | 425a68* | 5d0000* | 894c5a4f*) ;; # compressed
    *) usage_error "$1 is no initramfs (neither cpio nor compressed); try without --initrd" ;;
    esac
}

# initramfs_for KERNEL: builds the initramfs with the modules that lie beside this kernel, if it is
# a Linux with modules there (DIR/boot/vmlinuz-X with DIR/lib/modules/X), and prints its path.
initramfs_for() {
    local version modules out
    version=$(kernel_version "$1")
    modules=$(dirname "$1")/../lib/modules/$version
    if [ ! -d "$modules" ]; then
        modules=- version=plain
    fi
    out=$build/initramfs/$version.cpio
    tools/make-initramfs "$modules" "$out" || fail "the initramfs could not be built; messages are above"
    echo "$out"
}

# reference_image: the reference hypervisor as QEMU's -kernel takes it: not compressed.
reference_image() {
    local place=$packages/$reference_package
    if [ ! -e "$place/xen" ]; then
        gzip -dc "$place"/boot/xen-*.gz >"$place/.xen" && mv "$place/.xen" "$place/xen"
    fi
    echo "$place/xen"
}
reference_package=xen-hypervisor-4.17-amd64
