# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034 # used by the scripts that include this
#
# What every script of the front door shares: where things are, how it speaks, its exit codes.

# The project's root. Every script works from there, so that paths in messages can be pasted, and
# QEMU's comma-separated options never meet a strange character of the user's own path.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=build
packages=$build/packages

# Exit codes of `./pavise run`, as README.md promises them. timeout(1) gives 124 too.
readonly EXIT_FAILED=1 EXIT_USAGE=2 EXIT_PANIC=3 EXIT_CRASH=4 EXIT_TIMEOUT=124

# Progress goes to standard error: standard output belongs to the console.
say() { printf 'pavise: %s\n' "$*" >&2; }

# fail WHAT-AND-WHAT-TO-TRY: one line, exit 1. usage_error: the same for a mistake of the user's.
fail() {
    say "$*"
    exit "$EXIT_FAILED"
}
usage_error() {
    say "$*"
    exit "$EXIT_USAGE"
}

# absolute PATH: from the directory that the user was in. PAVISE_CALLER_DIR is set by ./pavise.
absolute() {
    case $1 in
    /*) printf '%s\n' "$1" ;;
    *) printf '%s/%s\n' "${PAVISE_CALLER_DIR:-$PWD}" "$1" ;;
    esac
}

# option_value OPTION VALUE...: the value that must follow an option.
option_value() {
    [ $# -ge 2 ] || usage_error "$1 needs a value; try ./pavise --help"
    printf '%s\n' "$2"
}

# is_number TEXT: a whole decimal number that arithmetic can take.
is_number() { [[ $1 =~ ^[0-9]{1,9}$ ]]; }

# locked COMMAND...: one at a time of all scripts that share this build directory; in a subshell, and
# with the command's status.
locked() {
    mkdir -p "$build"
    (
        flock 9
        "$@"
    ) 9>"$build/.lock"
}

# build_target TARGET...: make, silent about what is up to date, on standard error.
build_target() {
    make -s --no-print-directory -j "$(nproc)" "$@" >&2 ||
        fail "the build failed; the compiler's messages are above (make V=1 $* shows the commands)"
}
