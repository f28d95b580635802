// SPDX-License-Identifier: Apache-2.0
// What lower rooms ask of higher ones.
#include "control/control.h"

#include "abi/xen.h"
#include "control/vcpu_op.h"
#include "event/event.h"
#include "pv/context.h"
#include "time/vcpu_time.h"

static void send_timer_interrupt(struct vcpu *v)
{
    event_send_virq(v, VIRQ_TIMER);
}

void control_init(void)
{
    time_timer_fired = send_timer_interrupt;
    vcpu_set_context = pv_set_context;
}
