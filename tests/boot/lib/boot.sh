# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# Helpers for the boot tests. Each test is a bash script that boots a machine or several, through
# ./pavise run and its exit codes, and says what it expects. A failure shows what was expected, what
# came, and how to look at it by hand.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
console=$work/console
shown=0 boots=0
limit_s=${PAVISE_BOOT_LIMIT:-120}

# boot OPTION...: boots with these options and the script for domain 0 on standard input; sets status
# and fills $console with what the machine said, without carriage returns.
boot() {
    # Its status tells only that it ran: what a test expects, it compares.
    { cat && echo 'exit 0'; } >"$work/script"
    boot_plainly --script "$work/script" "$@"
}

# boot_plainly OPTION...: the same without a script.
boot_plainly() {
    # shellcheck disable=SC2086 # empty or one word
    boots=$((boots + 1))
    last_command="./pavise run ${PAVISE_BOOT_ON-} $*"
    # shellcheck disable=SC2086
    ./pavise run ${PAVISE_BOOT_ON-} --timeout "$limit_s" "$@" >"$work/raw" 2>"$work/messages"
    status=$?
    tr -d '\r' <"$work/raw" >"$console"
}

# clocks_over SECONDS: for a script: domain 0's clock and QEMU's over a sleep, in microseconds.
clocks_over() {
    cat <<SCRIPT
# Uptime has hundredths of a second: begin at the edge of one.
edge() {
    local now last=\$(cut -d ' ' -f 1 /proc/uptime)
    while now=\$(cut -d ' ' -f 1 /proc/uptime); [ "\$now" = "\$last" ]; do :; done
    echo "\$now \$(ticks)"
}
set -- \$(edge)
sleep $1
set -- "\$@" \$(edge)
echo "guest: \$(awk -v a="\$1" -v b="\$3" 'BEGIN { printf "%.0f", (b - a) * 1e6 }')"
echo "qemu: \$(awk -v a="\$2" -v b="\$4" 'BEGIN { printf "%.0f", (b - a) / 1e3 }')"
SCRIPT
}

# value NAME: what the script printed after "NAME: ", the last time.
value() { sed -n "s/^$1: //p" "$console" | tail -n 1; }

ok() { echo "ok: $*"; }

# not_ok DESCRIPTION EXPECTED GOT: and, once a boot, what helps to find out why.
not_ok() {
    echo "not ok: $1"
    echo "  expected: $2"
    echo "  got:      $3"
    [ "$shown" != "$boots" ] || return 0
    shown=$boots
    echo "  by hand:  $last_command"
    [ ! -s "$work/script" ] || sed 's/^/  script:   /' "$work/script"
    sed 's/^/  message:  /' "$work/messages"
    tail -n "${PAVISE_BOOT_TAIL:-15}" "$console" | sed 's/^/  console:  /'
}

# is DESCRIPTION EXPECTED GOT: equal texts.
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$@"; fi; }

# within DESCRIPTION LOW HIGH GOT: a whole number in a range.
within() {
    if [[ $4 =~ ^-?[0-9]+$ ]] && [ "$4" -ge "$2" ] && [ "$4" -le "$3" ]; then
        ok "$1 ($4)"
    else
        not_ok "$1" "$2 to $3" "$4"
    fi
}

# shows DESCRIPTION PATTERN: a line of the console fits the extended regular expression.
shows() {
    if grep -a -q -E "$2" "$console"; then ok "$1"; else not_ok "$1" "a line like $2" "none"; fi
}

# says DESCRIPTION PATTERN: ./pavise's own message fits.
says() {
    if grep -a -q -E "$2" "$work/messages"; then ok "$1"; else not_ok "$1" "a message like $2" "other"; fi
}

on_pavise() { [ -z "${PAVISE_BOOT_ON-}" ]; }
