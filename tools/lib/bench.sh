# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the benchmarks share: the counter that QEMU loads, and reading what the programs print.

# The programs' rows, one a line: NAME, then the words for it.
operations=tests/bench/operations

# The share of the reference's cost that a row must not exceed.
readonly BENCH_LIMIT=0.5

# ensure_counter: builds the counter, and looks whether this QEMU can load it.
ensure_counter() {
    locked build_target bench
    qemu-system-x86_64 --help | grep -q '^-plugin ' ||
        fail "this QEMU was built without plugins, which count the instructions; try Debian's qemu-system-x86"
}

# counter_arguments FILE [ARGUMENT]: QEMU's arguments that write the counts of each row to a file.
counter_arguments() { echo "-icount shift=0,sleep=off -plugin $build/bench/counter.so,out=$1${2:+,$2}"; }

# rows CONSOLE COUNTS: joins what a program printed with what was counted, the n-th with the n-th:
#   NAME <tab> TICKS <tab> COSTS
# TICKS is for one operation; COSTS is like "iret 1, lock 2.5", of one operation too.
rows() {
    # The console's lines end with a carriage return, and may stand behind a hypervisor's own words.
    tr -d '\r' <"$1" | grep -a -oE 'bench [a-z0-9-]+( [0-9]+){2,3}$' | awk -v counts="$2" '
        function costs(operations,    i, pair, each, text) {
            for (i = 5; i <= NF; i++) {
                split($i, pair, "=")
                each = pair[2] / operations
                if (each >= 0.05) text = text (text ? ", " : "") pair[1] " " sprintf("%.4g", each)
            }
            return text ? text : "-"
        }
        {
            name = $2; ticks = $3; operations = $4
            if ((getline <counts) <= 0) exit 1
            while ($1 != "row") if ((getline <counts) <= 0) exit 1
            printf "%s\t%d\t%s\n", name, ticks, costs(operations)
        }'
}

# words_of NAMES...: the words for tables, from the list of operations; standard input is a table
# whose first column has names.
with_words() {
    awk -F '\t' -v OFS='\t' -v list="$operations" '
        BEGIN {
            while ((getline line <list) > 0) {
                if (line ~ /^#/) continue
                name = line; sub(/ .*/, "", name); sub(/^[^ ]+ +/, "", line)
                words[name] = line
            }
        }
        $1 in words { $1 = words[$1] }
        { print }'
}

bench_costs_legend() {
    cat <<'LEGEND'

  cr0 cr3 cr4 xcr0   writes of control registers (CLTS is one of CR0's; CR3's flush the TLB)
  invlpg invpcid     flushes of single pages, or by address space
  wrmsr rdmsr        model-specific registers
  wrbase swapgs      segment bases by instructions of their own
  iret sysret        returns to the guest, the slow one and the fast one
  lgdt               loads of descriptor tables, LDT and task register
  xsave              saves and loads of FPU state
  cpuid port fence   CPUID, port I/O, LFENCE and its like
  verw lock          VERW, atomic memory operations
LEGEND
}

check_format() {
    case $1 in
    text | markdown | tabs) ;;
    *) usage_error "--format is text, markdown or tabs; not '$1'" ;;
    esac
}

# formatted FORMAT: a table on standard input, as check_format knows them.
formatted() {
    case $1 in
    tabs) cat ;;
    *) table "$1" ;;
    esac
}

# row_number SECTION NAME: which of the section's rows that is, from 1. A section of the list of
# operations is what follows the comment with its program's name.
row_number() {
    local number
    number=$(awk -v section="# $1" -v name="$2" '
        /^#/ { inside = $0 == section; next }
        inside { n++ }
        inside && $1 == name { print n }' "$operations")
    [ -n "$number" ] || usage_error "there is no row $2; its names are in $operations"
    echo "$number"
}

# operations_of CONSOLE NAME: how many operations a round of that row makes.
operations_of() { tr -d '\r' <"$1" | sed -n "s/.*bench $2 [0-9]* \([0-9]*\).*/\1/p"; }

# by_function COUNTS OPERATIONS ELF...: the profile in COUNTS for one operation, by function of these
# images, most first.
by_function() {
    local counts=$1 operations=$2
    shift 2
    {
        for image in "$@"; do
            nm "$image" | awk '$2 ~ /^[tTwW]$/ { print $1, "symbol", $3 }'
        done
        awk '$1 == "pc" { print $2, "count", $3 }' "$counts"
    } | sort -k 1,1 -k 2,2r | awk -v operations="$operations" '
        $2 == "symbol" { name = $3; next }
        { total[name ? name : $1] += $3 }
        END { for (name in total) printf "%.1f\t%s\n", total[name] / operations, name }' |
        sort -rn | awk -F '\t' 'BEGIN { print "instructions\tfunction" } { print }' | table text
}
