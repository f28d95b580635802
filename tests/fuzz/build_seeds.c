// SPDX-License-Identifier: Apache-2.0
// What the builder's fuzzer begins with: small kernels that are sound, packed in each format and in
// more than one piece, as a file and as a bzImage; and the same cut short. From them it gets behind
// the magic numbers.
//
//   build_seeds DIRECTORY
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "../unit/kernel_maker.h"

enum { ROOM_BYTES = 64 << 10 };

struct bytes {
    uint8_t *at;
    size_t size;
};

static const char *directory;

static void must(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "build_seeds: %s\n", what);
        exit(1);
    }
}

static void write_seed(const char *kernel, const char *how, struct bytes b)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/seed-%s-%s", directory, kernel, how);
    f = fopen(path, "w");
    must(f && fwrite(b.at, 1, b.size, f) == b.size && fclose(f) == 0, path);
}

static struct bytes room(void)
{
    struct bytes b = {calloc(1, ROOM_BYTES), 0};

    must(b.at != NULL, "no memory");
    return b;
}

/* ---- formats ----------------------------------------------------------------------------------
 */

static struct bytes pack_gzip(struct bytes plain)
{
    struct bytes b = room();
    z_stream stream = {.next_in = plain.at,
                       .avail_in = (uInt)plain.size,
                       .next_out = b.at,
                       .avail_out = ROOM_BYTES};

    must(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK &&
             deflate(&stream, Z_FINISH) == Z_STREAM_END,
         "gzip");
    b.size = stream.total_out;
    deflateEnd(&stream);
    return b;
}

/* As Linux's build does it, with a dictionary that fits. */
static struct bytes pack_xz(struct bytes plain)
{
    struct bytes b = room();
    lzma_options_lzma options;
    lzma_filter filters[] = {{.id = LZMA_FILTER_X86},
                             {.id = LZMA_FILTER_LZMA2, .options = &options},
                             {.id = LZMA_VLI_UNKNOWN}};

    lzma_lzma_preset(&options, 6);
    options.dict_size = 1 << 16;
    must(lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, plain.at, plain.size, b.at,
                                   &b.size, ROOM_BYTES) == LZMA_OK,
         "xz");
    return b;
}

static struct bytes pack_zstd(struct bytes plain)
{
    struct bytes b = room();

    b.size = ZSTD_compress(b.at, ROOM_BYTES, plain.at, plain.size, 19);
    must(!ZSTD_isError(b.size), "zstd");
    return b;
}

static void put_32(uint8_t *at, size_t value)
{
    uint32_t word = (uint32_t)value;

    memcpy(at, &word, sizeof(word));
}

static struct bytes pack_lz4(struct bytes plain)
{
    struct bytes b = room();
    int size = LZ4_compress_default((const char *)plain.at, (char *)b.at + 8, (int)plain.size,
                                    ROOM_BYTES - 8);

    must(size > 0, "lz4");
    put_32(b.at, 0x184c2102);
    put_32(b.at + 4, (size_t)size);
    b.size = (size_t)size + 8;
    return b;
}

static const struct format {
    const char *name;
    struct bytes (*pack)(struct bytes plain);
} formats[] = {{"gzip", pack_gzip}, {"xz", pack_xz}, {"zstd", pack_zstd}, {"lz4", pack_lz4}};

/* ---- ways to pack ------------------------------------------------------------------------------
 */

static struct bytes join(struct bytes a, struct bytes b)
{
    struct bytes both = room();

    memcpy(both.at, a.at, a.size);
    memcpy(both.at + a.size, b.at, b.size);
    both.size = a.size + b.size;
    return both;
}

static struct bytes in_two_pieces(const struct format *format, struct bytes plain)
{
    struct bytes first = {plain.at, plain.size / 2};
    struct bytes second = {plain.at + first.size, plain.size - first.size};
    struct bytes a = format->pack(first), b = format->pack(second), both = join(a, b);

    free(a.at);
    free(b.at);
    return both;
}

/* A boot sector, a sector of setup, and the payload with its size behind it. */
static struct bytes as_bzimage(const struct format *format, struct bytes plain)
{
    struct bytes image = room(), payload = format ? format->pack(plain) : plain;
    bool ends_with_size = !format || format->pack == pack_gzip;

    image.at[0x1f1] = 1;
    put_32(image.at + 0x1fe, 0xaa55);
    memcpy(image.at + 0x202, "HdrS", 4);
    put_32(image.at + 0x206, 0x20f);
    memcpy(image.at + 1024, payload.at, payload.size);
    image.size = 1024 + payload.size;
    if (!ends_with_size) {
        put_32(image.at + image.size, plain.size);
        image.size += 4;
    }
    put_32(image.at + 0x24c, image.size - 1024);
    if (format) {
        free(payload.at);
    }
    return image;
}

static void write_all(const char *kernel, const char *how, struct bytes b)
{
    char name[64];

    write_seed(kernel, how, b);
    snprintf(name, sizeof(name), "%s-cut", how);
    write_seed(kernel, name, (struct bytes){b.at, b.size * 3 / 4});
    free(b.at);
}

static void write_packed(const char *kernel, struct bytes plain)
{
    char name[64];

    write_seed(kernel, "plain", plain);
    write_all(kernel, "bzimage", as_bzimage(NULL, plain));
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        const struct format *format = &formats[i];
        write_all(kernel, format->name, format->pack(plain));
        snprintf(name, sizeof(name), "%s-pieces", format->name);
        write_all(kernel, name, in_two_pieces(format, plain));
        snprintf(name, sizeof(name), "%s-bzimage", format->name);
        write_all(kernel, name, as_bzimage(format, plain));
    }
}

/* ---- kernels -----------------------------------------------------------------------------------
 */

static struct kernel_maker maker;

static struct bytes made(void)
{
    return (struct bytes){maker.image, sizeof(maker.image)};
}

static void make_linux_like(void)
{
    maker_start(&maker, 0x100000, 0);
    maker_string(&maker, XEN_ELFNOTE_GUEST_OS, "linux");
    maker_string(&maker, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    maker_string(&maker, XEN_ELFNOTE_LOADER, "generic");
    maker_number(&maker, XEN_ELFNOTE_VIRT_BASE, 0xffffffff80000000);
    maker_number(&maker, XEN_ELFNOTE_ENTRY, 0xffffffff80100010);
    maker_number(&maker, XEN_ELFNOTE_HYPERCALL_PAGE, 0xffffffff80101000);
    maker_number(&maker, XEN_ELFNOTE_INIT_P2M, 0x8000000000);
    maker_number(&maker, XEN_ELFNOTE_HV_START_LOW, 0xffff800000000000);
    maker_string(&maker, XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb");
    maker_number(&maker, XEN_ELFNOTE_SUPPORTED_FEATURES, 0x8801);
    maker_number(&maker, XEN_ELFNOTE_MOD_START_PFN, 1);
    maker_number(&maker, XEN_ELFNOTE_PHYS32_ENTRY, 0x100850);
}

static void make_low(void)
{
    maker_start(&maker, 0x100000, 0x100020);
    maker_string(&maker, XEN_ELFNOTE_GUEST_OS, "tiny");
    maker_number(&maker, XEN_ELFNOTE_PADDR_OFFSET, 0);
}

static void make_32bit(void)
{
    maker_start_32bit(&maker, 0x100000, 0x100000);
    maker_number(&maker, XEN_ELFNOTE_VIRT_BASE, 0x40000000);
    maker_number(&maker, XEN_ELFNOTE_ENTRY, 0x40100000);
    maker_string(&maker, XEN_ELFNOTE_PAE_MODE, "yes");
}

/* Without notes, and with the string that came before them; its section table lies in the code. */
static void make_old(void)
{
    static const char names[] = "\0__xen_guest\0.shstrtab";
    static const char text[] =
        "GUEST_OS=linux,GUEST_VER=2.6,XEN_VER=xen-3.0,VIRT_BASE=0xffffffff80000000,"
        "ELF_PADDR_OFFSET=0x0,VIRT_ENTRY=0xffffffff80100000,HYPERCALL_PAGE=0x101,"
        "FEATURES=writable_page_tables|!pae_pgdir_above_4gb,PAE=yes[extended-cr3],LOADER=generic,"
        "BSD_SYMTAB,INIT_P2M=549755813888";
    enum { NAMES_AT = 0x400, TEXT_AT = 0x440, SECTIONS_AT = 0x1000 };
    struct elf64_header *header = (struct elf64_header *)maker.image;
    struct elf64_section *section = (struct elf64_section *)(maker.image + SECTIONS_AT);

    maker_start(&maker, 0x100000, 0);
    header->e_phnum = 1;
    header->e_shoff = SECTIONS_AT;
    header->e_shentsize = sizeof(*section);
    header->e_shnum = 3;
    header->e_shstrndx = 2;
    memcpy(maker.image + NAMES_AT, names, sizeof(names));
    memcpy(maker.image + TEXT_AT, text, sizeof(text));
    memset(section, 0, 3 * sizeof(*section));
    section[1] = (struct elf64_section){
        .sh_name = 1, .sh_type = 1, .sh_offset = TEXT_AT, .sh_size = sizeof(text)};
    section[2] = (struct elf64_section){
        .sh_name = 13, .sh_type = 3, .sh_offset = NAMES_AT, .sh_size = sizeof(names)};
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*make)(void);
    } kernels[] = {
        {"linux", make_linux_like}, {"low", make_low}, {"32bit", make_32bit}, {"old", make_old}};

    must(count == 2, "build_seeds DIRECTORY");
    directory = arguments[1];
    for (size_t i = 0; i < ARRAY_SIZE(kernels); i++) {
        kernels[i].make();
        write_packed(kernels[i].name, made());
    }
    return 0;
}
