# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The machine: QEMU's command line for the options of `./pavise run`.

# Linux's command line. A console of the hypervisor's under one, the first serial port on the bare
# machine; the early one shows what happens before drivers are up.
linux_args() {
    case $target in
    bare) printf 'console=ttyS0 earlyprintk=ttyS0,115200' ;;
    *) printf 'console=hvc0 earlyprintk=xen' ;;
    esac
    [ ${#disks[@]} = 0 ] || printf ' pavise.disks=%d' ${#disks[@]}
    case $input in
    none) printf ' pavise.headless' ;;
    terminal) printf ' pavise.size=%s TERM=%s' "$(terminal_size)" "${TERM:-linux}" ;;
    esac
    printf '%s' "$append"
}

# stty says rows, then columns.
terminal_size() { stty size 2>/dev/null | tr ' ' x; }

# The hypervisor's. `noreboot` is about its errors only: the last words stay on the screen until
# the watcher ends QEMU. A guest's own reboot is not touched by it.
hypervisor_args() {
    printf 'console=com1 com1=115200,8n1 loglvl=info guest_loglvl=info noreboot'
    [ "$trace" = no ] || printf ' trace'
    printf '%s' "$hypervisor_args"
}

# qemu_escaped TEXT: a comma is doubled where QEMU splits at commas.
qemu_escaped() { printf '%s' "${1//,/,,}"; }

# machine_command DIRECTORY: sets the array qemu. DIRECTORY is a fresh one with no blanks or commas
# in its path; links in it stand for the user's files, whose names may have any.
machine_command() {
    local directory=$1
    qemu=(qemu-system-x86_64 -nodefaults -no-user-config -vga std -display none
        -machine "$machine" -accel "$accel" -cpu "$(cpu_model)"
        -m "$memory_mib" -smp "$cpus")
    boot_arguments "$directory"
    console_arguments "$directory"
    disk_arguments "$directory"
    net_arguments
    if [ "$gdb" = yes ]; then
        gdb_port=$(free_port 1234)
        qemu+=(-S -gdb "tcp:127.0.0.1:$gdb_port")
    fi
    local extra
    read -ra extra <<<"$qemu_args"
    qemu+=("${extra[@]}")
}

# free_port FIRST: the first port from there that nobody listens on (state 0A in the kernel's table).
free_port() {
    local port=$1
    while grep -qiE ":$(printf %04X "$port") [0-9A-F]+:0000 0A" /proc/net/tcp /proc/net/tcp6 2>/dev/null; do
        port=$((port + 1))
    done
    echo "$port"
}

# The reference does not start its domain 0 on a CPU with SMAP under TCG.
cpu_model() {
    local model=$cpu
    if [ -z "$model" ]; then
        [ "$accel" = kvm ] && model=host || model=max
    fi
    [ "$target" = reference ] && [ "$accel" = tcg ] && model+=,-smap
    printf '%s' "$model"
}

boot_arguments() {
    local directory=$1
    ln -s "$(readlink -f "$kernel")" "$directory/kernel"
    stage_initrd "$directory"
    if [ "$target" = bare ]; then
        qemu+=(-kernel "$directory/kernel" -append "$(linux_args)")
        [ ! -e "$directory/initrd" ] || qemu+=(-initrd "$directory/initrd")
        return
    fi
    local modules
    modules="$directory/kernel $(qemu_escaped "$(linux_args)")"
    [ ! -e "$directory/initrd" ] || modules+=",$directory/initrd"
    qemu+=(-kernel "$hypervisor" -append "$(hypervisor_args)" -initrd "$modules")
}

# The initramfs, with the script as a second archive behind it: Linux unpacks one over the other.
stage_initrd() {
    local directory=$1
    [ "$initrd" != none ] || return 0
    if [ -z "$script" ]; then
        ln -s "$(readlink -f "$initrd")" "$directory/initrd"
        return
    fi
    mkdir "$directory/pavise"
    cp "$script" "$directory/pavise/script"
    cat "$initrd" >"$directory/initrd"
    # An archive starts at a multiple of 4 bytes; Linux skips zeros between two.
    truncate -s %4 "$directory/initrd"
    (cd "$directory" && printf '%s\n' pavise pavise/script |
        "$root/$packages/busybox-static/bin/busybox" cpio -o -H newc -R 0:0 2>/dev/null) >>"$directory/initrd"
}

# The first serial port on standard input and output, and a copy of its output for the watcher.
# QMP goes over the pair of named pipes qmp.in and qmp.out. In a terminal, Ctrl-A X ends QEMU.
console_arguments() {
    local directory=$1 mux=off
    [ "$input" != terminal ] || mux=on
    qemu+=(-chardev "stdio,id=console,mux=$mux,signal=off,logfile=$directory/console"
        -serial "chardev:console"
        -chardev "pipe,id=qmp,path=$directory/qmp" -mon "chardev=qmp,mode=control")
    [ "$mux" = off ] || qemu+=(-mon "chardev=console,mode=readline")
}

disk_arguments() {
    local directory=$1 number=0 file format
    [ "$disk_type" != ahci ] || [ "$machine" = q35 ] || [ ${#disks[@]} = 0 ] || qemu+=(-device "ahci,id=ahci")
    for file in "${disks[@]}"; do
        format=raw
        [ "$(hex_at "$file" 0 4)" != 514649fb ] || format=qcow2
        ln -s "$(readlink -f "$file")" "$directory/disk$number"
        qemu+=(-drive "if=none,id=disk$number,format=$format,file=$directory/disk$number"
            -device "$(disk_device "$number")")
        number=$((number + 1))
    done
}

# q35 has an AHCI controller of its own with the buses ide.0 to ide.5.
disk_device() {
    case $disk_type in
    virtio) echo "virtio-blk-pci,drive=disk$1" ;;
    ide) echo "ide-hd,drive=disk$1" ;;
    ahci) if [ "$machine" = q35 ]; then
        echo "ide-hd,drive=disk$1,bus=ide.$1"
    else
        echo "ide-hd,drive=disk$1,bus=ahci.$1"
    fi ;;
    esac
}

# romfile= keeps the firmware from loading a network boot ROM that nobody uses.
net_arguments() {
    [ "$net" = yes ] || return 0
    local device=virtio-net-pci
    [ "$net_type" = virtio ] || device=$net_type
    qemu+=(-netdev "user,id=net0" -device "$device,netdev=net0,romfile=")
}
