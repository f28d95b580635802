// SPDX-License-Identifier: Apache-2.0
// Starting the other processors, which are threads here, and whether their counters agree.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "abi/errno.h"
#include "arch/clock.h"
#include "boot/cpus.h"
#include "boot/machine.h"
#include "control/machine.h"
#include "cpu_start.h"
#include "domain/pages.h"
#include "machine.h"
#include "sched/sched.h"
#include "time/time.h"
#include "time/timer.h"
#include "time/tsc_check.h"

static struct boot_info info;

static void usable(uint64_t base, uint64_t bytes)
{
    memory_map_add(&info.memory, base, bytes, MEMORY_USABLE);
    memory_map_normalize(&info.memory);
}

static int start(void **state)
{
    static bool once;

    host_machine_create(4096, 1);
    host_tsc = 0;
    host_tsc_hz = NS_PER_SECOND;
    if (!once) {
        time_init();
        domain_pages_init();
        sched_init();
        once = true;
    }
    assert_int_equal(timers_init_cpu(0), 0);
    assert_int_equal(sched_init_cpu(0), 0);
    cpus[0]->apic_id = 8;
    info = (struct boot_info){0};
    usable(0, 0x9fc00);
    machine.madt = (struct madt){0};
    host_processor_answers = NULL;
    time_set_stable(false);
    return 0;
}

static int stop(void **state)
{
    host_join_cpus();
    host_machine_destroy();
    return 0;
}

/* Firmware may name the first processor anywhere. */
static void processors(unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        machine.madt.cpu[i] =
            (struct madt_cpu){.apic_id = 2 * (i + 3), .acpi_uid = 100 + i, .enabled = true};
    }
    machine.madt.cpu_count = count;
}

static void all_processors_start_in_firmwares_order_after_the_first(void **state)
{
    processors(4); /* APIC IDs 6, 8 (the first), 10, 12 */
    cpus_start(&info);
    assert_int_equal(cpu_count, 4);
    assert_int_equal(cpus[1]->apic_id, 6);
    assert_int_equal(cpus[2]->apic_id, 10);
    assert_int_equal(cpus[3]->apic_id, 12);
    assert_int_equal(machine_facts.cpu[0].acpi_id, 101);
    assert_int_equal(machine_facts.cpu[1].acpi_id, 100);
    assert_int_equal(machine_facts.cpu[3].acpi_id, 103);
}

static int ten_is_broken(uint32_t apic_id)
{
    return apic_id == 10 ? -ETIME : 0;
}

static void a_processor_that_does_not_answer_is_left_out(void **state)
{
    processors(4);
    host_processor_answers = ten_is_broken;
    cpus_start(&info);
    assert_int_equal(cpu_count, 3);
    assert_int_equal(cpus[2]->apic_id, 12);
    assert_int_equal(machine_facts.cpu[2].acpi_id, 103);
}

static void a_processor_that_is_off_is_not_started(void **state)
{
    processors(3);
    machine.madt.cpu[2].enabled = false;
    cpus_start(&info);
    assert_int_equal(cpu_count, 2);
}

static void without_memory_to_start_in_there_is_one_cpu(void **state)
{
    processors(3);
    info = (struct boot_info){0};
    usable(0x100000, 0x100000);
    cpus_start(&info);
    assert_int_equal(cpu_count, 1);
}

static void counters_that_agree_make_time_stable(void **state)
{
    processors(2);
    cpus_start(&info);
    assert_true(time_is_stable());
}

/* ---- the page to begin in -------------------------------------------------------------------- */

static void the_page_is_the_highest_of_conventional_memory(void **state)
{
    assert_int_equal(cpus_entry_page(&info), 0x9e000);
}

static void the_page_is_no_modules(void **state)
{
    info.module_count = 1;
    info.modules[0].base = 0x9d123;
    info.modules[0].bytes = 0x1000;
    assert_int_equal(cpus_entry_page(&info), 0x9c000);
}

static void the_page_is_never_the_bioss_own(void **state)
{
    info = (struct boot_info){0};
    usable(0, 0x1000);
    assert_int_equal(cpus_entry_page(&info), 0);
}

static void the_page_lies_below_video_memory(void **state)
{
    info = (struct boot_info){0};
    usable(0, 0x100000000);
    assert_int_equal(cpus_entry_page(&info), 0x9f000);
}

/* ---- counters -------------------------------------------------------------------------------- */

struct other {
    struct tsc_check check;
    int64_t ahead;
};

static void *answer(void *data)
{
    struct other *other = data;

    host_become_cpu(0);
    host_tsc_ahead = other->ahead;
    tsc_check_answer(&other->check);
    return NULL;
}

static struct tsc_agreement compare_with(int64_t ahead)
{
    struct other other = {.ahead = ahead};
    struct tsc_agreement result;
    pthread_t thread;

    host_tsc = 1000000;
    assert_int_equal(pthread_create(&thread, NULL, answer, &other), 0);
    result = tsc_check_ask(&other.check, 1000);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return result;
}

static void equal_counters_agree(void **state)
{
    struct tsc_agreement a = compare_with(0);

    assert_int_equal(a.warp_ticks, 0);
    assert_int_equal(a.ahead_ticks, 0);
    assert_true(a.rounds >= 10);
}

static void a_counter_that_lags_is_found(void **state)
{
    struct tsc_agreement a = compare_with(-500);

    assert_int_equal(a.warp_ticks, 500);
    assert_int_equal(a.ahead_ticks, -500);
}

static void a_counter_that_is_ahead_is_found(void **state)
{
    struct tsc_agreement a = compare_with(700);

    assert_int_equal(a.warp_ticks, 700);
    assert_int_equal(a.ahead_ticks, 700);
}

int main(void)
{
#define EACH(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        EACH(all_processors_start_in_firmwares_order_after_the_first),
        EACH(a_processor_that_does_not_answer_is_left_out),
        EACH(a_processor_that_is_off_is_not_started),
        EACH(without_memory_to_start_in_there_is_one_cpu),
        EACH(counters_that_agree_make_time_stable),
        EACH(the_page_is_the_highest_of_conventional_memory),
        EACH(the_page_is_no_modules),
        EACH(the_page_is_never_the_bioss_own),
        EACH(the_page_lies_below_video_memory),
        EACH(equal_counters_agree),
        EACH(a_counter_that_lags_is_found),
        EACH(a_counter_that_is_ahead_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
