// SPDX-License-Identifier: Apache-2.0
// console_io, input and its switch, debug keys.
#include "control_fixture.h"

#include "base/log.h"
#include "base/param.h"
#include "console/hypercalls.h"
#include "console/keys.h"

static char shown[8192];
static size_t shown_bytes;

static void capture(struct log_sink *sink, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes && shown_bytes + 1 < sizeof(shown); i++) {
        shown[shown_bytes++] = text[i];
    }
    shown[shown_bytes] = 0;
}

static struct log_sink sink = {.write = capture};

static int setup(void **state)
{
    fixture_setup(state);
    log_clear();
    log_add_sink(&sink);
    shown_bytes = 0;
    shown[0] = 0;
    log_set_levels(LOG_GUEST, LOG_INFO, LOG_INFO);
    return 0;
}

static int teardown(void **state)
{
    char c;

    while (console_take_input(&c, 1) != 0) {
    }
    log_remove_sink(&sink);
    return fixture_teardown(state);
}

static long write_text(const char *text)
{
    struct cpu_user_regs *regs = &current_vcpu()->regs;
    struct vcpu *caller = current_vcpu();
    long result;

    regs->rsi = strlen(text);
    regs->rdx = put(text, regs->rsi).a;
    do {
        result = hypercall_console_io(CONSOLEIO_write, regs->rsi, gva(regs->rdx));
        cpu_do_work(); /* as on the way back to the guest, which then issues the call again */
        run_as(caller);
    } while (result == HYPERCALL_RESTART);
    return result;
}

static void type(const char *text)
{
    console_receive(text, strlen(text));
    cpu_do_work();
}

static size_t read_input(char *to)
{
    long bytes = hypercall_console_io(CONSOLEIO_read, 100, host_guest_address(guest));

    assert_in_range(bytes, 0, 100);
    memcpy(to, guest, (size_t)bytes);
    to[bytes] = 0;
    return (size_t)bytes;
}

static void domain_0_writes_as_it_likes(void **state)
{
    char text[400];

    assert_int_equal(write_text("half a li"), 0);
    assert_string_equal(shown, "half a li");
    assert_int_equal(write_text("ne\n\x1b[31m"), 0);
    assert_string_equal(shown, "half a line\n\x1b[31m");
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    shown_bytes = 0;
    assert_int_equal(write_text(text), 0);
    assert_string_equal(shown, text);
}

static void others_write_whole_printable_lines(void **state)
{
    run_as(other->vcpus[0]);
    assert_int_equal(write_text("hel\x1b[31m\r"), 0);
    assert_string_equal(shown, "");
    assert_int_equal(write_text("lo\tall\nnext"), 0);
    assert_non_null(strstr(shown, ") hel[31mlo all\n"));
    assert_null(strstr(shown, "next"));
    assert_int_equal(write_text("\n"), 0);
    assert_non_null(strstr(shown, ") next\n"));
    run_as(dom0->vcpus[0]);
}

static void a_line_without_end_is_shown_in_pieces(void **state)
{
    char text[401];

    memset(text, 'y', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    run_as(other->vcpus[0]);
    assert_int_equal(write_text(text), 0);
    run_as(dom0->vcpus[0]);
    assert_non_null(strstr(shown, "yyyyyyyyyy"));
}

static void bad_calls_are_refused(void **state)
{
    assert_int_equal(hypercall_console_io(CONSOLEIO_write, 5, nowhere()), -EFAULT);
    assert_int_equal(hypercall_console_io(CONSOLEIO_write, 0x80000000UL, nowhere()), -E2BIG);
    assert_int_equal(hypercall_console_io(CONSOLEIO_read, 0x80000000UL, nowhere()), -E2BIG);
    assert_int_equal(hypercall_console_io(2, 0, gva(0)), -ENOSYS);
    run_as(other->vcpus[0]);
    assert_int_equal(hypercall_console_io(CONSOLEIO_read, 5, nowhere()), -EPERM);
    run_as(dom0->vcpus[0]);
}

static void input_reaches_domain_0_with_its_interrupt(void **state)
{
    struct evtchn_bind_virq bind = {.virq = VIRQ_CONSOLE, .vcpu = 0};
    char text[128];

    assert_int_equal(hypercall_event_channel_op(EVTCHNOP_bind_virq, PUT(&bind)), 0);
    TAKE(&bind);
    console_start_domain0();
    assert_non_null(strstr(shown, "Serial input to DOM0 (type 'CTRL-a' three times"));
    type("ls\r");
    assert_int_equal(dom0->shared->evtchn_pending[0] >> bind.port & 1, 1);
    read_input(text);
    assert_string_equal(text, "ls\r");
    assert_int_equal(read_input(text), 0);
}

static void three_ctrl_a_switch_input(void **state)
{
    char text[128];

    console_start_domain0();
    type("a\x01\x01"); /* two: not a switch, so they belong to the input */
    type("b\x01\x01\x01");
    read_input(text);
    assert_string_equal(text, "a\x01\x01"
                              "b");
    assert_non_null(strstr(shown, "Serial input to Pavise"));
    type("h");
    assert_int_equal(read_input(text), 0);
    assert_non_null(strstr(shown, "key 'q' => show domains and vCPUs"));
    type("\x01\x01\x01z");
    read_input(text);
    assert_string_equal(text, "z");
}

static void input_that_nobody_reads_is_dropped_at_the_end(void **state)
{
    char text[128];
    size_t total = 0, bytes;

    console_start_domain0();
    for (int i = 0; i < 100; i++) {
        type("0123456789012345678901234567890");
    }
    while ((bytes = read_input(text)) != 0) {
        total += bytes;
    }
    assert_int_equal(total, 1024);
}

static void the_switch_letter_is_an_option(void **state)
{
    char text[128];

    assert_int_equal(param_set("conswitch", "bx"), 0);
    console_start_domain0();
    assert_non_null(strstr(shown, "Serial input to Pavise"));
    type("\x02\x02\x02\x01");
    read_input(text);
    assert_string_equal(text, "\x01");
    assert_int_equal(param_set("conswitch", "7"), -EINVAL);
    assert_int_equal(param_set("conswitch", "a"), 0);
}

static void new_text_in_the_log_is_announced(void **state)
{
    struct evtchn_bind_virq bind = {.virq = VIRQ_CON_RING, .vcpu = 0};

    assert_int_equal(hypercall_event_channel_op(EVTCHNOP_bind_virq, PUT(&bind)), 0);
    TAKE(&bind);
    cpu_do_work();
    dom0->shared->evtchn_pending[0] = 0;
    log_error("something happened");
    cpu_do_work();
    assert_int_equal(dom0->shared->evtchn_pending[0] >> bind.port & 1, 1);
}

static void every_key_but_reboot_can_be_pressed(void **state)
{
    for (int key = 0; key < 256; key++) {
        if (key != 'R') {
            console_press_key((char)key);
        }
    }
    assert_non_null(strstr(shown, "'q' pressed"));
    assert_non_null(strstr(shown, "d0v0"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(domain_0_writes_as_it_likes),
        TEST(others_write_whole_printable_lines),
        TEST(a_line_without_end_is_shown_in_pieces),
        TEST(bad_calls_are_refused),
        TEST(input_reaches_domain_0_with_its_interrupt),
        TEST(three_ctrl_a_switch_input),
        TEST(input_that_nobody_reads_is_dropped_at_the_end),
        TEST(the_switch_letter_is_an_option),
        TEST(new_text_in_the_log_is_announced),
        TEST(every_key_but_reboot_can_be_pressed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
