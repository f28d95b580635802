# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Debian's own tools for domain 0 (xl, xenstored, xenconsoled), and an initramfs with them and with
# what a guest boots. They are fetched and unpacked, not installed.

xen_tools_version=4.17
xen_tools_programs=(xl xenstored xenconsoled xen-init-dom0)
xenstore_programs=(xenstore-ls xenstore-read)
xen_tools_libraries=(libxenmisc4.17 libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1
    libxengnttab1 libxenhypfs1 libxenstore4 libxentoolcore1 libxentoollog1
    libc6 libgcc-s1 libcom-err2 libext2fs2 liblzma5 libuuid1 libyajl2 libzstd1 zlib1g)

fetch_xen_tools() {
    local package
    for package in "xen-utils-$xen_tools_version" xenstore-utils "${xen_tools_libraries[@]}"; do
        fetched "$package"
    done
}

# stage_xen_tools STAGE: the programs where Debian has them, as xl starts others by their path; the
# libraries where the loader looks by itself.
stage_xen_tools() {
    local stage=$1 private=usr/lib/xen-$xen_tools_version/bin libraries=lib/x86_64-linux-gnu name
    mkdir -p "$stage"/{etc/xen,lib64,run,"$private",usr/bin,usr/sbin,"$libraries"} "$stage"/var/{lib/xen,log/xen/console}
    for name in "${xen_tools_programs[@]}"; do
        cp "$packages/xen-utils-$xen_tools_version/$private/$name" "$stage/$private/"
        ln -s "/$private/$name" "$stage/usr/sbin/$name"
        stage_libraries "$stage/$private/$name" "$stage/$libraries" "${xen_tools_libraries[@]}"
    done
    for name in "${xenstore_programs[@]}"; do
        cp "$packages/xenstore-utils/usr/bin/$name" "$stage/usr/bin/"
    done
    ln -s "/$libraries/ld-linux-x86-64.so.2" "$stage/lib64/ld-linux-x86-64.so.2"
    # glibc loads it where a thread is cancelled, and no program says that it needs it.
    cp "$packages/libgcc-s1/lib/x86_64-linux-gnu/libgcc_s.so.1" "$stage/$libraries/"
    ln -s ../run "$stage/var/run"
}

# xen_tools_initrd KERNEL OUT: the usual initramfs for domain 0 with the tools; and in /guest the same
# kernel, with an initramfs that has no modules.
xen_tools_initrd() {
    local kernel=$1 out=$2 stage
    stage=$(mktemp -d)
    stage_xen_tools "$stage"
    mkdir "$stage/guest"
    cp "$kernel" "$stage/guest/kernel"
    tools/make-initramfs - "$stage/guest/initramfs"
    rm "$stage/guest/initramfs.inputs"
    cat "$(initramfs_for "$kernel")" >"$out.partial"
    # An archive starts at a multiple of 4 bytes; Linux skips zeros between two.
    truncate -s %4 "$out.partial"
    (cd "$stage" && find . | LC_ALL=C sort |
        "$root/$packages/busybox-static/bin/busybox" cpio -o -H newc -R 0:0 2>/dev/null) >>"$out.partial"
    rm -rf "$stage"
    mv "$out.partial" "$out"
}
