// SPDX-License-Identifier: Apache-2.0
// The FIFO form with as many ports as it has (public header event_channel.h): all pages of words,
// events on ports of each page up to the last port.

#include "fifo.h"
#include "tap.h"

#define PAGES (EVTCHN_FIFO_NR_CHANNELS / FIFO_PORTS_PER_PAGE)

// The reference looks through all ports for a free one: to have them all takes minutes there.
static unsigned ports_wanted(void)
{
    return running_on_oracle() ? 5 * FIFO_PORTS_PER_PAGE : EVTCHN_FIFO_NR_CHANNELS;
}

TEST("a domain gives all the pages of words that there can be, and not one more")
{
    upcalls_disable(); // events are taken by hand
    CHECK_OK(fifo_init(PAGES));
    CHECK_ERR(fifo_expand_array(virt_to_mfn(page_alloc())), XEN_ENOSPC);
}

TEST("it has a port for each word; when all are taken there is none")
{
    int port = 0;

    while (port >= 0 && (unsigned)port < ports_wanted() - 1) {
        port = event_bind_ipi(0);
    }
    CHECK_EQ(port, ports_wanted() - 1);
    if (!running_on_oracle()) {
        CHECK_ERR(event_bind_ipi(0), XEN_ENOSPC);
    }
}

static bool arrives(evtchn_port_t port)
{
    event_clear_mask(port);
    return event_send(port) == 0 && event_pending(port) && fifo_take() == port;
}

TEST("an event arrives on the first and the last port of every page")
{
    unsigned pages = ports_wanted() / FIFO_PORTS_PER_PAGE, arrived = 0;

    for (unsigned page = 0; page < pages; page++) {
        evtchn_port_t first = page * FIFO_PORTS_PER_PAGE;
        arrived += first == 0 || arrives(first); // port 0 is none
        arrived += arrives(first + FIFO_PORTS_PER_PAGE - 1);
    }
    CHECK_EQ(arrived, 2 * pages);
}

TEST("events on ports that lie far apart are linked in the order they came")
{
    evtchn_port_t last = ports_wanted() - 1;

    CHECK_OK(event_send(last));
    CHECK_OK(event_send(FIFO_PORTS_PER_PAGE));
    CHECK_OK(event_send(last - FIFO_PORTS_PER_PAGE));
    CHECK_EQ(fifo_take(), last);
    CHECK_EQ(fifo_take(), FIFO_PORTS_PER_PAGE);
    CHECK_EQ(fifo_take(), last - FIFO_PORTS_PER_PAGE);
    CHECK_EQ(fifo_take(), 0);
}

TEST("the last port has a priority like any other, goes before the others, and is closed")
{
    evtchn_port_t last = ports_wanted() - 1;

    CHECK_OK(fifo_set_priority(last, EVTCHN_FIFO_PRIORITY_MAX));
    CHECK_OK(event_send(FIFO_PORTS_PER_PAGE));
    CHECK_OK(event_send(last));
    CHECK_EQ(fifo_take(), last);
    CHECK_EQ(fifo_take(), FIFO_PORTS_PER_PAGE);
    CHECK_OK(event_close(last));
    CHECK_ERR(event_send(last), XEN_EINVAL);
    CHECK_ERR(event_send(EVTCHN_FIFO_NR_CHANNELS), XEN_EINVAL);
}

TEST("EVTCHNOP_reset closes them all")
{
    struct evtchn_reset reset = {.dom = DOMID_SELF};

    CHECK_OK(event_channel_op(EVTCHNOP_reset, &reset));
    fifo_forget();
    CHECK_ERR(event_send(FIFO_PORTS_PER_PAGE), XEN_EINVAL);
    CHECK(event_bind_ipi(0) > 0);
}
