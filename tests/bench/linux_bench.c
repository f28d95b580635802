// SPDX-License-Identifier: Apache-2.0
// What a Linux's system calls, faults, signals and processes cost: a static program for the
// initramfs. It prints a line `bench NAME TICKS OPERATIONS NS` a row: ticks of the time-stamp
// counter and nanoseconds of the clock for one operation, and how many operations a round makes,
// which is for the counter that reads the marks. Under QEMU's icount a tick is an instruction.

#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "marker.h"

#define MIB  (1ul << 20)
#define PAGE 4096ul

static void require(bool holds, const char *what)
{
    if (!holds) {
        perror(what);
        exit(1);
    }
}

// ---- measuring ----------------------------------------------------------------------------------
static uint64_t ticks_now(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

static uint64_t ns_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// The best of some rounds of so many operations: the kernel's timer interrupts the others.
static void measure(const char *name, unsigned rounds, unsigned operations, void (*operation)(void))
{
    uint64_t best_ticks = UINT64_MAX, best_ns = UINT64_MAX;

    for (unsigned round = 0; round < rounds; round++) {
        uint64_t start_ns = ns_now();
        MARK(MARK_ROUND_START);
        uint64_t start = ticks_now();
        for (unsigned i = 0; i < operations; i++) {
            operation();
        }
        best_ticks = least(best_ticks, ticks_now() - start);
        MARK(MARK_ROUND_END);
        best_ns = least(best_ns, ns_now() - start_ns);
    }
    MARK(MARK_ROW_END);
    printf("bench %s %lu %u %lu\n", name, best_ticks / operations, operations,
           best_ns / operations);
    fflush(stdout);
}

// ---- system calls -------------------------------------------------------------------------------
static int zero_fd;

static void get_pid(void)
{
    (void)syscall(SYS_getpid);
}

static void read_one_byte(void)
{
    char byte;
    require(read(zero_fd, &byte, 1) == 1, "read");
}

static void stat_root(void)
{
    struct stat status;
    require(stat("/bin/busybox", &status) == 0, "stat");
}

// ---- two processes and two pipes ----------------------------------------------------------------
static int to_child[2], from_child[2];

static void answer_for_ever(void)
{
    char byte;

    close(to_child[1]);
    while (read(to_child[0], &byte, 1) == 1 && write(from_child[1], &byte, 1) == 1) {
    }
    _exit(0);
}

static void pipe_round_trip(void)
{
    char byte = 0;
    require(write(to_child[1], &byte, 1) == 1 && read(from_child[0], &byte, 1) == 1, "a pipe");
}

static void measure_pipe(void)
{
    require(pipe(to_child) == 0 && pipe(from_child) == 0, "pipe");
    pid_t child = fork();
    if (child == 0) {
        answer_for_ever();
    }
    measure("pipe", 32, 32, pipe_round_trip);
    close(to_child[1]);
    waitpid(child, NULL, 0);
}

// ---- signals ------------------------------------------------------------------------------------
static pid_t self;
static char *read_only_page;

static void do_nothing(int signal)
{
    (void)signal;
}

static void signal_self(void)
{
    require(kill(self, SIGUSR1) == 0, "kill");
}

// The write below is two bytes long: mov %al, (%rax).
static void step_over_write(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

static void write_read_only(void)
{
    __asm__ volatile("mov %%al, (%%rax)" : : "a"(read_only_page) : "memory");
}

static void measure_signals(void)
{
    struct sigaction nothing = {.sa_handler = do_nothing};
    struct sigaction step = {.sa_sigaction = step_over_write, .sa_flags = SA_SIGINFO};

    self = getpid();
    require(sigaction(SIGUSR1, &nothing, NULL) == 0, "sigaction");
    require(sigaction(SIGSEGV, &step, NULL) == 0, "sigaction");
    read_only_page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(read_only_page != MAP_FAILED, "mmap");
    measure("signal", 32, 64, signal_self);
    measure("protection-fault", 32, 64, write_read_only);
}

// ---- memory and processes -----------------------------------------------------------------------
static void map_touch_unmap(void)
{
    volatile char *memory =
        mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    require(memory != MAP_FAILED, "mmap");
    for (size_t at = 0; at < MIB; at += PAGE) {
        memory[at] = 1;
    }
    munmap((char *)memory, MIB);
}

static void wait_for(pid_t child)
{
    int status;
    require(child > 0 && waitpid(child, &status, 0) == child && status == 0, "a child");
}

static void fork_exit(void)
{
    pid_t child = fork();

    if (child == 0) {
        _exit(0);
    }
    wait_for(child);
}

// A child that runs a program to its end.
static void fork_run(const char *path, const char *const arguments[])
{
    static char *const environment[] = {NULL};
    pid_t child = fork();

    if (child == 0) {
        execve(path, (char *const *)arguments, environment);
        _exit(127);
    }
    wait_for(child);
}

static void fork_exec(void)
{
    const char *const arguments[] = {"linux-bench", "exit", NULL};
    fork_run("/proc/self/exe", arguments);
}

static void shell_exit(void)
{
    const char *const arguments[] = {"sh", "-c", "exit", NULL};
    fork_run("/bin/sh", arguments);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "exit") == 0) {
        return 0;
    }
    zero_fd = open("/dev/zero", O_RDONLY);
    require(zero_fd >= 0, "/dev/zero");
    measure("getpid", 32, 256, get_pid);
    measure("read-1", 32, 256, read_one_byte);
    measure("stat", 32, 64, stat_root);
    measure_pipe();
    measure_signals();
    measure("mmap", 32, 1, map_touch_unmap);
    measure("fork-exit", 32, 2, fork_exit);
    measure("fork-exec", 32, 1, fork_exec);
    measure("sh-exit", 32, 1, shell_exit);
    return 0;
}
