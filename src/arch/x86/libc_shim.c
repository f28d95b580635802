// SPDX-License-Identifier: Apache-2.0
// What the distribution's decompressors expect of a C library and a processor, and no more. The
// memory functions are in lib/string.c.
#include "arch/library.h"

#include "lib/compiler.h"
#include "lib/crc64.h"

#define MSR_FS_BASE      0xc0000100u
#define CR0_MP           (1UL << 1)
#define CR0_EM           (1UL << 2)
#define CR0_TS           (1UL << 3)
#define CR4_OSFXSR       (1UL << 9)
#define CR4_OSXMMEXCPT   (1UL << 10)
#define MXCSR_ALL_MASKED 0x1f80u

// The start of a thread's control block by the x86-64 ABI of Linux: of it, the compiler's stack
// protector uses one word.
static struct {
    uint64_t unused[5];
    uint64_t canary;                       // at %fs:0x28
} thread = {.canary = 0x6f3ad1c85e9b7200}; // a zero byte stops string functions

_Static_assert(offsetof(typeof(thread), canary) == 0x28, "where the stack protector looks");

static struct {
    uint64_t cr0, cr4, fs_base;
} saved;

static uint64_t read_fs_base(void)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_FS_BASE));
    return (uint64_t)high << 32 | low;
}

static void write_fs_base(uint64_t base)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(MSR_FS_BASE), "a"((uint32_t)base), "d"((uint32_t)(base >> 32)));
}

static void write_cr0_cr4(uint64_t cr0, uint64_t cr4)
{
    __asm__ volatile("mov %0, %%cr4; mov %1, %%cr0" : : "r"(cr4), "r"(cr0) : "memory");
}

void arch_library_enter(void)
{
    const uint32_t mxcsr = MXCSR_ALL_MASKED;

    __asm__ volatile("mov %%cr0, %0; mov %%cr4, %1" : "=r"(saved.cr0), "=r"(saved.cr4));
    saved.fs_base = read_fs_base();
    write_fs_base((uintptr_t)&thread);
    write_cr0_cr4((saved.cr0 & ~(CR0_EM | CR0_TS)) | CR0_MP,
                  saved.cr4 | CR4_OSFXSR | CR4_OSXMMEXCPT);
    __asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
}

void arch_library_leave(void)
{
    write_cr0_cr4(saved.cr0, saved.cr4);
    write_fs_base(saved.fs_base);
}

// Names of the C library, as the archives call them.
_Noreturn void __stack_chk_fail(void);
void *malloc(size_t bytes);
void *calloc(size_t items, size_t item_bytes);
void free(void *p);

// A decompressor has overrun its stack. An invalid instruction: the panic shows the library's
// frames.
_Noreturn void __stack_chk_fail(void)
{
    __builtin_trap();
}

// Each library is given an allocator, so these are reached only on paths that no kernel takes (such
// as zstd's formats of before 1.0). They find no memory, which every caller handles.
void *malloc(size_t bytes)
{
    return NULL;
}

void *calloc(size_t items, size_t item_bytes)
{
    return NULL;
}

void free(void *p)
{
}

// liblzma's own is chosen by a constructor at program start, which an image like this never runs.
uint64_t lzma_crc64(const uint8_t *bytes, size_t size_bytes, uint64_t crc);

uint64_t lzma_crc64(const uint8_t *bytes, size_t size_bytes, uint64_t crc)
{
    return crc64(bytes, size_bytes, crc);
}

// libzstd's tracing hooks are weak and tested before use, but a call to address 0 from up here
// can't even be linked. A begin that returns 0 traces nothing.
unsigned long long ZSTD_trace_decompress_begin(const void *context);
void ZSTD_trace_decompress_end(unsigned long long handle, const void *trace);

unsigned long long ZSTD_trace_decompress_begin(const void *context)
{
    return 0;
}

void ZSTD_trace_decompress_end(unsigned long long handle, const void *trace)
{
}
