// SPDX-License-Identifier: Apache-2.0
// Acting on the plan against speculation (base/speculation.h): instructions patched, registers set.
#pragma once

/*
 * On the first CPU, once, before guests run and before other CPUs start: settle all instructions
 * that depend on the processor, those of SMAP included.
 */
void speculation_patch_image(void);

struct domain;

/*
 * A vCPU of `d` gets this CPU: what branches of another domain's taught the predictors is
 * forgotten. (Ids are used again, but not while a domain of that id can suffer from it.)
 */
void speculation_enter_domain(const struct domain *d);

/* From guarded.S: fills the return predictor. */
void fill_return_predictor(void);

/* On each CPU: SPEC_CTRL and the other registers that switch defences on. */
void speculation_start_cpu(void);
