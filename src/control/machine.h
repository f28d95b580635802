// SPDX-License-Identifier: Apache-2.0
// What this room is told of the machine at start of day, and what it asks of it.
#pragma once

#include "base/cpu.h"
#include "lib/compiler.h"

struct machine_facts {
    const char *command_line; /* Pavise's own; NULL: none */
    const uint8_t *build_id;  /* what names this build, if anything does */
    uint32_t build_id_bytes;
    uint64_t image_start; /* where Pavise's image lies in RAM: machine address, bytes */
    uint64_t image_bytes;
    uint8_t kbd_shift_flags; /* as the BIOS left them (int 16h, AH=02h) */
    struct {
        uint32_t acpi_id; /* its UID in the MADT */
        uint32_t core;    /* number in the socket */
        uint32_t socket;
    } cpu[MAX_CPUS];

    /*
     * Put the machine to sleep or switch it off: ACPI state Sn, with what domain 0's ACPI code
     * wants written to the PM1a and PM1b control registers (or, with `extended`, the sleep type
     * values of a hardware-reduced machine). Returns -errno where it can't; for S5 it does not
     * return. NULL: it can't.
     */
    int (*enter_sleep)(unsigned int state, uint16_t value_a, uint16_t value_b, bool extended);
};

/* Filled before domain 0 runs, constant afterwards. */
extern struct machine_facts machine_facts;

/* A processor's number as ACPI has it. */
uint32_t machine_acpi_id(unsigned int cpu);

struct cpu_identity {
    char vendor[13];
    char brand[49];
    uint32_t family, model, stepping;
    uint32_t max_leaf;
};

/* What the processor says of itself. */
void machine_identify_cpu(struct cpu_identity *identity);

/* How many bits an address of the machine can have. */
unsigned int machine_address_bits(void);

/*
 * Feature words in the order of XEN_SYSCTL_physinfo's hw_cap: leaf 1 EDX and ECX, leaf 80000001h
 * EDX and ECX, leaf 0Dh.1 EAX, leaf 7 EBX and ECX, leaf 80000007h EDX.
 */
void machine_features(uint32_t words[8]);
