// SPDX-License-Identifier: Apache-2.0
// Extended registers: saved and loaded whole at each switch of vCPUs (eagerly, so that no value of
// one guest ever lies where another could speculate on it).
#pragma once

#include "domain/vcpu.h"

/* Start of day: settles the instructions to use and the size of a vCPU's area. */
void fpu_init(void);

void fpu_save(struct vcpu *v);
void fpu_load(struct vcpu *v);
