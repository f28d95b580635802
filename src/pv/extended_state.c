// SPDX-License-Identifier: Apache-2.0
// Extended registers as tools carry them.
#include "pv/extended_state.h"

#include "abi/errno.h"
#include "arch/pv.h"
#include "lib/string.h"
#include "pv/control.h"

#define HEADER_WORDS 8

struct extended_state {
    uint64_t xcr0;
    uint64_t states; /* that XCR0 has ever enabled: which parts of the image mean something */
    uint8_t legacy[FPU_IMAGE_BYTES];
    uint64_t header[HEADER_WORDS]; /* [0]: components that are not as after a reset */
};
#define HEADER_END offsetof(struct extended_state, header[HEADER_WORDS])

size_t extended_state_bytes(void)
{
    return offsetof(struct extended_state, legacy) + vcpu_fpu_bytes;
}

void extended_state_get(const struct vcpu *v, void *to)
{
    struct extended_state *state = to;

    state->xcr0 = v->xcr0;
    state->states = arch_extended_states();
    memcpy(state->legacy, v->fpu, vcpu_fpu_bytes);
}

/* The compact format says so in the second word; the others are reserved. */
static bool header_is_good(const struct extended_state *state)
{
    for (unsigned int i = 1; i < HEADER_WORDS; i++) {
        if (state->header[i] != 0) {
            return false;
        }
    }
    return (state->header[0] & ~state->states) == 0;
}

static bool words_are_good(const struct extended_state *state)
{
    return extended_states_valid(state->xcr0) && (state->states & ~arch_extended_states()) == 0 &&
           (state->states == 0 || (state->xcr0 & ~state->states) == 0);
}

int extended_state_set(struct vcpu *v, const void *from, size_t bytes)
{
    const struct extended_state *state = from;
    bool has_image = bytes > EXTENDED_STATE_LEAST;

    if (!words_are_good(state) || (has_image && (bytes < HEADER_END || !header_is_good(state)))) {
        return -EINVAL;
    }
    v->xcr0 = state->xcr0;
    v->xcr0_ever |= has_image ? arch_extended_states() : state->xcr0;
    if (!has_image) {
        arch_fpu_reset(v);
        return 0;
    }
    /* The legacy part by the one way that keeps what would fault out of it. */
    arch_fpu_import(v, state->legacy);
    memcpy((uint8_t *)v->fpu + FPU_IMAGE_BYTES, state->header,
           bytes - offsetof(struct extended_state, header));
    return 0;
}
