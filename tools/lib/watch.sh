# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Runs the machine to its end and tells how it ended. QEMU itself only knows power-off; panics and
# crashes are read from the console, resets from QEMU's events.

# What a hypervisor prints at a panic of its own, and what says that domain 0 crashed, for Pavise,
# for the reference, and for Linux by itself.
panic_pattern='\(PAVISE\) (\[[ 0-9.]*\] )?panic:|\(XEN\) Panic on CPU'
crash_pattern='\(PAVISE\) (\[[ 0-9.]*\] )?domain 0 (crashed|has ended)|\(XEN\) Hardware Dom0 crashed|---\[ end Kernel panic'

# Linux's last words before a reset that it asked for.
restart_pattern='reboot: Restarting system'

# What is first said after a reset, by Pavise, the reference, and Linux by itself.
start_pattern='\(PAVISE\) \[ *0\.000000\]|\(XEN\) Xen version|Linux version'

# A dump is a few screens on an emulated serial port.
dump_seconds=2

# run_machine DIRECTORY: runs the array qemu until it ends or is ended by a watcher; returns the exit
# code that `./pavise run` promises.
run_machine() {
    local directory=$1 status=0 pid watchers=()
    : >"$directory/console"
    : >"$directory/events"
    mkfifo "$directory/qmp.in" "$directory/qmp.out"
    exec {qmp_in}<>"$directory/qmp.in" {qmp_out}<>"$directory/qmp.out"
    qmp qmp_capabilities

    open_input "$directory"
    note_time start
    "${qemu[@]}" <&"$input_fd" &
    pid=$!
    trap 'kill "$pid" 2>/dev/null' INT TERM HUP
    watch_events "$directory" &
    watchers+=($!)
    # A debugger looks at a panic at leisure.
    if [ "$gdb" = no ]; then
        watch_console "$directory" "$pid" &
        watchers+=($!)
    fi
    if [ "$timeout_s" != 0 ]; then
        watch_time "$directory" "$pid" &
        watchers+=($!)
    fi
    wait "$pid" || status=$?
    note_time end
    trap - INT TERM HUP
    [ -z "$feeder" ] || kill "$feeder" 2>/dev/null || true
    echo end >&"$qmp_out"
    wait "${watchers[@]}"
    exec {qmp_in}>&- {qmp_out}>&-
    outcome "$directory" "$status"
}

# note_time NAME: for benchmarks, which set PAVISE_TIMES to a file. Microseconds.
note_time() { [ -z "${PAVISE_TIMES-}" ] || echo "$1=${EPOCHREALTIME/[.,]/}" >>"$PAVISE_TIMES"; }

# qmp COMMAND: gives QEMU a command. The answer comes among the events.
qmp() { echo "{\"execute\": \"$1\"}" >&"$qmp_in"; }

# watch_time DIRECTORY PID: ends the machine at the time limit. tail ends with the process; one that
# does not even obey `quit` is killed.
watch_time() {
    ! timeout "$timeout_s" tail -f --pid="$2" /dev/null || return 0
    : >"$1/timed-out"
    qmp quit
    timeout 5 tail -f --pid="$2" /dev/null || kill -KILL "$2"
}

# await_console DIRECTORY PATTERN PID: waits until the console has shown the pattern; fails when the
# process ends before.
await_console() {
    until grep -a -q -E "$2" "$1/console"; do
        kill -0 "$3" 2>/dev/null || return 1
        sleep 0.2
    done
}

# watch_console DIRECTORY PID: ends the machine a moment after its console told of a panic or crash.
watch_console() {
    await_console "$1" "$panic_pattern|$crash_pattern" "$2" || return 0
    sleep "$dump_seconds"
    qmp quit
}

# watch_events DIRECTORY: keeps QEMU's events in a file, and ends the machine after a reset that no
# kernel announced: a triple fault, the hypervisor could not even panic. Without this the machine
# would boot for ever. (The reset at power-on is QEMU's own and sends no event.)
watch_events() {
    local event seen=0 firmware_resets=0
    while read -r event <&"$qmp_out" && [ "$event" != end ]; do
        echo "$event" >>"$1/events"
        [[ $event == *'"RESET"'*'"guest": true'* ]] || continue
        if ! reset_was_asked_for "$1"; then
            : >"$1/triple-fault"
            qmp quit
        fi
    done
}

# reset_was_asked_for DIRECTORY: looks at what the console said since the reset before. The firmware
# follows a guest's reset with one of its own, before anybody speaks anew; last words from before
# the reset may come through meanwhile.
reset_was_asked_for() {
    if tail -c +$((seen + 1)) "$1/console" | grep -a -q "$restart_pattern"; then
        seen=$(stat -c %s "$1/console")
        firmware_resets=2
    else
        firmware_resets=$((firmware_resets - 1))
        [ "$firmware_resets" -ge 0 ] &&
            ! tail -c +$((seen + 1)) "$1/console" | grep -a -q -E "$start_pattern"
    fi
}

# outcome DIRECTORY STATUS: says how it ended if it did not end well, and returns the exit code.
outcome() {
    if grep -a -q -E "$panic_pattern" "$1/console"; then
        say "the hypervisor panicked: $(panic_reason "$1")"
        return "$EXIT_PANIC"
    elif grep -a -q -E "$crash_pattern" "$1/console"; then
        say "the guest crashed; its last words are above"
        return "$EXIT_CRASH"
    elif [ -e "$1/triple-fault" ]; then
        say "the machine reset itself (a triple fault?); try --gdb, or --qemu-args '-d int,cpu_reset'"
        return "$EXIT_PANIC"
    elif [ -e "$1/timed-out" ]; then
        say "no end within $timeout_s seconds; try a longer --timeout"
        return "$EXIT_TIMEOUT"
    elif ! grep -q '"guest-shutdown"' "$1/events"; then
        say "QEMU ended before the guest powered off (status $2); its message is above"
        return "$EXIT_FAILED"
    fi
    script_outcome "$1"
}

# panic_reason DIRECTORY: the line that says why. The reference puts it on the line below.
panic_reason() {
    tr -d '\r' <"$1/console" | grep -a -m 1 -A 1 -E "$panic_pattern" |
        sed -n -E 's/.*\(PAVISE\).*panic: //p; t; 2s/^\(XEN\) //p'
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
