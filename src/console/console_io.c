// SPDX-License-Identifier: Apache-2.0
// console_io: guests' output to the console, and what was typed.
#include "abi/errno.h"
#include "arch/guest.h"
#include "base/hypercall.h"
#include "base/lock.h"
#include "base/log.h"
#include "console/console.h"
#include "console/guest_lines.h"
#include "console/hypercalls.h"

/* Between two pieces of this size a long write can be interrupted. */
#define PIECE_BYTES 256

/*
 * Domain 0's text, while it is kept until a line is whole: its kernel writes 16 bytes at a time,
 * and what is logged between two of them would cut words in two.
 */
static struct {
    spinlock_t lock;
    bool on;
    size_t length;
    char text[PIECE_BYTES];
} kept = {.lock = SPINLOCK(RANK_CONSOLE)};

void console_keep_lines(void)
{
    kept.on = true;
}

/* The lock is held. */
static void show_kept(void)
{
    log_raw(kept.text, kept.length);
    kept.length = 0;
}

void console_show_kept(void)
{
    spin_lock(&kept.lock);
    show_kept();
    spin_unlock(&kept.lock);
}

static void keep(const char *piece, size_t bytes)
{
    spin_lock(&kept.lock);
    for (size_t i = 0; i < bytes; i++) {
        kept.text[kept.length++] = piece[i];
        if (piece[i] == '\n' || kept.length == sizeof(kept.text)) {
            show_kept();
        }
    }
    spin_unlock(&kept.lock);
}

static int write_piece(struct domain *d, const char *piece, size_t bytes)
{
    if (!d->hardware) {
        return guest_lines_write(d, piece, bytes);
    }
    if (unlikely(kept.on)) {
        keep(piece, bytes);
    } else {
        log_raw(piece, bytes);
    }
    return 0;
}

static long write_text(struct domain *d, uint32_t count, gva_t buffer)
{
    while (count > 0) {
        size_t bytes = MIN((size_t)count, (size_t)PIECE_BYTES);
        char piece[PIECE_BYTES];
        int error;

        if (copy_from_guest(piece, buffer, bytes) != 0) {
            return -EFAULT;
        }
        error = write_piece(d, piece, bytes);
        if (error != 0) {
            return error;
        }
        buffer = gva_add(buffer, bytes);
        count -= (uint32_t)bytes;
        if (count > 0 && should_stop()) {
            hypercall_set_argument(1, count);
            hypercall_set_argument(2, buffer.a);
            return HYPERCALL_RESTART;
        }
    }
    return 0;
}

/* Bytes that a bad buffer does not take are lost: they were taken before it was known. */
static long read_text(uint32_t count, gva_t buffer)
{
    uint32_t copied = 0;
    char piece[PIECE_BYTES];
    size_t bytes;

    while (copied < count &&
           (bytes = console_take_input(piece, MIN((size_t)(count - copied), sizeof(piece)))) != 0) {
        if (copy_to_guest(gva_add(buffer, copied), piece, bytes) != 0) {
            return -EFAULT;
        }
        copied += (uint32_t)bytes;
    }
    return copied;
}

long hypercall_console_io(uint64_t cmd, uint64_t count, gva_t buffer)
{
    struct domain *d = current_vcpu()->domain;

    if ((uint32_t)count > INT32_MAX) {
        return -E2BIG; /* the result is an int */
    }
    switch ((uint32_t)cmd) {
    case CONSOLEIO_write:
        return write_text(d, (uint32_t)count, buffer);
    case CONSOLEIO_read:
        return d->privileged ? read_text((uint32_t)count, buffer) : -EPERM;
    default:
        return -ENOSYS;
    }
}
