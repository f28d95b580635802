# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# Who types into the console: a user at a terminal, a pipe or file on standard input, or nobody.

# find_input: sets input to terminal, pipe or none. A script has no use for input, and must not eat
# its caller's.
find_input() {
    if [ -n "$script" ]; then
        input=none
    elif [ -t 0 ]; then
        input=terminal
    elif [ -p /dev/stdin ] || [ -f /dev/stdin ] || [ -S /dev/stdin ]; then
        input=pipe
    else
        input=none
    fi
}

# open_input DIRECTORY: sets input_fd to what QEMU reads, and feeder to a process to end after it.
open_input() {
    feeder=''
    case $input in
    none) exec {input_fd}</dev/null ;;
    terminal) exec {input_fd}<&0 ;;
    pipe)
        exec {input_fd}< <(feed "$1")
        feeder=$!
        ;;
    esac
}

# feed DIRECTORY: types standard input, line by line, into the initramfs's shell, once it prompts
# (nobody keeps what comes before), and powers off at its end. Of another userland nothing is known:
# it gets its input as it comes.
feed() {
    if [ "$own_userland" = no ]; then
        exec cat
    fi
    await_console "$1" 'domain0:' "$$"
    cat
    echo poweroff
}
