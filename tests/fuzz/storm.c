// SPDX-License-Identifier: Apache-2.0
// The other way to run a fuzzer's function: random inputs, as many as there is time for. Nothing is
// learnt from them, which libFuzzer does better; but nothing is spent on that either, and without
// sanitizers it does a hundred times as much. What it checks is what the function itself checks.
//
//   storm SECONDS SEED MAX_BYTES COUNT_FILE FOUND_FILE
//   storm INPUT_FILE...
//
// The second way runs these inputs once each, as libFuzzer's own program does.
// Every second it writes to COUNT_FILE how far it is. An input that ends in abort() is left in
// FOUND_FILE, for the fuzzer to repeat.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Of the fuzzers that count (operations.h). */
__attribute__((weak)) uint64_t fuzz_operations;

static uint64_t state; /* of the generator: xorshift64* */
static uint8_t *input;
static size_t input_bytes;
static const char *found_file;

static uint64_t next_number(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545f4914f6cdd1dULL;
}

static void keep_input(int signal_number)
{
    FILE *f = fopen(found_file, "w");

    if (f) {
        fwrite(input, 1, input_bytes, f);
        fclose(f);
    }
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void make_input(size_t max_bytes)
{
    input_bytes = 1 + next_number() % max_bytes;
    for (size_t i = 0; i < input_bytes; i += 8) {
        *(uint64_t *)(input + i) = next_number();
    }
}

static void write_count(const char *file, uint64_t inputs, uint64_t seconds)
{
    FILE *f = fopen(file, "w");

    if (f) {
        fprintf(f, "%lu operations, %lu inputs, %lu s\n", (unsigned long)fuzz_operations,
                (unsigned long)inputs, (unsigned long)seconds);
        fclose(f);
    }
}

static void run_file(const char *name)
{
    enum { LARGEST = 1 << 20 };
    static uint8_t bytes[LARGEST];
    FILE *f = fopen(name, "r");

    if (!f) {
        perror(name);
        exit(2);
    }
    (void)LLVMFuzzerTestOneInput(bytes, fread(bytes, 1, LARGEST, f));
    fclose(f);
}

static int run_files(int count, char **names)
{
    for (int i = 0; i < count; i++) {
        run_file(names[i]);
    }
    return 0;
}

int main(int count, char **arguments)
{
    time_t start = time(NULL), now = start, told = start;
    uint64_t inputs = 0;
    size_t max_bytes;

    if (count != 6 || atol(arguments[1]) == 0) {
        return run_files(count - 1, arguments + 1);
    }
    state = strtoull(arguments[2], NULL, 0) * 2 + 1;
    max_bytes = strtoull(arguments[3], NULL, 0);
    input = malloc(max_bytes + 8);
    found_file = arguments[5];
    signal(SIGABRT, keep_input);
    while (now - start < atol(arguments[1])) {
        make_input(max_bytes);
        (void)LLVMFuzzerTestOneInput(input, input_bytes);
        inputs++;
        now = time(NULL);
        if (now != told) {
            told = now;
            write_count(arguments[4], inputs, (uint64_t)(now - start));
        }
    }
    write_count(arguments[4], inputs, (uint64_t)(now - start));
    return 0;
}
