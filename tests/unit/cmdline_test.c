// SPDX-License-Identifier: Apache-2.0
// The command line: values, options of rooms, and those that start of day keeps for itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/errno.h"
#include "base/log.h"
#include "base/panic.h"
#include "base/param.h"
#include "boot/cmdline.h"
#include "boot/options.h"

#define MIB (1ULL << 20)

static bool flag;
static uint64_t number, size;
static char text[8];
static const char *custom;
PARAM_BOOL("test_flag", flag);
PARAM_INTEGER("test_number", number);
PARAM_SIZE("test_size", size);
PARAM_STRING("test_text", text);

static int set_custom(const struct param *param, const char *value)
{
    custom = value != NULL ? "value" : "none";
    return value != NULL && *value == '!' ? -EINVAL : 0;
}
PARAM_CUSTOM("test_custom", set_custom);

static char logged[65536];
static size_t logged_bytes;

static void remember(struct log_sink *sink, const char *from, size_t bytes)
{
    assert_true(logged_bytes + bytes < sizeof(logged));
    memcpy(logged + logged_bytes, from, bytes);
    logged_bytes += bytes;
    logged[logged_bytes] = 0;
}

static struct log_sink sink = {.write = remember};

static int start(void **state)
{
    log_add_sink(&sink);
    logged_bytes = 0;
    logged[0] = 0;
    return 0;
}

static int stop(void **state)
{
    log_remove_sink(&sink);
    return 0;
}

static void booleans(void **state)
{
    const char *const on[] = {"yes", "on", "true", "enable", "1"};
    const char *const off[] = {"no", "off", "false", "disable", "0"};

    for (size_t i = 0; i < ARRAY_SIZE(on); i++) {
        flag = false;
        assert_int_equal(param_set("test_flag", on[i]), 0);
        assert_true(flag);
        assert_int_equal(param_set("test_flag", off[i]), 0);
        assert_false(flag);
    }
    assert_int_equal(param_set("test_flag", NULL), 0);
    assert_true(flag);
    assert_int_equal(param_set("no-test_flag", NULL), 0);
    assert_false(flag);
    assert_int_equal(param_set("test_flag", "perhaps"), -EINVAL);
    assert_int_equal(param_set("test_flag", ""), -EINVAL);
}

static void only_booleans_have_a_no(void **state)
{
    assert_int_equal(param_set("no-test_text", NULL), -EINVAL);
    assert_int_equal(param_set("no-such_option", NULL), -ENOENT);
}

static void integers(void **state)
{
    assert_int_equal(param_set("test_number", "42"), 0);
    assert_int_equal(number, 42);
    assert_int_equal(param_set("test_number", "0x1F"), 0);
    assert_int_equal(number, 31);
    assert_int_equal(param_set("test_number", "010"), 0);
    assert_int_equal(number, 8);
    assert_int_equal(param_set("test_number", "0"), 0);
    assert_int_equal(number, 0);
    assert_int_equal(param_set("test_number", "18446744073709551615"), 0);
    assert_true(number == UINT64_MAX);
}

static void wrong_integers_change_nothing(void **state)
{
    const char *const wrong[] = {"",   "x",   "1x", "-1",   "0x",
                                 "08", "1 2", " 1", "0x1g", "18446744073709551616"};

    number = 5;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_equal(param_set("test_number", wrong[i]), -EINVAL);
    }
    assert_int_equal(param_set("test_number", NULL), -EINVAL);
    assert_int_equal(number, 5);
}

static void sizes_count_kib_without_a_suffix(void **state)
{
    const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {{"3", 3072},         {"3b", 3},           {"3B", 3},          {"3k", 3072},
                 {"512M", 512 * MIB}, {"0x10m", 16 * MIB}, {"4G", 4096 * MIB}, {"1t", MIB * MIB}};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        assert_int_equal(param_set("test_size", sizes[i].text), 0);
        assert_int_equal(size, sizes[i].bytes);
    }
    assert_int_equal(param_set("test_size", "1x"), -EINVAL);
    assert_int_equal(param_set("test_size", "1MB"), -EINVAL);
    assert_int_equal(param_set("test_size", "0xffffffffffffffffk"), -EINVAL);
}

static void strings_fit_or_are_refused(void **state)
{
    assert_int_equal(param_set("test_text", "1234567"), 0);
    assert_string_equal(text, "1234567");
    assert_int_equal(param_set("test_text", "12345678"), -EINVAL);
    assert_int_equal(strlen(text), 7);
    assert_int_equal(param_set("test_text", NULL), 0);
    assert_string_equal(text, "");
}

static void line_is_split_and_later_words_win(void **state)
{
    cmdline_apply("  test_number=1 test_text=a=b\ttest_number=2   test_flag ");
    assert_int_equal(number, 2);
    assert_string_equal(text, "a=b");
    assert_true(flag);
    assert_string_equal(logged, "");
}

static void wrong_words_are_warned_about_and_skipped(void **state)
{
    cmdline_apply("nonsense test_number=7 test_number=x test_custom=! test_custom");
    assert_int_equal(number, 7);
    assert_string_equal(custom, "none");
    assert_non_null(strstr(logged, "unknown option: nonsense"));
    assert_non_null(strstr(logged, "option test_number: cannot make sense of \"x\""));
    assert_non_null(strstr(logged, "option test_custom: cannot make sense of \"!\""));
}

static void long_words_are_refused_whole(void **state)
{
    char line[1000];

    memset(line, 'a', sizeof(line));
    strcpy(line + 600, " test_number=9");
    cmdline_apply(line);
    assert_non_null(strstr(logged, "option too long"));
    assert_int_equal(number, 9);
}

static void empty_lines(void **state)
{
    cmdline_apply("");
    cmdline_apply("   ");
    assert_string_equal(logged, "");
}

/* ---- options of start of day -------------------------------------------------------------------
 */

static uint64_t dom0_bytes(const char *option, uint64_t available, uint64_t *max)
{
    struct dom0_memory memory = {{false, false, 0}, {false, false, 0}, {false, false, 0}};

    assert_int_equal(parse_dom0_memory(option, &memory), 0);
    return dom0_memory_bytes(&memory, available, max);
}

static void dom0_mem_as_given(void **state)
{
    uint64_t max;

    assert_int_equal(dom0_bytes("512M", 1024 * MIB, &max), 512 * MIB);
    assert_true(max == UINT64_MAX);
    assert_int_equal(dom0_bytes("-256M", 1024 * MIB, &max), 768 * MIB);
    assert_int_equal(dom0_bytes("512M,max:600M", 1024 * MIB, &max), 512 * MIB);
    assert_int_equal(max, 600 * MIB);
    assert_int_equal(dom0_bytes("max:600M,min:128M", 1024 * MIB, &max), 600 * MIB);
    assert_int_equal(dom0_bytes("64M,min:128M", 1024 * MIB, &max), 128 * MIB);
    assert_int_equal(dom0_bytes("max:-100M", 1024 * MIB, &max), 924 * MIB);
}

static void dom0_mem_never_exceeds_the_machine(void **state)
{
    uint64_t max;

    assert_int_equal(dom0_bytes("4G", 1024 * MIB, &max), 1024 * MIB);
    assert_int_equal(dom0_bytes("min:4G", 1024 * MIB, &max), 1024 * MIB);
    assert_int_equal(dom0_bytes("-4G", 1024 * MIB, &max), 0);
}

static void dom0_mem_without_a_word(void **state)
{
    struct dom0_memory nothing = {{false, false, 0}, {false, false, 0}, {false, false, 0}};
    uint64_t max;

    assert_int_equal(dom0_memory_bytes(&nothing, 1024 * MIB, &max), 960 * MIB);
    assert_int_equal(dom0_memory_bytes(&nothing, 16384 * MIB, &max), (16384 - 128) * MIB);
}

static void wrong_dom0_mem_changes_nothing(void **state)
{
    const char *const wrong[] = {"",      "min",         "min:",   "512M,",
                                 ",512M", "512M max:1G", "avg:1G", "--1"};
    struct dom0_memory memory = {{true, false, 7}, {false, false, 0}, {false, false, 0}};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_equal(parse_dom0_memory(wrong[i], &memory), -EINVAL);
    }
    assert_int_equal(memory.initial.bytes, 7);
    assert_false(memory.max.given);
}

static void dom0_vcpus(void **state)
{
    const struct {
        const char *text;
        uint32_t on_1, on_4, on_16;
    } cases[] = {{"2", 2, 2, 2}, {"2-8", 2, 4, 8}, {"2-", 2, 4, 16}, {"-8", 1, 4, 8}};
    struct dom0_vcpus vcpus = {0, UINT32_MAX};

    assert_int_equal(dom0_vcpu_count(&vcpus, 4), 4);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(parse_dom0_vcpus(cases[i].text, &vcpus), 0);
        assert_int_equal(dom0_vcpu_count(&vcpus, 1), cases[i].on_1);
        assert_int_equal(dom0_vcpu_count(&vcpus, 4), cases[i].on_4);
        assert_int_equal(dom0_vcpu_count(&vcpus, 16), cases[i].on_16);
    }
}

static void wrong_dom0_vcpus_change_nothing(void **state)
{
    const char *const wrong[] = {"", "0", "4-2", "a", "1-b", "1-2-3", "4294967296", "--1"};
    struct dom0_vcpus vcpus = {3, 3};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_equal(parse_dom0_vcpus(wrong[i], &vcpus), -EINVAL);
    }
    assert_int_equal(vcpus.min, 3);
    assert_int_equal(vcpus.max, 3);
}

static void the_reference_names_are_known(void **state)
{
    panic_set_stop_others(NULL); /* brings in the owner of `noreboot` */
    cmdline_apply(
        "console=com1 com1=115200,8n1 com2=9600 dom0_mem=512M dom0_max_vcpus=2 loglvl=all "
        "guest_loglvl=error/all noreboot sync_console trace");
    assert_string_equal(logged, "");
    assert_string_equal(options.console, "com1");
    assert_string_equal(options.com1, "115200,8n1");
    assert_string_equal(options.com2, "9600");
    assert_int_equal(options.dom0_memory.initial.bytes, 512 * MIB);
    assert_int_equal(options.dom0_vcpus.max, 2);
    assert_true(options.sync_console);
    assert_true(options.trace);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(booleans),
        TEST(only_booleans_have_a_no),
        TEST(integers),
        TEST(wrong_integers_change_nothing),
        TEST(sizes_count_kib_without_a_suffix),
        TEST(strings_fit_or_are_refused),
        TEST(line_is_split_and_later_words_win),
        TEST(wrong_words_are_warned_about_and_skipped),
        TEST(long_words_are_refused_whole),
        TEST(empty_lines),
        TEST(dom0_mem_as_given),
        TEST(dom0_mem_never_exceeds_the_machine),
        TEST(dom0_mem_without_a_word),
        TEST(wrong_dom0_mem_changes_nothing),
        TEST(dom0_vcpus),
        TEST(wrong_dom0_vcpus_change_nothing),
        TEST(the_reference_names_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
