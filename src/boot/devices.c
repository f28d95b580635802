// SPDX-License-Identifier: Apache-2.0
// Which devices are whose.
#include "boot/devices.h"

#include "arch/cpuid.h"
#include "base/log.h"
#include "base/panic.h"
#include "boot/machine.h"
#include "boot/console_line.h"
#include "boot/console_screen.h"
#include "boot/irqs.h"
#include "memory/allocator.h"
#include "platform/vga.h"

/* ---- ports ----------------------------------------------------------------------------------- */

static void keep_ports(struct domain *d, uint16_t first, uint16_t last)
{
    for (unsigned int port = first; port <= last; port++) {
        bit_set(d->io_ports, port);
    }
}

static void give_ports(struct domain *d)
{
    d->io_ports = heap_alloc(IO_PORTS / 8);
    if (!d->io_ports) {
        panic("no memory for domain 0's port map");
    }
    /* The 8259 pair, the interval timer and its gate are Pavise's: interrupts, calibration. */
    keep_ports(d, 0x20, 0x21);
    keep_ports(d, 0xa0, 0xa1);
    keep_ports(d, 0x40, 0x43);
    keep_ports(d, 0x61, 0x61);
    if (console_port_first() != 0) {
        keep_ports(d, console_port_first(), console_port_first() + 7);
    }
}

/* ---- device memory --------------------------------------------------------------------------- */

static void must_fit(int error)
{
    if (error != 0) {
        panic("too many holes between memory and devices: error %d", error);
    }
}

static void keep_page(struct domain *d, uint64_t paddr)
{
    must_fit(ranges_remove(d->io_memory, paddr >> PAGE_SHIFT, paddr >> PAGE_SHIFT));
}

/* Address bits beyond these are reserved: an entry with one would fault whoever uses it. */
static unsigned int physical_address_bits(void)
{
    return arch_cpuid(0x80000008, 0).eax & 0xff;
}

/* Everything that is no RAM, less the interrupt controllers: those are raised by their writes. */
static void give_memory(struct domain *d)
{
    must_fit(ranges_add(d->io_memory, 0, (1ULL << (physical_address_bits() - PAGE_SHIFT)) - 1));
    for (unsigned int i = 0; i < machine.madt.ioapic_count; i++) {
        keep_page(d, machine.madt.ioapic[i].paddr);
    }
    keep_page(d, machine.madt.lapic_paddr);
    /* Messages to local APICs: any interrupt at all could be forged by a write there. */
    must_fit(ranges_remove(d->io_memory, 0xfee00, 0xfeeff));
}

void devices_start(void)
{
    console_line_start();
    console_screen_start();
}

void devices_give_to_domain0(struct domain *d)
{
    give_ports(d);
    give_memory(d);
    irqs_give_to_domain0(d);
}

/* ---- the screen ------------------------------------------------------------------------------ */

static void describe_framebuffer(struct dom0_vga_console_info *vga,
                                 const struct boot_framebuffer *screen, bool efi)
{
    vga->video_type = efi ? XEN_VGATYPE_EFI_LFB : XEN_VGATYPE_VESA_LFB;
    vga->u.vesa_lfb.width = (uint16_t)screen->width;
    vga->u.vesa_lfb.height = (uint16_t)screen->height;
    vga->u.vesa_lfb.bytes_per_line = (uint16_t)screen->pitch_bytes;
    vga->u.vesa_lfb.bits_per_pixel = screen->bits_per_pixel;
    vga->u.vesa_lfb.lfb_base = (uint32_t)screen->base;
    vga->u.vesa_lfb.ext_lfb_base = (uint32_t)(screen->base >> 32);
    vga->u.vesa_lfb.lfb_size =
        (uint32_t)(ROUND_UP((uint64_t)screen->pitch_bytes * screen->height, 65536UL) >> 16);
    vga->u.vesa_lfb.red_pos = screen->red.position;
    vga->u.vesa_lfb.red_size = screen->red.bits;
    vga->u.vesa_lfb.green_pos = screen->green.position;
    vga->u.vesa_lfb.green_size = screen->green.bits;
    vga->u.vesa_lfb.blue_pos = screen->blue.position;
    vga->u.vesa_lfb.blue_size = screen->blue.bits;
}

static bool describe_text(struct dom0_vga_console_info *vga)
{
    struct vga_text text;

    if (!vga_probe_text(&text)) {
        return false;
    }
    vga->video_type = XEN_VGATYPE_TEXT_MODE_3;
    console_screen_cursor(&text);
    vga->u.text_mode_3.font_height = text.font_height;
    vga->u.text_mode_3.cursor_x = text.cursor_x;
    vga->u.text_mode_3.cursor_y = text.cursor_y;
    vga->u.text_mode_3.rows = text.rows;
    vga->u.text_mode_3.columns = text.columns;
    return true;
}

const struct dom0_vga_console_info *devices_display(const struct boot_info *info)
{
    static struct dom0_vga_console_info vga;

    if (info->framebuffer.type == FRAMEBUFFER_RGB) {
        describe_framebuffer(&vga, &info->framebuffer, info->efi.system_table != 0);
        return &vga;
    }
    return describe_text(&vga) ? &vga : NULL;
}
