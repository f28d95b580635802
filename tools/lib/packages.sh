# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Set-up: the Debian packages that each task needs. Tools and libraries are installed; kernels, the
# reference and the userland for domain 0 are only downloaded and unpacked below build/packages, so
# the user's /boot and boot menu stay as they are.

# Package, then why. `run` builds and boots; `test` comes on top of it.
packages_for_run='
gcc             compiles the hypervisor
libc6-dev       headers that the decompressors include
make            runs the build
libxen-dev      the public headers of the guest interface
liblzma-dev     unpacks xz kernels
libzstd-dev     unpacks zstd kernels
zlib1g-dev      unpacks gzip kernels
liblz4-dev      unpacks lz4 kernels
qemu-system-x86 the machine'
packages_for_test='
git                lists the files to check
clang              the second compiler
clang-format       checks the formatting
libclang-rt-14-dev sanitizers and fuzzers for clang
libcmocka-dev      unit tests
libzydis-dev       checks the instruction decoder in unit tests
e2fsprogs          makes disks
cpio               makes broken and odd initramfs images
xz-utils           recompresses kernels
zstd               recompresses kernels
lz4                recompresses kernels'

# ensure_installed TASK: installs what is missing of the packages of this task (run or test).
ensure_installed() {
    local table=$packages_for_run missing=() package why
    [ "$1" = run ] || table+=$packages_for_test
    mapfile -t missing < <(missing_of "$table")
    [ ${#missing[@]} -gt 0 ] || return 0

    command -v apt-get >/dev/null ||
        fail "these packages of Debian 12 are missing, and there is no apt-get: ${missing[*]}"
    say "installing ${#missing[@]} packages that are missing:"
    while read -r package why; do
        [[ " ${missing[*]} " != *" $package "* ]] || printf '  %-18s %s\n' "$package" "$why" >&2
    done <<<"$table"
    ensure_lists "${missing[0]}"
    as_root apt-get install -y -q --no-install-recommends "${missing[@]}" </dev/null >&2 ||
        fail "the installation failed; apt-get's messages are above"
}

# missing_of TABLE: the packages of it that are not installed. One query for all, to be quick.
missing_of() {
    local wanted installed
    wanted=$(awk 'NF { print $1 }' <<<"$1" | sort)
    # dpkg-query's status only says that it does not know some of them.
    # shellcheck disable=SC2016,SC2086 # dpkg's own format; one word a package
    installed=$({ dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' $wanted 2>/dev/null || true; } |
        awk '$2 == "ii" { print $1 }' | sort -u)
    comm -23 <(echo "$wanted") <(echo "$installed") | grep . || true
}

# as_root COMMAND...: with sudo only if need be.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null; then
        sudo DEBIAN_FRONTEND=noninteractive "$@"
    else
        fail "no sudo here; as root, run: $*"
    fi
}

# ensure_lists PACKAGE: apt-get update, if this package is not in the lists yet.
ensure_lists() {
    # A fresh machine has none; apt-cache then knows no candidate.
    if ! apt-cache show --no-all-versions "$1" >/dev/null 2>&1; then
        update_lists
    fi
}

update_lists() {
    say "updating the package lists (apt-get update)"
    as_root apt-get update -q </dev/null >&2 || fail "apt-get update failed; is the network up?"
}

# fetched PACKAGE: downloads and unpacks it into build/packages/PACKAGE, once.
fetched() {
    local package=$1 place=$packages/$1
    [ ! -d "$place" ] || return 0
    # Only a whole package gets its final name, so an interrupted download is never taken for one.
    local partial=$packages/.partial-$package
    rm -rf "$partial"
    mkdir -p "$partial/deb"
    ensure_lists "$package"
    say "downloading $package (unpacked below $packages, not installed)"
    download "$package" "$partial/deb" || {
        # Lists older than the archive name versions that are gone.
        update_lists
        download "$package" "$partial/deb"
    } || fail "$package could not be downloaded; is the network up?"
    mkdir "$partial/files"
    dpkg-deb -x "$partial"/deb/*.deb "$partial/files" || fail "$package could not be unpacked; is the disk full?"
    mv "$partial/files" "$place"
    rm -rf "$partial"
}

# download PACKAGE DIRECTORY. The sandbox user of apt could not write there.
download() {
    (cd "$2" && apt-get download -q -o APT::Sandbox::User=root "$1" >&2)
}

# fetched_kernel FLAVOUR: fetches the kernel that Debian's metapackage of this flavour (amd64, cloud,
# rt) points to now, and leaves build/packages/linux-FLAVOUR pointing to it.
fetched_kernel() {
    local link=$packages/linux-$1 meta package
    [ ! -e "$link" ] || return 0
    meta=linux-image-$1-amd64
    [ "$1" != amd64 ] || meta=linux-image-amd64
    ensure_lists "$meta"
    package=$(apt-cache show --no-all-versions "$meta" |
        sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p')
    [ -n "$package" ] || fail "the package $meta names no kernel; try: apt-cache show $meta"
    fetched "$package"
    ln -sfn "$package" "$link"
}
