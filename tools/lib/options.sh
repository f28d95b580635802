# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034 # the options are read by the other files
#
# The options of `./pavise run`: what they default to, how they are read, what is refused.

set_default_options() {
    kernel='' initrd='' flavour=amd64 append='' hypervisor_args='' script=''
    memory_mib=1024 cpus=1 machine=pc accel=auto cpu='' disks=() disk_type=virtio
    net=no net_type=virtio gdb=no trace=no timeout_s=0 target=pavise debug_build=no qemu_args='' only_prepare=no
}

# parse_options ARGUMENT...: sets the variables above.
parse_options() {
    set_default_options
    while [ $# -gt 0 ]; do
        case $1 in
        # Options with a value; the value is taken, and skipped, below.
        --kernel | --initrd | --script) set_file "${1#--}" "$@" ;;
        --disk) disks+=("$(absolute "$(option_value "$@")")") || exit ;;
        --append) append+=" $(option_value "$@")" || exit ;;
        --hypervisor-args) hypervisor_args+=" $(option_value "$@")" || exit ;;
        --qemu-args) qemu_args+=" $(option_value "$@")" || exit ;;
        --memory) set_number memory_mib "$@" ;;
        --cpus) set_number cpus "$@" ;;
        --timeout) set_number timeout_s "$@" ;;
        --cpu) cpu=$(option_value "$@") || exit ;;
        --machine) set_choice machine "pc q35" "$@" ;;
        --accel) set_choice accel "auto tcg kvm" "$@" ;;
        --flavour) set_choice flavour "amd64 cloud rt" "$@" ;;
        --disk-type) set_choice disk_type "virtio ahci ide" "$@" ;;
        --net-type) set_choice net_type "virtio e1000" "$@" ;;
        # Options without one.
        --net) net=yes && shift && continue ;;
        --gdb) gdb=yes && shift && continue ;;
        --trace) trace=yes && shift && continue ;;
        # For scripts that start several runs at once: get and build what they need, and no more.
        --prepare) only_prepare=yes && shift && continue ;;
        --debug-build) debug_build=yes && shift && continue ;;
        --reference) target=reference && shift && continue ;;
        --bare) target=bare && shift && continue ;;
        --help | -h)
            run_usage
            exit 0
            ;;
        *) usage_error "there is no option $1; try ./pavise run --help" ;;
        esac
        shift 2
    done
    check_options
}

# set_file VARIABLE OPTION VALUE...: a path, from where the user is.
set_file() {
    local value
    value=$(option_value "${@:2}") || exit
    # `--initrd none` is the way to have none.
    if [ "$1" != initrd ] || [ "$value" != none ]; then
        value=$(absolute "$value")
    fi
    printf -v "$1" '%s' "$value"
}

set_number() {
    local value
    value=$(option_value "${@:2}") || exit
    is_number "$value" || usage_error "$2 takes a whole number, not '$value'"
    printf -v "$1" '%d' "$((10#$value))"
}

# set_choice VARIABLE CHOICES OPTION VALUE...
set_choice() {
    local value
    value=$(option_value "${@:3}") || exit
    [[ " $2 " == *" $value "* ]] || usage_error "$3 is one of: $2; not '$value'"
    printf -v "$1" '%s' "$value"
}

# What Linux and the initramfs need, measured, with room for the hypervisor; a kernel of one's own
# may be tiny, but the machine's firmware and the hypervisor are not.
minimum_mib_linux=192
minimum_mib=64

check_options() {
    local file least=$minimum_mib
    ((cpus >= 1 && cpus <= 64)) || usage_error "--cpus is a number from 1 to 64, not $cpus"
    [ -z "$kernel" ] || check_kernel "$kernel"
    [ -z "$initrd" ] || [ "$initrd" = none ] || check_initrd "$initrd"
    [ -z "$script" ] || check_readable script "$script"
    for file in "${disks[@]}"; do
        check_readable disk "$file"
        [ -w "$file" ] || usage_error "the disk $file cannot be written by you; try: chmod +w $file"
    done
    if [ -z "$kernel" ] || [ "$(kernel_format "$kernel")" = bzimage ]; then
        least=$minimum_mib_linux
    fi
    [ "$memory_mib" -ge "$least" ] ||
        usage_error "$memory_mib MiB is too little memory for this kernel; try --memory $least or more"
    check_accelerator
}

# kvm_works: /dev/kvm can be opened, and the CPU has VMX or SVM: without either, some machines offer
# a KVM that emulates the guest's ring 0 and is thousands of times slower than TCG.
kvm_works() { [ -r /dev/kvm ] && [ -w /dev/kvm ] && grep -qwE 'vmx|svm' /proc/cpuinfo; }

check_accelerator() {
    case $accel in
    auto) if kvm_works; then accel=kvm; else accel=tcg; fi ;;
    kvm) kvm_works || usage_error "KVM does not work here (/dev/kvm, and vmx or svm); try --accel tcg" ;;
    esac
}
