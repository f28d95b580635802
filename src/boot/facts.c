// SPDX-License-Identifier: Apache-2.0
// What other rooms are told of the machine.
#include "boot/facts.h"

#include "arch/power.h"
#include "arch/start.h"
#include "boot/machine.h"
#include "control/machine.h"
#include "mmu/memory_map.h"
#include "platform/sleep.h"

static struct e820entry machine_map[MEMORY_REGIONS_MAX];

static void hand_on_memory_map(const struct memory_map *map)
{
    for (uint32_t i = 0; i < map->count; i++) {
        machine_map[i] = (struct e820entry){
            .address = map->regions[i].base,
            .bytes = map->regions[i].bytes,
            .type = map->regions[i].type,
        };
    }
    memory_map_set_machine(machine_map, map->count);
}

static int enter_sleep(unsigned int state, uint16_t value_a, uint16_t value_b, bool extended)
{
    int error = platform_enter_sleep(&machine.fadt, state, value_a, value_b, extended);

    if (error == 0) {
        arch_halt();
    }
    return error;
}

void facts_hand_on(const struct boot_info *info)
{
    struct physical_range image = arch_image_range();

    hand_on_memory_map(&info->memory);
    machine_facts.command_line = info->cmdline;
    machine_facts.build_id = arch_build_id(&machine_facts.build_id_bytes);
    machine_facts.image_start = image.base;
    machine_facts.image_bytes = image.bytes;
    if (machine.has_fadt) {
        machine_facts.enter_sleep = enter_sleep;
    }
}
