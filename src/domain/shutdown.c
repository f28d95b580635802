// SPDX-License-Identifier: Apache-2.0
// Shutting down: a domain stops, and says why; its toolstack decides what comes next.
#include "base/log.h"
#include "domain/domain.h"
#include "domain/pause.h"
#include "lib/format.h"

void (*domain0_gone)(uint32_t shutdown_code);
void (*domain_state_changed)(void);
bool (*domain_suspended)(struct domain *d);
void (*domain_show_state)(const struct domain *d);

void domain_latch_shutdown_code(struct domain *d, uint32_t code)
{
    spin_lock(&d->lock);
    d->latched_code = code;
    spin_unlock(&d->lock);
}

/* First shutdown wins; later ones on other vCPUs change nothing. `*code` becomes what is told. */
static bool begin_shutdown(struct domain *d, uint32_t *code)
{
    bool first;

    spin_lock(&d->lock);
    first = d->shutdown_code == NOT_SHUT_DOWN;
    if (first) {
        *code = d->latched_code != NOT_SHUT_DOWN ? d->latched_code : *code;
        WRITE_ONCE(d->shutdown_code, *code);
        domain_pause_locked(d);
    }
    spin_unlock(&d->lock);
    return first;
}

/* Who asked to hear of a suspension hears of it, and nobody else. */
static void tell(struct domain *d, uint32_t code)
{
    if (code == SHUTDOWN_suspend && READ_ONCE(d->suspend_port) != 0 && domain_suspended &&
        domain_suspended(d)) {
        return;
    }
    if (domain_state_changed) {
        domain_state_changed();
    }
}

void domain_shutdown(struct domain *d, uint32_t code)
{
    if (!begin_shutdown(d, &code)) {
        return;
    }
    guest_info("domain %u shuts down, code %u", d->id, code);
    if (d == domain0 && domain0_gone) {
        domain0_gone(code);
    }
    tell(d, code);
}

void domain_resume(struct domain *d)
{
    spin_lock(&d->lock);
    d->latched_code = NOT_SHUT_DOWN;
    if (d->shutdown_code != NOT_SHUT_DOWN) {
        WRITE_ONCE(d->shutdown_code, NOT_SHUT_DOWN);
        domain_unpause_locked(d);
    }
    spin_unlock(&d->lock);
}

void domain_crash(struct domain *d, const char *format, ...)
{
    char why[160];
    va_list arguments;

    va_start(arguments, format);
    format_text_v(why, sizeof(why), format, arguments);
    va_end(arguments);
    log_error("domain %u crashed: %s", d->id, why);
    if (domain_show_state) {
        domain_show_state(d);
    }
    domain_shutdown(d, SHUTDOWN_crash);
}
