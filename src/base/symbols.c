// SPDX-License-Identifier: Apache-2.0
// Names for the hypervisor's own code addresses. tools/symbols makes the table; it may be empty.

#include "base/symbols.h"

#include "arch/backtrace.h"
#include "lib/format.h"

extern const uint32_t symbol_count;
extern const uint32_t symbol_addresses[];     /* ascending offsets from the image's base */
extern const uint32_t symbol_names_offsets[]; /* into symbol_names */
extern const char symbol_names[];

/* The number of symbols at or below `offset`. */
static uint32_t symbols_up_to(uintptr_t offset)
{
    uint32_t low = 0, high = symbol_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (symbol_addresses[middle] <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool symbol_find(uintptr_t address, struct symbol *found)
{
    struct image_text text = arch_image_text();

    if (address < text.start || address >= text.end) {
        return false;
    }
    uint32_t after = symbols_up_to(address - text.base);
    if (after == 0) {
        return false;
    }
    found->name = symbol_names + symbol_names_offsets[after - 1];
    found->offset = address - text.base - symbol_addresses[after - 1];
    return true;
}

const char *symbol_describe(uintptr_t address, char to[SYMBOL_TEXT_MAX])
{
    struct symbol symbol;

    if (symbol_find(address, &symbol)) {
        format_text(to, SYMBOL_TEXT_MAX, "%s+%#lx", symbol.name, (unsigned long)symbol.offset);
    } else {
        format_text(to, SYMBOL_TEXT_MAX, "%#lx", (unsigned long)address);
    }
    return to;
}
