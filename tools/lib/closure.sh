# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A program of Debian's with the libraries that it needs, for a userland of our own.

# needed FILE: names of the libraries that it is linked with.
needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

# stage_program PROGRAM STAGE PACKAGE...: copies it to STAGE/bin, and all that it is linked with, in
# turn, out of the unpacked packages, to STAGE/lib/PROGRAM; the linker that loads them to where the
# program looks for it.
stage_program() {
    local program=$1 stage=$2 libraries loader
    libraries=$stage/lib/${program##*/}
    shift 2
    mkdir -p "$stage"/{bin,lib64} "$libraries"
    cp "$program" "$stage/bin/"
    stage_libraries "$program" "$libraries" "$@"
    loader=$(readelf -l "$program" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
    cp "$libraries/${loader##*/}" "$stage$loader"
}

# stage_libraries FILE DIRECTORY PACKAGE...
stage_libraries() {
    local file=$1 directory=$2 name path
    shift 2
    for name in $(needed "$file"); do
        [ ! -e "$directory/$name" ] || continue
        path=$(cd "$packages" && find "$@" -name "$name" -print -quit)
        [ -n "$path" ] || fail "no package of $* has $name, which ${file##*/} needs"
        cp -L "$packages/$path" "$directory/$name"
        stage_libraries "$directory/$name" "$directory" "$@"
    done
}
