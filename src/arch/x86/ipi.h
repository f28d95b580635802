// SPDX-License-Identifier: Apache-2.0
// Interrupts between CPUs, and the vectors that Pavise keeps for itself.
#pragma once

/* Above all device vectors, so that they are served first. */
enum ipi_vector {
    IPI_KICK = 0xf8,         /* look at pending work */
    IPI_FLUSH = 0xf9,        /* serve a TLB-flush request */
    IPI_CALL = 0xfa,         /* make a call that another CPU asks for */
    VECTOR_BROADCAST = 0xfb, /* the timer that wakes idle CPUs */
    VECTOR_TIMER = 0xfc,     /* the local APIC's alarm */
    VECTOR_CMCI = 0xfd,      /* the processor has corrected errors */
    VECTOR_ERROR = 0xfe,     /* the local APIC's complaint */
    VECTOR_SPURIOUS = 0xff,
};

void ipi_send(unsigned int cpu, enum ipi_vector vector);
