// SPDX-License-Identifier: Apache-2.0
// Privileged instructions of guest kernels: decode, check, do.
#include "pv/emulate.h"

#include "abi/errno.h"
#include "abi/xen.h"
#include "arch/clock.h"
#include "arch/frames.h"
#include "arch/guest.h"
#include "arch/pv.h"
#include "arch/tlb.h"
#include "base/cpu.h"
#include "domain/domain.h"
#include "mmu/base.h"
#include "pv/bounce.h"
#include "pv/control.h"
#include "pv/debug.h"
#include "pv/fetch.h"
#include "pv/flags.h"
#include "pv/hypercall_page.h"
#include "pv/operand.h"
#include "pv/ports.h"
#include "pv/pv.h"
#include "pv/selectors.h"
#include "pv/string_io.h"
#include "pv/umip.h"

/*
 * What becomes of the guest: it goes on behind the instruction; it gets a #GP; it goes on where it
 * is now, at the same instruction again or in a handler.
 */
enum outcome { DONE, REFUSED, STAYS };

static enum outcome refuse_unless(bool good)
{
    return good ? DONE : REFUSED;
}

/* ---- CPUID, MSRs, counters ------------------------------------------------------------------ */

static void emulate_cpuid(struct vcpu *v)
{
    const struct cpuid_reader reader = {.vcpu_id = v->id, .wide = true, .xcr0 = v->xcr0};
    struct cpuid_regs r =
        cpuid_policy_leaf(pv_cpuid_policy(v->domain), &reader, v->regs.eax, v->regs.ecx);

    v->regs.rax = r.eax;
    v->regs.rbx = r.ebx;
    v->regs.rcx = r.ecx;
    v->regs.rdx = r.edx;
}

/* One page, so the index in the low bits is 0; frames are numbered as the machine's. */
static int fill_hypercall_page(uint64_t value)
{
    return value % PAGE_SIZE != 0
               ? -EINVAL
               : hypercall_page_fill(current_vcpu()->domain, maddr_to_mfn(maddr(value)));
}

static const struct pv_msr_ops msr_ops = {
    .get_segment_base = arch_get_segment_base,
    .set_segment_base = arch_set_segment_base,
    .read_tsc = arch_read_tsc,
    .fill_hypercall_page = fill_hypercall_page,
};

static struct pv_msr_context msr_context(struct vcpu *v)
{
    return (struct pv_msr_context){
        .cpuid = pv_cpuid_policy(v->domain),
        .ops = &msr_ops,
        .state = &v->pv->msrs,
        .vcpu_id = v->id,
        .wide = true,
    };
}

static enum outcome emulate_rdmsr(struct vcpu *v)
{
    const struct pv_msr_context context = msr_context(v);
    uint64_t value;

    if (pv_msr_read(&context, v->regs.ecx, &value) != 0) {
        return REFUSED;
    }
    v->regs.rax = (uint32_t)value;
    v->regs.rdx = value >> 32;
    return DONE;
}

static uint64_t edx_eax(const struct vcpu *v)
{
    return (uint64_t)v->regs.edx << 32 | v->regs.eax;
}

static enum outcome emulate_wrmsr(struct vcpu *v)
{
    const struct pv_msr_context context = msr_context(v);

    return refuse_unless(pv_msr_write(&context, v->regs.ecx, edx_eax(v)) == 0);
}

static enum outcome emulate_rdtsc(struct vcpu *v, bool with_aux)
{
    uint64_t now = arch_read_tsc();

    if (!vcpu_in_kernel(v) && (v->control4 & CONTROL4_TSD) != 0) {
        return REFUSED;
    }
    v->regs.rax = (uint32_t)now;
    v->regs.rdx = now >> 32;
    if (with_aux) {
        v->regs.rcx = v->pv->msrs.tsc_aux;
    }
    return DONE;
}

static enum outcome emulate_xsetbv(struct vcpu *v)
{
    uint64_t value = edx_eax(v);

    if (v->regs.ecx != 0 || !extended_states_valid(value)) {
        return REFUSED;
    }
    arch_set_extended_states(v, value);
    return DONE;
}

/* ---- ports ---------------------------------------------------------------------------------- */

static uint16_t port_of(const struct vcpu *v, const struct insn *insn)
{
    return insn->form == INSN_FORM_IMM ? (uint16_t)insn->imm : (uint16_t)v->regs.rdx;
}

static enum outcome emulate_in(struct vcpu *v, const struct insn *insn)
{
    uint16_t port = port_of(v, insn);

    if (!ports_allowed(v, port, insn->width)) {
        return REFUSED;
    }
    insn_write_reg(&v->regs, 0, insn->width, port_read(v->domain, port, insn->width));
    return DONE;
}

static enum outcome emulate_out(struct vcpu *v, const struct insn *insn)
{
    uint16_t port = port_of(v, insn);

    if (!ports_allowed(v, port, insn->width)) {
        return REFUSED;
    }
    port_write(v->domain, port, insn->width, (uint32_t)insn_read_reg(&v->regs, 0, insn->width));
    return DONE;
}

/* ---- dispatch ------------------------------------------------------------------------------- */

/*
 * What user mode may ask for too: ports, if its kernel gave it some (and strings of them, which go
 * another way); the counter; and what a processor without UMIP lets it do; system calls.
 */
static bool user_may(unsigned int op)
{
    return op == INSN_IN || op == INSN_OUT || op == INSN_RDTSC || op == INSN_RDTSCP ||
           op == INSN_CPUID || op == INSN_SYSENTER || (op >= INSN_SMSW && op <= INSN_STR);
}

static enum outcome flush_caches(const struct vcpu *v)
{
    /* Without devices of its own there is nothing that a guest's caches could be out of step with.
     */
    if (v->domain->hardware || v->domain->io_memory->count > 0) {
        arch_cache_flush_local();
    }
    return DONE;
}

static enum outcome write_control(struct vcpu *v, const struct insn *insn)
{
    long result = control_write(v, insn->reg, insn_read_reg(&v->regs, insn->rm, 8));

    return result == HYPERCALL_RESTART ? STAYS : refuse_unless(result == 0);
}

static enum outcome emulate_kernel(struct vcpu *v, const struct insn *insn)
{
    switch (insn->op) {
    case INSN_READ_CR:
        return refuse_unless(control_read(v, insn->reg, insn->rm) == 0);
    case INSN_WRITE_CR:
        return write_control(v, insn);
    case INSN_CLTS:
        control_set_task_switched(v, false);
        return DONE;
    case INSN_LMSW:
        return refuse_unless(!insn->has_mem && control_load_status(v, (uint16_t)insn_read_reg(
                                                                          &v->regs, insn->rm, 2)));
    case INSN_READ_DR: {
        uint64_t value;
        if (debug_register_get(v, insn->reg, &value) != 0) {
            return REFUSED;
        }
        insn_write_reg(&v->regs, insn->rm, 8, value);
        return DONE;
    }
    case INSN_WRITE_DR:
        return refuse_unless(
            debug_register_set(v, insn->reg, insn_read_reg(&v->regs, insn->rm, 8)) == 0);
    case INSN_RDMSR:
        return emulate_rdmsr(v);
    case INSN_WRMSR:
        return emulate_wrmsr(v);
    case INSN_XSETBV:
        return emulate_xsetbv(v);
    case INSN_INVLPG:
        arch_tlb_flush_page_local(insn_offset(insn, &v->regs));
        return DONE;
    case INSN_WBINVD:
        return flush_caches(v);
    case INSN_CLI:
    case INSN_STI:
        /* Events are masked by the guest's own word, not by the processor's flag. */
        return refuse_unless(v->iopl != 0);
    default:
        return REFUSED;
    }
}

static enum outcome emulate_store(struct vcpu *v, const struct insn *insn)
{
    bool faulted;

    if (!umip_store(v, insn, &faulted)) {
        return REFUSED;
    }
    return faulted ? STAYS : DONE;
}

/*
 * Pavise leaves SYSENTER without an entry, so it faults. A kernel that runs 32-bit programs on
 * Intel's processors has a callback for it; its frame says more than the processor would.
 */
static enum outcome emulate_sysenter(struct vcpu *v, const struct insn *insn)
{
    if (vcpu_in_kernel(v) || v->sysenter.address == 0) {
        return REFUSED;
    }
    v->regs.rip += insn->length;
    pv_bounce_sysenter(v);
    return STAYS;
}

static enum outcome emulate(struct vcpu *v, const struct insn *insn)
{
    if (!vcpu_in_kernel(v) && !user_may(insn->op)) {
        return REFUSED;
    }
    switch (insn->op) {
    case INSN_CPUID:
        /* It only gets here where the processor makes it fault (arch_cpuid_faults()). */
        if (!vcpu_in_kernel(v) && v->pv->msrs.cpuid_faulting) {
            return REFUSED;
        }
        emulate_cpuid(v);
        return DONE;
    case INSN_RDTSC:
    case INSN_RDTSCP:
        return emulate_rdtsc(v, insn->op == INSN_RDTSCP);
    case INSN_IN:
        return emulate_in(v, insn);
    case INSN_OUT:
        return emulate_out(v, insn);
    case INSN_SYSENTER:
        return emulate_sysenter(v, insn);
    case INSN_SMSW ... INSN_STR:
        return emulate_store(v, insn);
    default:
        return emulate_kernel(v, insn);
    }
}

/* A single step that ran into the instruction is due once it is done. */
static void step_over(struct vcpu *v, unsigned int length)
{
    v->regs.rip += length;
    pv_after_instruction(v);
}

static bool finish(struct vcpu *v, enum outcome outcome, unsigned int length)
{
    if (outcome == DONE) {
        step_over(v, length);
    }
    return outcome != REFUSED;
}

/* RDMSR and WRMSR without prefixes, the first byte lowest. */
#define CODE_RDMSR     0x320f
#define CODE_WRMSR     0x300f
#define CODE_MSR_BYTES 2

/* The first two bytes of the kernel's instruction, 0 where they can't be had so easily. */
static uint16_t code_pair(const struct vcpu *v)
{
    uint64_t code;

    if (v->regs.cs != GUEST_CS64 || !vcpu_in_kernel(v) ||
        guest_fetch_words(&code, gva(v->regs.rip), 1) != 0) {
        return 0;
    }
    return (uint16_t)code;
}

static bool emulate_decoded(struct vcpu *v)
{
    struct insn insn;

    if (fetch_instruction(v, &insn) != 0) {
        return false;
    }
    if (insn.op == INSN_INS || insn.op == INSN_OUTS) {
        return string_io(v, &insn);
    }
    return finish(v, emulate(v, &insn), insn.length);
}

/* A kernel that switches processes reads a segment base: that needs no decoder. */
bool pv_emulate_privileged(struct vcpu *v)
{
    switch (code_pair(v)) {
    case CODE_RDMSR:
        return finish(v, emulate_rdmsr(v), CODE_MSR_BYTES);
    case CODE_WRMSR:
        return finish(v, emulate_wrmsr(v), CODE_MSR_BYTES);
    default:
        return emulate_decoded(v);
    }
}

bool pv_emulate_forced(struct vcpu *v)
{
    uint8_t bytes[INSN_FORCED_PREFIX_BYTES + 2];
    const uint8_t *after = bytes + INSN_FORCED_PREFIX_BYTES;

    /* CPUID is two bytes; nothing else may follow the prefix. */
    if (fetch_bytes(v->regs.rip, bytes, sizeof(bytes)) != sizeof(bytes) ||
        !insn_is_forced_emulation(bytes, sizeof(bytes)) || after[0] != 0x0f || after[1] != 0xa2) {
        return false;
    }
    emulate_cpuid(v);
    step_over(v, sizeof(bytes));
    return true;
}

/* UD2, "xen", CPUID: seven bytes, the lowest first. */
#define FORCED_CPUID       0xa20f6e65780b0fUL
#define FORCED_CPUID_BITS  56
#define FORCED_CPUID_BYTES 7

bool pv_cpuid_quickly(struct vcpu *v)
{
    uint64_t code;

    if ((v->regs.rflags & RFLAGS_TF) != 0 || guest_fetch_words(&code, gva(v->regs.rip), 1) != 0 ||
        (code & ((1UL << FORCED_CPUID_BITS) - 1)) != FORCED_CPUID) {
        return false;
    }
    emulate_cpuid(v);
    v->regs.rip += FORCED_CPUID_BYTES;
    v->regs.rflags &= ~RFLAGS_RF;
    return true;
}
