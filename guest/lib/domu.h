// SPDX-License-Identifier: Apache-2.0
// A second domain that does what domain 0 asks: it runs this same image (builder.h), waits on an
// event channel, and calls functions of the image by their addresses.
//
//     static long send_on(void *argument) { return event_send(*(evtchn_port_t *)argument); }
//     ...
//     CHECK_OK(domu_start(&domu));
//     CHECK_OK(domu_call(&domu, send_on, &port, sizeof(port)));
//     domu_kill(&domu);
//
// What a function prints there appears here as diagnostics. Its variables are that domain's own:
// .bss begins as zeroes, .data as domain 0 had it when the domain was built.
#pragma once

#include "builder.h"
#include "trap.h"

#define DOMU_DATA_BYTES 2048

// Results of domu_call that are no call's: the domain took a trap nobody expected, ended, or did
// not answer.
#define DOMU_TRAPPED (-100000l)
#define DOMU_ENDED   (-100001l)
#define DOMU_SILENT  (-100002l)

// The page that both sides see: a request is made by counting up `asked`, done when `answered` is
// equal.
struct mailbox {
    uint32_t port; // the new domain's end of the channel
    uint32_t asked, answered;
    uint32_t text_bytes;
    uint64_t function;
    int64_t result;
    uint64_t vector, error_code, rip, cr2; // of the trap behind DOMU_TRAPPED
    uint64_t progress;                     // a function's own, to be looked at while it runs
    uint8_t data[DOMU_DATA_BYTES] __attribute__((aligned(16)));
    char text[1024];
};

// In the new domain, its side of the page.
extern struct mailbox *const domu_mailbox;

struct domu {
    struct domain domain;
    struct mailbox *mailbox;
    evtchn_port_t port, remote_port;
    bool gone;
};

typedef long domu_function(void *data);

// Builds the domain of a plan (the whole image, if it is NULL), connects to it and lets it run: 0
// or an error. domu_prepare leaves it paused.
long domu_start(struct domu *domu, const struct domain_plan *plan);
long domu_prepare(struct domu *domu, const struct domain_plan *plan);

// Runs a function there with a copy of `bytes` bytes of data, which are copied back when it is
// done. Waits for as long as the domain runs, or a while.
long domu_call(struct domu *domu, domu_function *function, void *data, size_t bytes);
// The two halves, for work that goes on while domain 0 does something else.
void domu_ask(struct domu *domu, domu_function *function, const void *data, size_t bytes);
long domu_answer(struct domu *domu, void *data, size_t bytes);

// Operations with one structure as their argument, made by that domain.
long domu_event_op(struct domu *domu, unsigned command, void *operation, size_t bytes);
long domu_grant_op(struct domu *domu, unsigned command, void *operation, size_t bytes);
long domu_memory_op(struct domu *domu, unsigned command, void *operation, size_t bytes);
long domu_sched_op(struct domu *domu, unsigned command, void *operation, size_t bytes);

// Gives the domain's memory and numbers back: unmaps, closes, destroys and waits until it is gone.
// True if it is.
bool domu_kill(struct domu *domu);

// Waits until the hypervisor knows no such domain; false after a while.
bool domain_wait_gone(domid_t domid);
// Waits until a domain has shut down: its code, or -1 after a while.
int domain_wait_shutdown(domid_t domid);
// The machine's free memory when it has stopped changing: a dead domain's last records may be given
// back a moment after it is gone.
uint64_t free_frames_settled(void);
// Waits until there is as much as before; false, and a diagnostic, after a while.
bool free_frames_return_to(uint64_t before);

// What the new domain does (guest.c calls it).
void domu_main(void);
// In the new domain: adds to the text that domain 0 will print.
void domu_print(const char *text, size_t length);
