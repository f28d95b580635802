// SPDX-License-Identifier: Apache-2.0
// Instructions of Pavise's own that may fault. Each leaves a record in section .ex_table:
//     .long instruction - ., resume - .

#include "exception_table.h"

struct exception_record {
    int32_t instruction; /* each an offset from its own place */
    int32_t resume;
};

extern const struct exception_record ex_table_start[], ex_table_end[];

static uint64_t resolve(const int32_t *offset)
{
    return (uint64_t)offset + (uint64_t)(int64_t)*offset;
}

uint64_t exception_table_find(uint64_t rip)
{
    for (const struct exception_record *record = ex_table_start; record < ex_table_end; record++) {
        if (resolve(&record->instruction) == rip) {
            return resolve(&record->resume);
        }
    }
    return 0;
}
