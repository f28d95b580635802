# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Runs the machine to its end and tells how it ended. QEMU itself only knows power-off; panics and
# crashes are read from the console, resets from QEMU's events.

# What a hypervisor prints at a panic of its own, and what says that domain 0 crashed, for Pavise,
# for the reference, and for Linux by itself.
panic_pattern='\(PAVISE\) (\[[ 0-9.]*\] )?panic:|\(XEN\) Panic on CPU'
crash_pattern='\(PAVISE\) (\[[ 0-9.]*\] )?domain 0 crashed|\(XEN\) Hardware Dom0 crashed|---\[ end Kernel panic'

# Linux's last words before a reset that it asked for.
restart_pattern='reboot: Restarting system'

# A dump is a few screens on an emulated serial port.
dump_seconds=2

# run_machine DIRECTORY: runs the array qemu until it ends, is ended by a watcher, or by the time
# limit; returns the exit code that `./pavise run` promises.
run_machine() {
    local directory=$1 command=("${qemu[@]}") status=0 pid watchers=()
    [ "$timeout_s" = 0 ] || command=(timeout --foreground -k 5 "$timeout_s" "${qemu[@]}")
    : >"$directory/console"
    : >"$directory/events"
    mkfifo "$directory/qmp.in" "$directory/qmp.out"
    exec {qmp_in}<>"$directory/qmp.in" {qmp_out}<>"$directory/qmp.out"
    echo '{"execute": "qmp_capabilities"}' >&"$qmp_in"

    "${command[@]}" <&"$input_fd" &
    pid=$!
    trap 'kill "$pid" 2>/dev/null' INT TERM HUP
    watch_events "$directory" "$pid" &
    watchers+=($!)
    # A debugger looks at a panic at leisure.
    if [ "$gdb" = no ]; then
        watch_console "$directory" "$pid" &
        watchers+=($!)
    fi
    wait "$pid" || status=$?
    trap - INT TERM HUP
    echo end >&"$qmp_out"
    wait "${watchers[@]}" 2>/dev/null
    exec {qmp_in}>&- {qmp_out}>&-
    outcome "$directory" "$status"
}

# watch_console DIRECTORY PID: ends the process a moment after the console tells of a panic or crash.
watch_console() {
    tail -q -n +1 -s 0.2 -f --pid="$2" "$1/console" 2>/dev/null |
        grep -a -q -m 1 -E "$panic_pattern|$crash_pattern" || return 0
    sleep "$dump_seconds"
    kill "$2" 2>/dev/null
}

# watch_events DIRECTORY PID: keeps QEMU's events in a file, and ends the process after a reset that
# no kernel announced: a triple fault, the hypervisor could not even panic. Without this the machine
# would boot for ever. (The reset at power-on is QEMU's own and sends no event.)
watch_events() {
    local event seen=0 silent=0
    while read -r event <&"$qmp_out" && [ "$event" != end ]; do
        echo "$event" >>"$1/events"
        [[ $event == *'"RESET"'*'"guest": true'* ]] || continue
        if ! reset_was_asked_for "$1"; then
            : >"$1/triple-fault"
            kill "$2" 2>/dev/null
        fi
    done
}

# reset_was_asked_for DIRECTORY: looks at what the console said since the reset before. The firmware
# follows every reset with one of its own, at which nothing new was said; more silent ones than that
# come from a hypervisor that dies before its first word.
reset_was_asked_for() {
    local size
    size=$(stat -c %s "$1/console")
    if [ "$size" = "$seen" ]; then
        silent=$((silent + 1))
        [ "$silent" -lt 3 ]
        return
    fi
    silent=0
    tail -c +$((seen + 1)) "$1/console" | grep -a -q "$restart_pattern" || return 1
    seen=$size
}

# outcome DIRECTORY STATUS: says how it ended if it did not end well, and returns the exit code.
outcome() {
    if grep -a -q -E "$panic_pattern" "$1/console"; then
        say "the hypervisor panicked; its last words are above"
        return "$EXIT_PANIC"
    elif grep -a -q -E "$crash_pattern" "$1/console"; then
        say "the guest crashed; its last words are above"
        return "$EXIT_CRASH"
    elif [ -e "$1/triple-fault" ]; then
        say "the machine reset itself (a triple fault?); try --gdb, or --qemu-args '-d int,cpu_reset'"
        return "$EXIT_PANIC"
    elif [ "$2" = "$EXIT_TIMEOUT" ] || [ "$2" = 137 ]; then
        say "no end within $timeout_s seconds; try a longer --timeout"
        return "$EXIT_TIMEOUT"
    elif ! grep -q '"guest-shutdown"' "$1/events"; then
        say "QEMU ended before the guest powered off (status $2); its message is above"
        return "$EXIT_FAILED"
    fi
    script_outcome "$1"
}

# A script's own status, from the line that the initramfs prints.
script_outcome() {
    [ -n "$script" ] || return 0
    local status
    status=$(tr -d '\r' <"$1/console" | sed -n 's/^pavise: the script ended with status \([0-9]*\)$/\1/p' | tail -n 1)
    [ "$status" != 0 ] || return 0
    say "the script ended with status ${status:-unknown}"
    return "$EXIT_FAILED"
}
