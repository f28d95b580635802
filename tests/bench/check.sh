#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What the benchmarks' scripts make of what programs print, with figures made up: no machine runs.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/lib/common.sh
. tools/lib/table.sh
. tools/lib/bench.sh

failed=0

# expect WHAT WANTED GOT
expect() {
    [ "$2" = "$3" ] && return
    printf '%s is not as it should be:\n%s\nwanted:\n%s\n' "$1" "$3" "$2" >&2
    failed=1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

expect "a table of text" \
    'name  count
a         1
bcd      23' "$(printf 'name\tcount\na\t1\nbcd\t23\n' | table text)"

expect "a table of Markdown" \
    '| name | count |
| --- | ---: |
| a | 1 |' "$(printf 'name\tcount\na\t1\n' | table markdown)"

printf '(XEN) bench hypercall 98 64\r\nwords\r\nbench yield 5 2\r\n' >"$work/console"
printf 'row 1 6400 64 sysret=64 lock=160\npc 1 2\nrow 2 10 0 cr3=0\n' >"$work/counts"
expect "rows" "$(printf 'hypercall\t98\tsysret 1, lock 2.5\nyield\t5\t-')" \
    "$(rows "$work/console" "$work/counts")"
expect "a count of operations" 64 "$(operations_of "$work/console" hypercall)"
printf 'row 1 1 1\n' >"$work/counts"
! rows "$work/console" "$work/counts" >/dev/null || expect "a lost row" "an error" "none"

expect "a row's words" "getpid	323" "$(printf 'getpid\t323\n' | with_words)"
expect "a row's number" 2 "$(row_number guest/bench/bench.c multicall-32)"

# Each row that a program measures has its words.
listed() { sed -n "\\;^# $1\$;,/^# /p" "$operations" | sed '/^#/d; s/ .*//'; }
measured() { grep -oE '(MEASURE|MEASURE_ROUNDS|report)\("[a-z0-9-]+"' "$1" | sed 's/.*("//; s/"//'; }
for program in guest/bench/bench.c guest/bench/bench_domains.c; do
    expect "the rows of $program" "$(listed $program | sort)" "$(measured $program | sort)"
done
expect "the Linux program's rows" "$(listed tests/bench/linux_bench.c | sort)" \
    "$(grep -oE 'measure\("[a-z0-9-]+"' tests/bench/linux_bench.c | sed 's/.*("//; s/"//' | sort)"

[ "$failed" = 0 ] || exit 1
echo "the benchmarks' scripts agree with what is expected"
