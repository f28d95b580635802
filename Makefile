# Pavise: one plain Makefile. `make help` lists the targets; `./pavise` is the front door.
#
#   hypervisor   build/pavise.elf (64-bit, PVH note) and build/pavise.elf32 (Multiboot 1 loaders)
#   debug        build/debug/pavise.elf*: the same with assertions and checks of the order of locks
#   guest        build/guest/*.elf: our own PV kernels, from guest/
#   unit         build the host library and its tests and run them under ASan and UBSan
#   tsan         the same for tests of several CPUs, which are threads, under TSan
#   corpus       run the fuzzers' kept inputs once each (fuzzers, storms: only build them)
#   bench        what ./pavise bench needs: the counter that QEMU loads, the program for Linux
#   check        formatting, headers alone, room order
BUILD ?= build
CC    ?= gcc
CLANG ?= clang
AR    ?= ar
V     ?= 0
Q     := $(if $(filter 1,$(V)),,@)

WARN := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wold-style-definition \
        -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wno-unused-parameter
STD  := -std=gnu11

# ---- the hypervisor -------------------------------------------------------------------------
HV_FLAGS := $(STD) $(WARN) -O2 -g -ffreestanding -fno-stack-protector -fno-common -fno-strict-aliasing \
            -fpie -mno-red-zone -mgeneral-regs-only -fvisibility=hidden -fcf-protection=none \
            -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -ffunction-sections -fdata-sections \
            -include src/arch/x86/hidden.h -Isrc -Isrc/arch/x86 $(HV_EXTRA)
# Indirect branches go through our thunks (src/arch/x86/thunks.S), each by a register.
HV_FLAGS += $(if $(findstring clang,$(CC)),-mretpoline-external-thunk,-mindirect-branch=thunk-extern \
            -mindirect-branch-register) -fno-jump-tables
HV_C   := $(filter-out src/arch/host/%,$(wildcard src/*/*.c src/arch/x86/*.c))
HV_S   := $(wildcard src/arch/x86/*.S)
HV_OBJ := $(HV_C:%.c=$(BUILD)/hv/%.o) $(HV_S:%.S=$(BUILD)/hv/%.o)
# The distribution's decompressors, linked as they are (start of day only).
HV_LIBS := $(shell $(CC) -print-file-name=liblzma.a) $(shell $(CC) -print-file-name=libzstd.a) \
           $(shell $(CC) -print-file-name=libz.a) $(shell $(CC) -print-file-name=liblz4.a)

.PHONY: all hypervisor debug guest unit unit-binaries concurrent tsan \
        fuzz-binaries storm-binaries fuzzers storms corpus coverage bench check clean help
all: hypervisor guest

hypervisor: $(BUILD)/pavise.elf $(BUILD)/pavise.elf32

debug:
	$(Q)$(MAKE) BUILD=$(BUILD)/debug HV_EXTRA=-DPAVISE_DEBUG hypervisor

# Offsets of C structures for assembly: compiled to text, never written by hand.
$(BUILD)/hv/asm-offsets.h: src/arch/x86/asm-offsets.c.in
	@mkdir -p $(@D)
	@echo "  OFFSETS $@"
	$(Q)$(CC) $(filter-out -g,$(HV_FLAGS)) -x c -MMD -MF $@.d -MT $@ -S -o $@.s $<
	$(Q)sed -n 's/^.*->\([A-Za-z0-9_]*\) \$$\?\(-\?[0-9]*\).*/#define \1 \2/p' $@.s > $@

# Made again when the flags here change.
$(BUILD)/hv/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(HV_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/hv/%.o: %.S $(BUILD)/hv/asm-offsets.h Makefile
	@mkdir -p $(@D)
	@echo "  AS      $<"
	$(Q)$(CC) $(HV_FLAGS) -D__ASSEMBLY__ -I$(BUILD)/hv -MMD -MP -c -o $@ $<

# Linked three times, each time with the tables that the link before yields: symbols for backtraces,
# and where the indirect branches are.
$(BUILD)/pavise.elf: $(HV_OBJ) src/arch/x86/pavise.lds tools/symbols tools/indirect-branches
	@echo "  LD      $@"
	$(Q)$(call tables,,0) && $(call link,$(BUILD)/hv/pavise0.elf,0,-Wl$(comma)--emit-relocs)
	$(Q)$(call tables,$(BUILD)/hv/pavise0.elf,1) && $(call link,$(BUILD)/hv/pavise1.elf,1,-Wl$(comma)--emit-relocs)
	$(Q)$(call tables,$(BUILD)/hv/pavise1.elf,2) && $(call link,$@,2,)
comma := ,
# Tables of an image's own addresses (none: empty ones), for the next link.
tables = { $(if $(1),nm -n $(1),true) | tools/symbols; $(if $(1),readelf -rW $(1),true) | tools/indirect-branches; } \
         >$(BUILD)/hv/symbols$(2).S && $(CC) -c -o $(BUILD)/hv/symbols$(2).o $(BUILD)/hv/symbols$(2).S
link = $(CC) -nostdlib -static -no-pie -Wl,--gc-sections -Wl,--build-id=sha1 -Wl,-z,noexecstack \
       -Wl,-z,max-page-size=4096 $(3) -Wl,-T,src/arch/x86/pavise.lds -o $(1) $(HV_OBJ) \
       $(BUILD)/hv/symbols$(2).o -Wl,--start-group $(HV_LIBS) -Wl,--end-group -lgcc

$(BUILD)/pavise.elf32: $(BUILD)/pavise.elf
	@echo "  OBJCOPY $@"
	$(Q)objcopy -O elf32-i386 $< $@

# ---- the host library and its tests ---------------------------------------------------------
HOST_SAN   ?= -fsanitize=address,undefined -fno-sanitize-recover=all
HOST_BUILD ?= $(BUILD)/host
HOST_FLAGS := $(STD) $(WARN) -O1 -g -fno-omit-frame-pointer -DPAVISE_HOST -Isrc -Isrc/arch/host $(HOST_SAN)
HOST_C     := $(filter-out src/arch/x86/%,$(wildcard src/*/*.c src/arch/host/*.c))
HOST_OBJ   := $(HOST_C:%.c=$(HOST_BUILD)/%.o)
HOST_LDLIBS := -llzma -lzstd -lz -llz4 -lpthread
UNIT_C     := $(wildcard tests/unit/*_test.c)
UNIT_BIN   := $(UNIT_C:tests/unit/%.c=$(HOST_BUILD)/unit/%)
.SECONDARY: $(UNIT_BIN:=.o)

$(HOST_BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	$(Q)$(CC) $(HOST_FLAGS) -MMD -MP -c -o $@ $<

$(HOST_BUILD)/libpavise-host.a: $(HOST_OBJ)
	@echo "  AR      $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(HOST_BUILD)/unit/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	$(Q)$(CC) $(HOST_FLAGS) -Itests/unit -MMD -MP -c -o $@ $<

$(HOST_BUILD)/unit/%: $(HOST_BUILD)/unit/%.o $(HOST_BUILD)/libpavise-host.a
	@mkdir -p $(@D)
	@echo "  HOSTLD  $@"
	$(Q)$(CC) $(HOST_FLAGS) -o $@ $(filter %.o %.a,$^) -lcmocka $(HOST_LDLIBS)

unit-binaries: $(UNIT_BIN)

unit: unit-binaries
	$(Q)tools/run-unit-tests $(UNIT_BIN)

# Threads as CPUs, on the host library, under TSan.
CONCURRENT_C   := $(wildcard tests/concurrent/*.c)
CONCURRENT_BIN := $(CONCURRENT_C:tests/concurrent/%.c=$(HOST_BUILD)/concurrent/%)

$(HOST_BUILD)/concurrent/%: tests/concurrent/%.c $(HOST_BUILD)/libpavise-host.a
	@mkdir -p $(@D)
	@echo "  HOSTLD  $@"
	$(Q)$(CC) $(HOST_FLAGS) -Itests/unit -MMD -MP -o $@ $< $(HOST_BUILD)/libpavise-host.a -lcmocka $(HOST_LDLIBS)

concurrent: $(CONCURRENT_BIN)
	$(Q)tools/run-unit-tests $(CONCURRENT_BIN)

tsan:
	$(Q)$(MAKE) HOST_BUILD=$(BUILD)/tsan HOST_SAN="-fsanitize=thread -Wno-tsan" concurrent

# Fuzzers, each in two ways: with libFuzzer, or (storm) by random inputs and at full speed.
FUZZ_C     := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ_BIN   := $(FUZZ_C:tests/fuzz/%_fuzz.c=$(HOST_BUILD)/fuzz/%)
STORM_BIN  := $(FUZZ_C:tests/fuzz/%_fuzz.c=$(HOST_BUILD)/storm/%)
.SECONDARY: $(FUZZ_BIN:=.o) $(HOST_BUILD)/fuzz/storm.main.o

$(HOST_BUILD)/fuzz/%.o: tests/fuzz/%_fuzz.c
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	$(Q)$(CC) $(HOST_FLAGS) -MMD -MP -c -o $@ $<

$(HOST_BUILD)/fuzz/storm.main.o: tests/fuzz/storm.c
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	$(Q)$(CC) $(HOST_FLAGS) -MMD -MP -c -o $@ $<

$(HOST_BUILD)/fuzz/%: $(HOST_BUILD)/fuzz/%.o $(HOST_BUILD)/libpavise-host.a
	@echo "  HOSTLD  $@"
	$(Q)$(CC) $(subst fuzzer-no-link,fuzzer,$(HOST_FLAGS)) -o $@ $(filter %.o %.a,$^) -lcmocka -lZydis $(HOST_LDLIBS)

$(HOST_BUILD)/storm/%: $(HOST_BUILD)/fuzz/%.o $(HOST_BUILD)/fuzz/storm.main.o $(HOST_BUILD)/libpavise-host.a
	@mkdir -p $(@D)
	@echo "  HOSTLD  $@"
	$(Q)$(CC) $(HOST_FLAGS) -o $@ $(filter %.o %.a,$^) -lcmocka -lZydis $(HOST_LDLIBS)

# What a fuzzer begins with, where it is more than bytes: a program that writes it to a directory.
SEEDS_C    := $(wildcard tests/fuzz/*_seeds.c)
SEEDS_BIN  := $(SEEDS_C:tests/fuzz/%_seeds.c=$(HOST_BUILD)/seeds/%)

$(HOST_BUILD)/seeds/%: tests/fuzz/%_seeds.c tests/unit/kernel_maker.h
	@mkdir -p $(@D)
	@echo "  HOSTLD  $@"
	$(Q)$(CC) $(HOST_FLAGS) -o $@ $< $(HOST_LDLIBS)

fuzz-binaries: $(FUZZ_BIN) $(SEEDS_BIN)
storm-binaries: $(STORM_BIN)

fuzzers:
	$(Q)$(MAKE) CC=$(CLANG) HOST_BUILD=$(BUILD)/fuzz HOST_SAN="-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all" fuzz-binaries
storms:
	$(Q)$(MAKE) CC=$(CLANG) HOST_BUILD=$(BUILD)/storm HOST_SAN=-O2 storm-binaries

# Inputs that they have found worth keeping, each run once.
corpus: fuzzers
	$(Q)tools/run-corpus $(BUILD)/fuzz/fuzz

# Lines and branches of src/ that unit tests, concurrent tests, corpora and storms reach.
coverage:
	$(Q)$(MAKE) CC=$(CLANG) HOST_BUILD=$(BUILD)/coverage HOST_SAN="-fprofile-instr-generate -fcoverage-mapping" \
	  unit-binaries storm-binaries

# ---- guests of our own ----------------------------------------------------------------------
GUEST_FLAGS := $(STD) $(WARN) -O2 -g -ffreestanding -fno-stack-protector -fno-pic -mno-red-zone \
               -mgeneral-regs-only -mcmodel=kernel -fno-asynchronous-unwind-tables -Iguest/lib
GUEST_LIB_C := $(wildcard guest/lib/*.c)
GUEST_LIB_S := $(wildcard guest/lib/*.S)
GUEST_LIB   := $(GUEST_LIB_C:%.c=$(BUILD)/%.o) $(GUEST_LIB_S:%.S=$(BUILD)/%.o)
GUEST_C     := $(wildcard guest/tests/*.c guest/bench/*.c guest/demo/*.c)
GUEST_ELF   := $(foreach c,$(GUEST_C),$(BUILD)/guest/$(notdir $(c:.c=.elf)))

guest: $(GUEST_ELF)

$(BUILD)/guest/%.o: guest/%.c
	@mkdir -p $(@D)
	@echo "  GUESTCC $<"
	$(Q)$(CC) $(GUEST_FLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/guest/%.o: guest/%.S
	@mkdir -p $(@D)
	@echo "  GUESTAS $<"
	$(Q)$(CC) $(GUEST_FLAGS) -D__ASSEMBLY__ -MMD -MP -c -o $@ $<
define guest_link
$(BUILD)/guest/$(notdir $(1:.c=.elf)): $(BUILD)/$(1:.c=.o) $(GUEST_LIB) guest/lib/guest.lds
	@echo "  GUESTLD $$@"
	$(Q)$(CC) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 \
	  -Wl,-T,guest/lib/guest.lds -o $$@ $$(filter %.o,$$^) -lgcc
endef
$(foreach c,$(GUEST_C),$(eval $(call guest_link,$(c))))

# ---- benchmarks -----------------------------------------------------------------------------
BENCH_FLAGS := $(STD) $(WARN) -O2 -Iguest/lib

bench: $(BUILD)/bench/counter.so $(BUILD)/bench/linux-bench

$(BUILD)/bench/counter.so: tests/bench/counter.c guest/lib/marker.h
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(BENCH_FLAGS) -fPIC -shared -fvisibility=hidden -o $@ $<

$(BUILD)/bench/linux-bench: tests/bench/linux_bench.c guest/lib/marker.h
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(BENCH_FLAGS) -static -o $@ $<

# ---- checks ---------------------------------------------------------------------------------
check:
	$(Q)tools/check-format
	$(Q)tools/check-rooms
	$(Q)tools/check-headers
	$(Q)tools/check-docs

clean:
	rm -rf $(BUILD)

help:
	@sed -n '1,/^BUILD/{s/^# \{0,1\}//p}' Makefile

-include $(HV_OBJ:.o=.d) $(HOST_OBJ:.o=.d) $(UNIT_BIN:=.d) $(CONCURRENT_BIN:=.d) $(FUZZ_BIN:=.d) $(BUILD)/hv/asm-offsets.h.d
-include $(GUEST_LIB:.o=.d) $(GUEST_C:%.c=$(BUILD)/%.d)
