// SPDX-License-Identifier: Apache-2.0
// Audits on a running machine: on a key, again and again, and what a fault leads to.
#include "mmu_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/param.h"
#include "console/keys.h"
#include "control/self_audit.h"
#include "time/time.h"
#include "time/timer.h"

static char said[4096];

static void listen(struct log_sink *sink, const char *text, size_t bytes)
{
    strncat(said, text, MIN(bytes, sizeof(said) - 1 - strlen(said)));
}

static struct log_sink sink = {.write = listen};

static void test_the_key_audits_and_counts(void **state)
{
    log_add_sink(&sink);
    self_audit_init();
    said[0] = 0;
    console_press_key('a');
    assert_non_null(strstr(said, "0 faults"));
    assert_non_null(strstr(said, "L1 1 L2 1 L3 1 L4 1, 1 pinned"));
}

/* In a child, as it is the machine's end. */
static void test_a_fault_is_a_panic(void **state)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        frame_of(space.data[3])->state += FRAME_REF_ONE;
        console_press_key('a');
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_others_stand_still_meanwhile_and_go_on_then(void **state)
{
    uint32_t before = guest->vcpus[1]->pause;

    console_press_key('a');
    assert_int_equal(guest->vcpus[1]->pause, before);
    assert_int_equal(guest->vcpus[0]->pause_count, 0);
    assert_int_equal(guest->vcpus[1]->pause_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        guest_test(test_the_key_audits_and_counts),
        guest_test(test_a_fault_is_a_panic),
        guest_test(test_others_stand_still_meanwhile_and_go_on_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
