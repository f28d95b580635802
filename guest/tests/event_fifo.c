// SPDX-License-Identifier: Apache-2.0
// Event channels of the FIFO form: control blocks, the array of event words, queues by priority
// (public header event_channel.h). The image changes from the 2-level form and cannot go back, so
// the order of the tests matters.

#include "clock.h"
#include "image.h"
#include "tap.h"
#include "vcpus.h"

IMAGE_BOOT("vcpus=2");

#define MS             1000000ul
#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(event_word_t))
#define BIT(n)         (1u << (n))

static struct evtchn_fifo_control_block *control[2];
static event_word_t *words[4]; // pages of the array
static unsigned pages;

static long init_control(unsigned vcpu, uint64_t frame, uint32_t offset, uint8_t *link_bits)
{
    struct evtchn_init_control op = {.control_gfn = frame, .offset = offset, .vcpu = vcpu};
    long error = event_channel_op(EVTCHNOP_init_control, &op);

    if (link_bits) {
        *link_bits = op.link_bits;
    }
    return error;
}

static long expand_array(uint64_t frame)
{
    struct evtchn_expand_array op = {.array_gfn = frame};

    return event_channel_op(EVTCHNOP_expand_array, &op);
}

static long add_page(void)
{
    event_word_t *page = page_alloc();
    long error;

    for (unsigned i = 0; i < WORDS_PER_PAGE; i++) {
        page[i] = BIT(EVTCHN_FIFO_MASKED);
    }
    error = expand_array(virt_to_mfn(page));
    if (error == 0) {
        words[pages++] = page;
    }
    return error;
}

static event_word_t *word_of(evtchn_port_t port)
{
    return &words[port / WORDS_PER_PAGE][port % WORDS_PER_PAGE];
}

static bool has(evtchn_port_t port, unsigned bit)
{
    return (__atomic_load_n(word_of(port), __ATOMIC_SEQ_CST) & BIT(bit)) != 0;
}

static void clear(evtchn_port_t port, unsigned bit)
{
    __atomic_fetch_and(word_of(port), ~BIT(bit), __ATOMIC_SEQ_CST);
}

static void set(evtchn_port_t port, unsigned bit)
{
    __atomic_fetch_or(word_of(port), BIT(bit), __ATOMIC_SEQ_CST);
}

static long set_priority(evtchn_port_t port, uint32_t priority)
{
    struct evtchn_set_priority op = {.port = port, .priority = priority};

    return event_channel_op(EVTCHNOP_set_priority, &op);
}

// A port to oneself, unmasked.
static evtchn_port_t new_port(unsigned vcpu)
{
    int port = event_bind_ipi(vcpu);

    CHECK(port > 0);
    clear((evtchn_port_t)port, EVTCHN_FIFO_MASKED);
    return (evtchn_port_t)port;
}

// What a kernel does: take the first of the highest queue that is ready; 0 if none is.
static evtchn_port_t take_event(unsigned vcpu)
{
    struct evtchn_fifo_control_block *block = control[vcpu];
    static evtchn_port_t heads[2][EVTCHN_FIFO_MAX_QUEUES];
    uint32_t ready = __atomic_load_n(&block->ready, __ATOMIC_SEQ_CST);
    evtchn_port_t head, next;
    event_word_t word;
    unsigned queue;

    if (ready == 0) {
        return 0;
    }
    queue = (unsigned)__builtin_ctz(ready);
    head = heads[vcpu][queue];
    if (head == 0) {
        head = __atomic_load_n(&block->head[queue], __ATOMIC_SEQ_CST);
    }
    word = __atomic_load_n(word_of(head), __ATOMIC_SEQ_CST);
    while (!__atomic_compare_exchange_n(word_of(head), &word,
                                        word & ~(BIT(EVTCHN_FIFO_LINKED) | EVTCHN_FIFO_LINK_MASK),
                                        false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
    next = word & EVTCHN_FIFO_LINK_MASK;
    if (next == 0) {
        __atomic_fetch_and(&block->ready, ~BIT(queue), __ATOMIC_SEQ_CST);
    }
    heads[vcpu][queue] = next;
    clear(head, EVTCHN_FIFO_PENDING);
    return head;
}

TEST("a control block that is misaligned or crosses its page is refused")
{
    upcalls_disable();
    control[0] = page_alloc();
    CHECK_ERR(init_control(0, virt_to_mfn(control[0]), 4, NULL), XEN_EINVAL);
    CHECK_ERR(init_control(0, virt_to_mfn(control[0]), PAGE_SIZE - 8, NULL), XEN_EINVAL);
    CHECK_ERR(init_control(0, virt_to_mfn(control[0]), PAGE_SIZE, NULL), XEN_EINVAL);
}

TEST("a control block for a vCPU that does not exist, or in no frame of one's own, is refused")
{
    CHECK_ERR(init_control(2, virt_to_mfn(control[0]), 0, NULL), XEN_ENOENT);
    CHECK(init_control(0, 1ul << 40, 0, NULL) < 0);
}

TEST("without a control block there is no array")
{
    CHECK_ERR(expand_array(virt_to_mfn(page_alloc())), XEN_EOPNOTSUPP);
}

TEST("EVTCHNOP_init_control changes the form and tells how many bits a link has")
{
    uint8_t bits = 0;

    CHECK_OK(init_control(0, virt_to_mfn(control[0]), 0, &bits));
    CHECK_EQ(bits, EVTCHN_FIFO_LINK_BITS);
    CHECK_EQ(control[0]->ready, 0);
}

TEST("a vCPU's control block is set once")
{
    CHECK_ERR(init_control(0, virt_to_mfn(page_alloc()), 0, NULL), XEN_EINVAL);
}

TEST("a port may have no word yet: an event there is not lost but seen when the page comes")
{
    int port = event_bind_ipi(0);

    CHECK(port > 0);
    CHECK_OK(event_send((evtchn_port_t)port));
    CHECK_EQ(control[0]->ready, 0);
    CHECK_OK(event_close((evtchn_port_t)port));
    CHECK_OK(add_page());
}

TEST("an event sets its port pending and links it into the queue of the default priority")
{
    evtchn_port_t port = new_port(0);

    this_vcpu()->evtchn_upcall_pending = 0;
    CHECK_OK(event_send(port));
    CHECK(has(port, EVTCHN_FIFO_PENDING));
    CHECK(has(port, EVTCHN_FIFO_LINKED));
    CHECK_EQ(control[0]->ready, BIT(EVTCHN_FIFO_PRIORITY_DEFAULT));
    CHECK_EQ(control[0]->head[EVTCHN_FIFO_PRIORITY_DEFAULT], port);
    CHECK_EQ(this_vcpu()->evtchn_upcall_pending, 1);
    CHECK_EQ(take_event(0), port);
    CHECK_EQ(control[0]->ready, 0);
    CHECK_OK(event_close(port));
}

TEST("events of one queue come in the order they were sent")
{
    evtchn_port_t port[4];

    for (unsigned i = 0; i < 4; i++) {
        port[i] = new_port(0);
    }
    for (unsigned i = 0; i < 4; i++) {
        CHECK_OK(event_send(port[3 - i]));
    }
    CHECK_OK(event_send(port[3])); // pending: neither twice nor later
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(take_event(0), port[3 - i]);
    }
    CHECK_EQ(take_event(0), 0);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_OK(event_close(port[i]));
    }
}

TEST("an event of a higher priority is ready before those of a lower one")
{
    evtchn_port_t low = new_port(0), high = new_port(0), normal = new_port(0);

    CHECK_OK(set_priority(low, EVTCHN_FIFO_PRIORITY_MIN));
    CHECK_OK(set_priority(high, EVTCHN_FIFO_PRIORITY_MAX));
    CHECK_OK(event_send(low));
    CHECK_OK(event_send(normal));
    CHECK_OK(event_send(high));
    CHECK_EQ(control[0]->ready, BIT(EVTCHN_FIFO_PRIORITY_MIN) | BIT(EVTCHN_FIFO_PRIORITY_DEFAULT) |
                                    BIT(EVTCHN_FIFO_PRIORITY_MAX));
    CHECK_EQ(take_event(0), high);
    CHECK_EQ(take_event(0), normal);
    CHECK_EQ(take_event(0), low);
    CHECK_OK(event_close(low));
    CHECK_OK(event_close(normal));
    CHECK_OK(event_close(high));
}

TEST("a priority beyond the lowest, or of a port that cannot be, is refused")
{
    evtchn_port_t port = new_port(0);

    CHECK_ERR(set_priority(port, EVTCHN_FIFO_PRIORITY_MIN + 1), XEN_EINVAL);
    CHECK_ERR(set_priority(1u << 20, 0), XEN_EINVAL);
    CHECK_OK(event_close(port));
}

TEST("a changed priority counts from the next time the port is linked")
{
    evtchn_port_t port = new_port(0);

    CHECK_OK(event_send(port));
    CHECK_OK(set_priority(port, 3));
    CHECK_EQ(control[0]->ready, BIT(EVTCHN_FIFO_PRIORITY_DEFAULT));
    CHECK_EQ(take_event(0), port);
    CHECK_OK(event_send(port));
    CHECK_EQ(control[0]->ready, BIT(3));
    CHECK_EQ(take_event(0), port);
    CHECK_OK(event_close(port));
}

TEST("a masked port becomes pending, and is not linked")
{
    evtchn_port_t port = new_port(0);

    set(port, EVTCHN_FIFO_MASKED);
    CHECK_OK(event_send(port));
    CHECK(has(port, EVTCHN_FIFO_PENDING));
    CHECK(!has(port, EVTCHN_FIFO_LINKED));
    CHECK_EQ(control[0]->ready, 0);
    CHECK_OK(event_unmask_call(port));
    CHECK(!has(port, EVTCHN_FIFO_MASKED));
    CHECK(has(port, EVTCHN_FIFO_LINKED));
    CHECK_EQ(take_event(0), port);
    CHECK_OK(event_close(port));
}

TEST("EVTCHNOP_unmask of a port that is not pending links nothing")
{
    evtchn_port_t port = new_port(0);

    set(port, EVTCHN_FIFO_MASKED);
    CHECK_OK(event_unmask_call(port));
    CHECK(!has(port, EVTCHN_FIFO_MASKED));
    CHECK_EQ(control[0]->ready, 0);
    CHECK_OK(event_close(port));
}

TEST("an event whose port is linked already is pending again, and not linked twice")
{
    evtchn_port_t port = new_port(0);

    CHECK_OK(event_send(port));
    clear(port, EVTCHN_FIFO_PENDING); // as a handler that has not unlinked it yet
    CHECK_OK(event_send(port));
    CHECK(has(port, EVTCHN_FIFO_PENDING));
    CHECK_EQ(take_event(0), port);
    CHECK_EQ(take_event(0), 0);
    CHECK_OK(event_close(port));
}

TEST("a poll finds an event that is pending, though it is masked")
{
    evtchn_port_t port = new_port(0);
    struct sched_poll poll = {.nr_ports = 1, .timeout = clock_ns() + 2000 * MS};
    uint64_t start = clock_ns();

    set_xen_guest_handle(poll.ports, &port);
    set(port, EVTCHN_FIFO_MASKED);
    CHECK_OK(event_send(port));
    this_vcpu()->evtchn_upcall_pending = 0;
    CHECK_OK(sched_op(SCHEDOP_poll, &poll));
    CHECK(clock_ns() - start < 1000 * MS);
    CHECK_OK(event_close(port));
}

TEST("a second vCPU has a control block of its own, anywhere in a page")
{
    char *page = page_alloc();
    evtchn_port_t port;

    CHECK_OK(init_control(1, virt_to_mfn(page), 1024, NULL));
    control[1] = (struct evtchn_fifo_control_block *)(page + 1024);
    port = new_port(1);
    CHECK_OK(event_send(port));
    CHECK_EQ(control[1]->ready, BIT(EVTCHN_FIFO_PRIORITY_DEFAULT));
    CHECK_EQ(control[0]->ready, 0);
    CHECK_EQ(take_event(1), port);
    CHECK_OK(event_close(port));
}

TEST("a port that moves to another vCPU is linked there from then on")
{
    struct evtchn_alloc_unbound unbound = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct evtchn_bind_interdomain bind = {.remote_dom = DOMID_SELF};
    struct evtchn_bind_vcpu move;

    CHECK_OK(event_channel_op(EVTCHNOP_alloc_unbound, &unbound));
    bind.remote_port = unbound.port;
    CHECK_OK(event_channel_op(EVTCHNOP_bind_interdomain, &bind));
    clear(unbound.port, EVTCHN_FIFO_MASKED);
    while (take_event(0) != 0) {
    } // the new end is pending, if nothing else
    CHECK_OK(event_send(bind.local_port));
    CHECK_EQ(take_event(0), unbound.port);
    move = (struct evtchn_bind_vcpu){.port = unbound.port, .vcpu = 1};
    CHECK_OK(event_channel_op(EVTCHNOP_bind_vcpu, &move));
    CHECK_OK(event_send(bind.local_port));
    CHECK_EQ(control[0]->ready, 0);
    CHECK_EQ(take_event(1), unbound.port);
    CHECK_OK(event_close(bind.local_port));
    CHECK_OK(event_close(unbound.port));
}

TEST("the array grows by pages: ports beyond the first page's have their words in the second")
{
    static evtchn_port_t port[WORDS_PER_PAGE];
    unsigned count = 0;

    CHECK_OK(add_page());
    do {
        int got = event_bind_ipi(0);
        CHECK(got > 0);
        if (got < 0) {
            break;
        }
        port[count++] = (evtchn_port_t)got;
    } while (port[count - 1] < WORDS_PER_PAGE && count < WORDS_PER_PAGE);
    evtchn_port_t last = port[count - 1];
    CHECK(last >= WORDS_PER_PAGE);
    clear(last, EVTCHN_FIFO_MASKED);
    CHECK_OK(event_send(last));
    CHECK(has(last, EVTCHN_FIFO_PENDING));
    CHECK_EQ(take_event(0), last);
    while (count > 0) {
        CHECK_OK(event_close(port[--count]));
    }
}

TEST("a page of the array that is not the domain's is refused")
{
    CHECK(expand_array(1ul << 40) < 0);
}

TEST("EVTCHNOP_reset closes all ports and goes back to the 2-level form")
{
    struct evtchn_reset reset = {.dom = DOMID_SELF};
    int port;

    CHECK_OK(event_channel_op(EVTCHNOP_reset, &reset));
    this_vcpu()->evtchn_pending_sel = 0;
    port = event_bind_ipi(0);
    CHECK(port > 0);
    event_clear_mask((evtchn_port_t)port);
    CHECK_OK(event_send((evtchn_port_t)port));
    CHECK(event_pending((evtchn_port_t)port));
    CHECK_ERR(expand_array(virt_to_mfn(page_alloc())), XEN_EOPNOTSUPP);
    CHECK_OK(event_close((evtchn_port_t)port));
}
