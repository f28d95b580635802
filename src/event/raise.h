// SPDX-License-Identifier: Apache-2.0
// An event becomes pending: the one path that is hot, inline as far as most events go.
#pragma once

#include "event/fifo.h"
#include "event/two_level.h"

/* Make the channel pending at its own domain. The channel is open and can't close meanwhile. */
static inline void channel_raise(struct evtchn *channel)
{
    struct domain_fifo *fifo = __atomic_load_n(&channel->domain->events->fifo, __ATOMIC_ACQUIRE);
    event_word_t *word;

    if (unlikely(!fifo)) {
        two_level_raise(channel->domain, vcpu_told(channel), channel->port);
        return;
    }
    word = fifo_word(fifo, channel->port);
    if (unlikely(!word)) {
        fifo_raise_without_word(fifo, channel);
        return;
    }
    /*
     * Pending already, and linked or masked: nobody has to be told. The second look may see a later
     * state than the first, and need not be of the same moment: who unlinks or unmasks an event
     * looks whether it is pending afterwards.
     */
    if (fifo_set_pending(word) && !fifo_may_link(word)) {
        return;
    }
    fifo_tell(fifo, channel, word);
}
