// SPDX-License-Identifier: Apache-2.0
// Options that start of day itself acts on, or hands to the rooms that it starts.
#pragma once

#include "lib/compiler.h"

/*
 * An amount of memory for domain 0: `bytes`, or all there is less `bytes` (given as a negative
 * size).
 */
struct memory_amount {
    bool given;
    bool less_than_all;
    uint64_t bytes;
};

/* dom0_mem=SIZE, dom0_mem=min:SIZE,max:SIZE,SIZE: any of the three, in any order. */
struct dom0_memory {
    struct memory_amount initial, min, max;
};

/* dom0_max_vcpus=N, MIN-MAX, MIN- or -MAX. */
struct dom0_vcpus {
    uint32_t min, max;
};

struct options {
    struct dom0_memory dom0_memory;
    struct dom0_vcpus dom0_vcpus; /* 0 and UINT32_MAX where nothing is said */
    bool dom0_vcpus_pin;          /* each on the CPU of its number */
    char console[64];             /* devices for the log: "com1,vga" */
    char com1[64], com2[64];      /* see platform/uart.h; empty: defaults */
    bool sync_console;            /* wait for the transmitter instead of buffering */
    uint64_t low_mem_virq_limit;  /* bytes free below which domain 0 is told; 0: it is not */
    bool trace;                   /* log hypercalls and bounces */
};

extern struct options options;

/* Whether console= names this device: "com1", "vga". */
bool console_chosen(const char *device);

/* What the options say; both return 0, or -EINVAL with the target as it was. */
must_check int parse_dom0_memory(const char *text, struct dom0_memory *memory);
must_check int parse_dom0_vcpus(const char *text, struct dom0_vcpus *vcpus);

/*
 * Bytes for domain 0 out of `available`. Nothing said about the initial amount: all but a
 * sixteenth, which is at most 128 MiB; then min, then max are applied. Never more than is
 * available. `*max` becomes what domain 0 may grow to, UINT64_MAX where no limit was given.
 */
uint64_t dom0_memory_bytes(const struct dom0_memory *memory, uint64_t available, uint64_t *max);

/* vCPUs for domain 0 on a machine with so many CPUs; at least 1. */
uint32_t dom0_vcpu_count(const struct dom0_vcpus *vcpus, uint32_t physical_cpus);
