# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A newer QEMU than Debian 12's, for what that one cannot emulate: x2APIC under TCG came with QEMU 9.
# It comes from Debian's own backports, whose packages need no other libraries than the release's. It
# is unpacked below build/packages; apt's lists for it are there too, so nothing of the system's own
# set-up changes.

newer_qemu_packages='qemu-system-x86 qemu-system-data seabios'
newer_qemu_place=$packages/qemu-backports

# newer_qemu: prints the directory of a qemu-system-x86_64 of version 9 or newer, to be put first in
# PATH. If there is none to be had, it prints why, and its status is 1.
newer_qemu() {
    local place=$root/$newer_qemu_place/bin
    if [ "$(qemu_major qemu-system-x86_64)" -ge 9 ]; then
        dirname "$(command -v qemu-system-x86_64)"
        return
    fi
    locked fetch_newer_qemu || return
    [ "$(qemu_major "$place/qemu-system-x86_64")" -ge 9 ] || {
        echo "the QEMU in $newer_qemu_place does not run"
        return 1
    }
    echo "$place"
}

# qemu_major PROGRAM: its version's first number; 0 if it does not run.
qemu_major() { "$1" --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9]*\)\..*/\1/p' | grep . || echo 0; }

fetch_newer_qemu() {
    local partial=$packages/.partial-qemu-backports codename package
    [ ! -d "$newer_qemu_place" ] || return 0
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
    rm -rf "$partial"
    mkdir -p "$partial"/{apt/lists/partial,apt/archives/partial,deb,files/bin}
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $codename-backports main" \
        >"$partial/apt/sources.list"
    say "downloading a newer QEMU from $codename-backports (unpacked below $packages, not installed)"
    private_apt "$partial" update -q -o APT::Update::Error-Mode=any >&2 ||
        { echo "$codename-backports cannot be reached" && return 1; }
    # shellcheck disable=SC2046,SC2086 # one word a package
    (cd "$partial/deb" && private_apt .. download -q \
        $(printf "%s/$codename-backports " $newer_qemu_packages) >&2) ||
        { echo "$codename-backports has no newer QEMU" && return 1; }
    for package in "$partial"/deb/*.deb; do
        dpkg-deb -x "$package" "$partial/files" || { echo "${package##*/} cannot be unpacked" && return 1; }
    done
    newer_qemu_wrapper >"$partial/files/bin/qemu-system-x86_64"
    chmod +x "$partial/files/bin/qemu-system-x86_64"
    mv "$partial/files" "$newer_qemu_place"
    rm -rf "$partial"
}

# private_apt DIRECTORY ARGUMENT...: apt-get with lists, archives and sources of its own.
private_apt() {
    local state
    state=$(realpath "$1/apt")
    shift
    apt-get -o Dir::State::lists="$state/lists" -o Dir::Cache="$state" \
        -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o APT::Sandbox::User=root -o Acquire::Retries=2 -o Acquire::http::Timeout=20 "$@"
}

# QEMU looks for firmware and modules where its package would have put them.
newer_qemu_wrapper() {
    cat <<'SCRIPT'
#!/bin/sh
here=$(dirname "$0")/..
export QEMU_MODULE_DIR="$here/none"
exec "$here/usr/bin/qemu-system-x86_64" -L "$here/usr/share/qemu" -L "$here/usr/share/seabios" "$@"
SCRIPT
}
