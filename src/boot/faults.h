// SPDX-License-Identifier: Apache-2.0
// What the machine itself complains of: NMIs and machine checks.
#pragma once

/*
 * From now on an NMI goes where the option `nmi` says (dom0, fatal, ignore), and a machine check
 * stops the machine with a report of its banks. On the first CPU, whose local APIC gets the pins
 * that firmware's table names; after machine_start().
 */
void faults_start(void);
