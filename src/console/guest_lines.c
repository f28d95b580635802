// SPDX-License-Identifier: Apache-2.0
// Lines of unprivileged domains: printable text only, so that no guest can steer a terminal or
// pretend to be another, and whole lines only, so that no two mix.
#include "console/guest_lines.h"

#include "abi/errno.h"
#include "base/lock.h"
#include "base/log.h"
#include "domain/quota.h"

#define LINE_BYTES 160

struct guest_line {
    struct list link;
    const struct domain *domain;
    size_t length;
    char text[LINE_BYTES + 1];
};

static spinlock_t lines_lock = SPINLOCK(RANK_CONSOLE);
static struct list lines = LIST_INIT(lines); /* guarded by lines_lock, as are the members */

static struct guest_line *find(const struct domain *d)
{
    struct list *item;

    list_for_each(item, &lines)
    {
        struct guest_line *line = container_of(item, struct guest_line, link);
        if (line->domain == d) {
            return line;
        }
    }
    return NULL;
}

/* The log never waits, so it may be called with the lock held. */
static void finish_line(struct guest_line *line)
{
    line->text[line->length] = 0;
    guest_info("(d%u) %s", line->domain->id, line->text);
    line->length = 0;
}

static void add(struct guest_line *line, char c)
{
    if (c == '\n') {
        finish_line(line);
        return;
    }
    if (c == '\t') {
        c = ' ';
    }
    if (c < ' ' || c > '~') {
        return;
    }
    line->text[line->length++] = c;
    if (line->length == LINE_BYTES) {
        finish_line(line);
    }
}

/* The heap's lock comes before the console's: a new record is made without the lock. */
static int make_line(struct domain *d)
{
    struct guest_line *line = quota_new(d, struct guest_line);
    bool first;

    if (!line) {
        return -ENOMEM;
    }
    line->domain = d;
    spin_lock(&lines_lock);
    first = find(d) == NULL;
    if (first) {
        list_add_tail(&lines, &line->link);
    }
    spin_unlock(&lines_lock);
    if (!first) {
        quota_free(d, line); /* another vCPU was faster */
    }
    return 0;
}

/* False where the domain has no line yet. */
static bool try_write(const struct domain *d, const char *text, size_t bytes)
{
    struct guest_line *line;

    spin_lock(&lines_lock);
    line = find(d);
    for (size_t i = 0; line && i < bytes; i++) {
        add(line, text[i]);
    }
    spin_unlock(&lines_lock);
    return line != NULL;
}

int guest_lines_write(struct domain *d, const char *text, size_t bytes)
{
    int error;

    if (try_write(d, text, bytes)) {
        return 0;
    }
    error = make_line(d);
    if (error == 0) {
        (void)try_write(d, text, bytes);
    }
    return error;
}

static void destroy(struct domain *d)
{
    struct guest_line *line;

    spin_lock(&lines_lock);
    line = find(d);
    if (line) {
        if (line->length > 0) {
            finish_line(line);
        }
        list_remove(&line->link);
    }
    spin_unlock(&lines_lock);
    quota_free(d, line);
}

/* Several vCPUs may make one at once, and all but one free theirs again. */
static uint64_t most_heap(const struct domain *d)
{
    return d->max_vcpus * quota_cost(1, sizeof(struct guest_line));
}

static struct domain_part lines_part = {
    .name = "console", .destroy = destroy, .most_heap = most_heap};

void guest_lines_init(void)
{
    domain_register_part(&lines_part);
}
