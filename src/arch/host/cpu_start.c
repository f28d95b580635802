// SPDX-License-Identifier: Apache-2.0
// Other CPUs on the host are threads.
#include "arch/cpu_start.h"

#include <pthread.h>
#include <stdlib.h>

#include "abi/errno.h"
#include "cpu_start.h"
#include "machine.h"
#include "memory/flush.h"

static struct {
    unsigned int id;
    void (*function)(void);
    pthread_t thread[MAX_CPUS];
    uint64_t started; /* a bit per CPU */
} start;

int (*host_processor_answers)(uint32_t apic_id);

int arch_create_cpu(unsigned int id)
{
    struct cpu *cpu = calloc(1, sizeof(*cpu));

    if (!cpu) {
        return -ENOMEM;
    }
    cpu->self = cpu;
    cpu->id = id;
    cpu->flush_stamp = flush_clock;
    cpus[id] = cpu;
    return 0;
}

static void *run(void *unused)
{
    void (*function)(void) = start.function;

    host_become_cpu(start.id);
    function();
    return unused;
}

int arch_start_cpu(unsigned int id, uint32_t apic_id, uint64_t entry, void (*function)(void))
{
    int error = host_processor_answers ? host_processor_answers(apic_id) : 0;

    if (error != 0) {
        return error;
    }
    start.id = id;
    start.function = function;
    cpus[id]->apic_id = apic_id;
    if (pthread_create(&start.thread[id], NULL, run, NULL) != 0) {
        return -EIO;
    }
    start.started |= 1ULL << id;
    return 0;
}

void host_join_cpus(void)
{
    for (unsigned int id = 0; id < MAX_CPUS; id++) {
        if ((start.started >> id) & 1) {
            (void)pthread_join(start.thread[id], NULL);
        }
    }
    start.started = 0;
}

void arch_enter_guests(void)
{
    pthread_exit(NULL);
}
