// SPDX-License-Identifier: Apache-2.0
// Interrupts: Pavise's own vectors, and handing device vectors on.
#include "interrupts.h"

#include "arch/clock.h"
#include "arch/cpu.h"
#include "arch/interrupts.h"
#include "arch/tlb.h"
#include "base/cpu.h"
#include "base/panic.h"
#include "instructions.h"
#include "ipi.h"
#include "platform/broadcast.h"
#include "platform/lapic.h"
#include "pv/traps.h"

static void (*device_interrupt)(unsigned int vector);

void interrupt_dispatch(unsigned int vector);

void ipi_send(unsigned int cpu, enum ipi_vector vector)
{
    lapic_send_ipi(cpus[cpu]->apic_id, (uint8_t)vector);
}

void arch_kick_cpu(unsigned int id)
{
    ipi_send(id, IPI_KICK);
}

void arch_send_call(unsigned int id)
{
    ipi_send(id, IPI_CALL);
}

static bool stopping; /* [a] some CPU panics */

void interrupts_stop_here_if_asked(void)
{
    while (READ_ONCE(stopping)) {
        asm volatile("cli; hlt");
    }
}

/* From entry code, interrupts off, on the CPU's own stack. */
void interrupt_dispatch(unsigned int vector)
{
    switch (vector) {
    case IPI_KICK:
        lapic_eoi();
        return;
    case IPI_FLUSH:
        cpu_serve_flush_request();
        lapic_eoi();
        return;
    case IPI_CALL:
        cpu_serve_call();
        lapic_eoi();
        return;
    case VECTOR_CMCI:
        hardware_corrected_error();
        lapic_eoi();
        return;
    case VECTOR_TIMER:
        cpu_raise_self(WORK_TIMER);
        lapic_eoi();
        return;
    case VECTOR_BROADCAST:
        broadcast_interrupt();
        lapic_eoi();
        return;
    case VECTOR_ERROR:
        (void)lapic_read_errors();
        lapic_eoi();
        return;
    case VECTOR_SPURIOUS:
        return;
    default:
        device_interrupt(vector);
        return;
    }
}

void arch_poll_interrupts(void)
{
    asm volatile("sti; nop; cli" ::: "memory");
}

void arch_start_local_interrupts(void)
{
    static const struct lapic_vectors vectors = {
        .spurious = VECTOR_SPURIOUS, .error = VECTOR_ERROR, .timer = VECTOR_TIMER};

    lapic_start_cpu(&vectors);
    this_cpu()->apic_id = lapic_id();
}

void arch_set_device_interrupt(void (*serve)(unsigned int vector))
{
    device_interrupt = serve;
}

void arch_enable_corrected_error_interrupt(void)
{
    lapic_enable_cmci(VECTOR_CMCI);
}

void arch_raise_machine_check(void)
{
    asm volatile("int $18" ::: "memory");
}

void arch_raise_corrected_error(void)
{
    lapic_send_ipi_self(VECTOR_CMCI);
}

void interrupts_stop_others(void)
{
    if (cpu_count > 1) {
        WRITE_ONCE(stopping, true);
        lapic_send_nmi_others();
    }
}
