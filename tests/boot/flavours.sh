#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Debian's other kernels.
. tests/boot/lib/boot.sh

# The cloud kernel can run as a PV guest, but is built without support for being domain 0; it would
# run without a console.
boot --flavour cloud <<<''
is "cloud, built without domain 0 support, is refused" 2 "$status"
says "cloud: the message says so" 'CONFIG_XEN_DOM0'

# The real-time kernel stops during its own start, the CPU idle, on the reference too, at no certain
# place: on either it has been seen to stop before its second processor check and after its drivers.
# So what can be asked of it is what all runs have shown on both.
limit_s=60
boot --flavour rt <<<''
shows "rt: it is that kernel" 'Linux version .*-rt-amd64'
shows "rt: it finds the hypervisor" 'Booting kernel on Xen'
