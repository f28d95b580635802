// SPDX-License-Identifier: Apache-2.0
// Both sides of a domain that does what domain 0 asks.

#include "domu.h"
#include "clock.h"
#include "event.h"
#include "foreign.h"

#define SECOND        1000000000ul
#define PATIENCE_NS   (20 * SECOND)
#define SETTLED_LOOKS 8
#define LOOK_NS       (5 * 1000000ul)

static char mailbox_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
struct mailbox *const domu_mailbox = (struct mailbox *)mailbox_page;

_Static_assert(sizeof(struct mailbox) <= PAGE_SIZE, "the mailbox is a page");

static uint32_t load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

// ---- the new domain's side --------------------------------------------------------------------
void domu_print(const char *text, size_t length)
{
    struct mailbox *box = domu_mailbox;
    size_t room = sizeof(box->text) - box->text_bytes;

    length = length < room ? length : room;
    memcpy(box->text + box->text_bytes, text, length);
    box->text_bytes += (uint32_t)length;
}

static void run_request(struct mailbox *box)
{
    domu_function *function = (domu_function *)box->function;
    struct fault fault;

    EXPECT_FAULT(&fault)
    {
        box->result = function(box->data);
    }
    if (fault.taken) {
        box->result = DOMU_TRAPPED;
        box->vector = fault.frame.vector;
        box->error_code = fault.frame.error;
        box->rip = fault.frame.rip;
        box->cr2 = fault.cr2;
    }
}

// Upcalls are taken while a request runs, and while the domain sleeps it polls.
void domu_main(void)
{
    struct mailbox *box = domu_mailbox;
    evtchn_port_t port = box->port;
    struct sched_poll poll = {.nr_ports = 1};

    set_xen_guest_handle(poll.ports, &port);
    for (;;) {
        event_clear_pending(port);
        if (load(&box->asked) == load(&box->answered)) {
            (void)sched_op(SCHEDOP_poll, &poll);
            continue;
        }
        run_request(box);
        __atomic_fetch_add(&box->answered, 1, __ATOMIC_SEQ_CST);
        (void)event_send(port);
    }
}

// ---- domain 0's side --------------------------------------------------------------------------
static long connect(struct domu *domu)
{
    struct evtchn_alloc_unbound alloc = {.dom = domu->domain.domid, .remote_dom = 0};
    long error = event_channel_op(EVTCHNOP_alloc_unbound, &alloc);
    struct evtchn_bind_interdomain bind = {.remote_dom = domu->domain.domid,
                                           .remote_port = alloc.port};

    error = error != 0 ? error : event_channel_op(EVTCHNOP_bind_interdomain, &bind);
    if (error != 0) {
        return error;
    }
    domu->port = bind.local_port;
    domu->remote_port = alloc.port;
    domu->mailbox->port = alloc.port;
    event_mask(domu->port);
    return 0;
}

long domu_prepare(struct domu *domu, const struct domain_plan *plan)
{
    struct domain_plan whole = plan_whole_image();
    long error = domain_build(&domu->domain, plan != NULL ? plan : &whole);
    xen_pfn_t frame;

    domu->mailbox = NULL;
    domu->port = 0;
    domu->gone = error != 0;
    if (error != 0) {
        return error;
    }
    frame = domain_frame(&domu->domain, domu_mailbox);
    domu->mailbox = foreign_map(domu->domain.domid, &frame, 1, PTE_KERNEL_RW, &error);
    error = error != 0 ? error : connect(domu);
    if (error != 0) {
        print("# reaching a domain: %ld\n", error);
        (void)domu_kill(domu);
    }
    return error;
}

long domu_start(struct domu *domu, const struct domain_plan *plan)
{
    long error = domu_prepare(domu, plan);

    return error != 0 ? error : domain_unpause(domu->domain.domid);
}

// Sleeps until the port has an event, or a little while: a domain that ends sends none.
static void sleep_on(evtchn_port_t port)
{
    struct sched_poll poll = {.nr_ports = port != 0 ? 1 : 0, .timeout = clock_ns() + LOOK_NS};

    set_xen_guest_handle(poll.ports, &port);
    (void)sched_op(SCHEDOP_poll, &poll);
}

static void show_text(struct mailbox *box)
{
    uint32_t length = load(&box->text_bytes);
    static char text[sizeof(box->text) + 1];

    if (length == 0 || length > sizeof(box->text)) {
        return;
    }
    memcpy(text, box->text, length);
    text[length] = '\0';
    box->text_bytes = 0;
    print("# the domain says: %s%s", text, text[length - 1] == '\n' ? "" : "\n");
}

void domu_ask(struct domu *domu, domu_function *function, const void *data, size_t bytes)
{
    struct mailbox *box = domu->mailbox;

    memcpy(box->data, data, bytes);
    box->function = POINTER(function);
    event_clear_pending(domu->port);
    __atomic_fetch_add(&box->asked, 1, __ATOMIC_SEQ_CST);
    (void)event_send(domu->port);
}

static bool ended(const struct domu *domu)
{
    struct xen_domctl_getdomaininfo info;

    return domain_info(domu->domain.domid, &info) != 0 ||
           (info.flags & (XEN_DOMINF_shutdown | XEN_DOMINF_dying)) != 0;
}

long domu_answer(struct domu *domu, void *data, size_t bytes)
{
    struct mailbox *box = domu->mailbox;
    uint64_t give_up = clock_ns() + PATIENCE_NS;

    while (load(&box->answered) != load(&box->asked)) {
        if (ended(domu) || clock_ns() > give_up) {
            show_text(box);
            return ended(domu) ? DOMU_ENDED : DOMU_SILENT;
        }
        event_clear_pending(domu->port);
        if (load(&box->answered) != load(&box->asked)) {
            sleep_on(domu->port);
        }
    }
    show_text(box);
    memcpy(data, box->data, bytes);
    return box->result;
}

long domu_call(struct domu *domu, domu_function *function, void *data, size_t bytes)
{
    if (domu->gone) {
        return DOMU_ENDED;
    }
    domu_ask(domu, function, data, bytes);
    return domu_answer(domu, data, bytes);
}

// ---- operations with one structure ------------------------------------------------------------
struct operation {
    unsigned number, command;
    uint8_t structure[512] __attribute__((aligned(16)));
};

static long run_operation(void *data)
{
    struct operation *operation = data;

    switch (operation->number) {
    case __HYPERVISOR_event_channel_op:
        return event_channel_op(operation->command, operation->structure);
    case __HYPERVISOR_grant_table_op:
        return grant_table_op(operation->command, operation->structure, 1);
    case __HYPERVISOR_memory_op:
        return memory_op(operation->command, operation->structure);
    default:
        return sched_op(operation->command, operation->structure);
    }
}

static long operate(struct domu *domu, unsigned number, unsigned command, void *structure,
                    size_t bytes)
{
    struct operation operation = {.number = number, .command = command};
    long result;

    memcpy(operation.structure, structure, bytes);
    result = domu_call(domu, run_operation, &operation, sizeof(operation));
    memcpy(structure, operation.structure, bytes);
    return result;
}

long domu_event_op(struct domu *domu, unsigned command, void *operation, size_t bytes)
{
    return operate(domu, __HYPERVISOR_event_channel_op, command, operation, bytes);
}

long domu_grant_op(struct domu *domu, unsigned command, void *operation, size_t bytes)
{
    return operate(domu, __HYPERVISOR_grant_table_op, command, operation, bytes);
}

long domu_memory_op(struct domu *domu, unsigned command, void *operation, size_t bytes)
{
    return operate(domu, __HYPERVISOR_memory_op, command, operation, bytes);
}

long domu_sched_op(struct domu *domu, unsigned command, void *operation, size_t bytes)
{
    return operate(domu, __HYPERVISOR_sched_op, command, operation, bytes);
}

// ---- the end ----------------------------------------------------------------------------------
bool domain_wait_gone(domid_t domid)
{
    struct xen_domctl_getdomaininfo info;
    uint64_t give_up = clock_ns() + PATIENCE_NS;

    while (domain_info(domid, &info) == 0) {
        if (clock_ns() > give_up) {
            return false;
        }
        sleep_on(0);
    }
    return true;
}

int domain_wait_shutdown(domid_t domid)
{
    uint64_t give_up = clock_ns() + PATIENCE_NS;

    while (domain_shutdown_code(domid) < 0 && clock_ns() < give_up) {
        sleep_on(0);
    }
    return domain_shutdown_code(domid);
}

uint64_t free_frames_settled(void)
{
    uint64_t count = free_frames();

    for (unsigned same = 0; same < SETTLED_LOOKS; same++) {
        sleep_on(0);
        if (free_frames() != count) {
            count = free_frames();
            same = 0;
        }
    }
    return count;
}

bool free_frames_return_to(uint64_t before)
{
    uint64_t give_up = clock_ns() + PATIENCE_NS;

    while (free_frames() != before && clock_ns() < give_up) {
        sleep_on(0);
    }
    if (free_frames() != before) {
        print("# %lu free frames became %lu\n", before, free_frames());
    }
    return free_frames() == before;
}

bool domu_kill(struct domu *domu)
{
    long error;

    if (domu->gone) {
        return true;
    }
    if (domu->mailbox != NULL) {
        foreign_unmap(domu->mailbox, 1);
        domu->mailbox = NULL;
    }
    if (domu->port != 0) {
        (void)event_close(domu->port);
        domu->port = 0;
    }
    // One that was dead already, and of which domain 0 held the last page, is gone by now.
    error = domain_destroy(domu->domain.domid);
    if (error != 0 && error != -XEN_ESRCH) {
        return false;
    }
    domu->gone = domain_wait_gone(domu->domain.domid);
    return domu->gone;
}
