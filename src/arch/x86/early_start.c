// SPDX-License-Identifier: Apache-2.0
// The first CPU at start of day.

#include "arch/start.h"

#include "base/log.h"
#include "cpu_features.h"
#include "early_idt.h"
#include "early_uart.h"
#include "layout.h"
#include "lib/format.h"

extern const char image_start[], image_end[];

/* An ELF note of type NT_GNU_BUILD_ID, from the linker. */
extern const struct {
    uint32_t name_bytes, bytes, type;
    char name[4];
    uint8_t id[];
} build_id_note;

void arch_start_first_cpu(void)
{
    early_uart_start();
    early_idt_load();
    cpu_features_init();
    cpu_control_init();
}

void arch_log_cpu(void)
{
    static const struct {
        enum cpu_feature feature;
        const char *name;
    } shown[] = {
        {FEATURE_SMEP, "smep"},          {FEATURE_SMAP, "smap"},
        {FEATURE_UMIP, "umip"},          {FEATURE_FSGSBASE, "fsgsbase"},
        {FEATURE_XSAVE, "xsave"},        {FEATURE_AVX, "avx"},
        {FEATURE_PCID, "pcid"},          {FEATURE_PAGE_1GB, "1gb-pages"},
        {FEATURE_X2APIC, "x2apic"},      {FEATURE_TSC_DEADLINE, "tsc-deadline"},
        {FEATURE_HYPERVISOR, "virtual"},
    };
    char names[128] = "";
    size_t length = 0;

    for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
        if (cpu_has(shown[i].feature) && length < sizeof(names)) {
            length += format_text(names + length, sizeof(names) - length, " %s", shown[i].name);
        }
    }
    log_info("CPU: %s %s (%u/%u/%u), %u address bits,%s", boot_cpu.vendor, boot_cpu.model_name,
             boot_cpu.family, boot_cpu.model, boot_cpu.stepping, boot_cpu.physical_address_bits,
             names);
}

struct physical_range arch_image_range(void)
{
    return (struct physical_range){.base = (uint64_t)image_start - IMAGE_BASE,
                                   .bytes = (uint64_t)(image_end - image_start)};
}

const uint8_t *arch_build_id(uint32_t *bytes)
{
    *bytes = build_id_note.bytes;
    return build_id_note.id;
}

uint64_t arch_early_reach(void)
{
    return BOOT_MAPPED_GIB << 30;
}

uint16_t arch_stop_early_console(void)
{
    return early_uart_stop();
}
