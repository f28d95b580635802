#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Bad usage: one line that says what is wrong and what to try, exit code 2, and no machine starts.
. tests/boot/lib/boot.sh

# refused DESCRIPTION PATTERN OPTION...
refused() {
    local what=$1 pattern=$2 said=no
    shift 2
    boot_plainly "$@" </dev/null
    ! grep -q -E "$pattern" "$work/messages" || said=yes
    is "$what" "code 2, 1 line, says '$pattern'" \
        "code $status, $(wc -l <"$work/messages") line, says $([ $said = no ] || echo "'$pattern'")"
}

echo "no kernel at all" >"$work/text"
: >"$work/empty"
kernel=$(echo build/packages/linux-amd64/boot/vmlinuz-*)
head -c 3000000 "$kernel" >"$work/short"

refused "a kernel that is missing" 'there is no kernel' --kernel "$work/nothing"
refused "a kernel that is text" 'is no kernel' --kernel "$work/text"
refused "a kernel that is empty" 'is empty' --kernel "$work/empty"
refused "a kernel that is a directory" 'is a directory' --kernel "$work"
refused "a kernel cut short" 'cut short' --kernel "$work/short"
refused "an initrd that is text" 'is no initramfs' --initrd "$work/text"
refused "a disk that is missing" 'there is no disk' --disk "$work/nothing"
refused "too little memory" 'too little memory' --memory 100
refused "memory that is no number" 'whole number' --memory much
refused "an unknown option" 'there is no option --frobnicate' --frobnicate
refused "an option without its value" 'needs a value' --cpu
refused "a choice that is none" 'one of: pc q35' --machine mac
