# One non-recursive Makefile. A folder is a layer; a layer is one archive; its sources are found by wildcard.
# `make help` lists what can be made.
BUILD ?= release
O     := build/$(BUILD)
CC    := $(if $(filter default,$(origin CC)),gcc,$(CC))
WARN  := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wformat=2 \
         -Wwrite-strings -Wvla -Wcast-qual -Wundef -Wpointer-arith -Werror
MODE.debug   := -O0 -g3
MODE.release := -O2 -g -flto=auto -ffat-lto-objects -D_FORTIFY_SOURCE=2 -fstack-protector-strong
MODE.asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
MODE.tsan    := -O1 -g -fsanitize=thread
MODE.fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
MODE.cov     := -O0 -g --coverage
ifeq ($(BUILD),fuzz)
CC := clang
endif
# understands the link-time objects of release builds
ARCHIVE := $(if $(filter release,$(BUILD)),gcc-ar,$(AR)) rcs
MODE   := $(or $(MODE.$(BUILD)),$(error unknown BUILD=$(BUILD): debug release asan tsan fuzz cov))
VERSION := 0.1.0
CFLAGS := -std=c11 -D_GNU_SOURCE -DTIDEMARK_VERSION='"$(VERSION)"' $(WARN) $(MODE) -fPIC -fvisibility=hidden -MMD -MP
PREFIX ?= /usr/local
# V=1 shows the commands, else one word and the file
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $@)

# ---- layers: their sources, in the order of dependency ----
SRC.model   := $(wildcard storage/model/*.c)
SRC.storage := $(filter-out $(SRC.model),$(wildcard storage/*.c storage/*/*.c))
SRC.scoring := $(wildcard scoring/*.c)
SRC.compare := $(wildcard scoring/compare/*.c)
SRC.wire    := $(wildcard server/wire/*.c)
SRC.client  := $(wildcard server/client/*.c)
SRC.promql  := $(wildcard server/promql/*.c)
SRC.config  := $(wildcard server/config/*.c)
SRC.cli     := $(filter-out server/cli/main.c,$(wildcard server/cli/*.c server/cli/*/*.c))
SRC.manual  := $(filter-out server/manual/main.c,$(wildcard server/manual/*.c))
SRC.server  := $(filter-out server/main.c $(SRC.wire) $(SRC.client) $(SRC.config) $(SRC.promql) server/cli/%.c server/manual/%.c, \
               $(wildcard server/*.c server/*/*.c))
# made from protocols, in build/gen
PROTOS      := $(patsubst server/remote/%.proto,build/gen/%.pb-c,$(wildcard server/remote/*.proto))
MADE.server := $(addsuffix .c,$(PROTOS))
SRC.reports := $(filter-out reports/main.c,$(wildcard reports/*.c reports/*/*.c))
SRC.support := $(wildcard tests/support/*.c)

obj = $(patsubst %.c,$(O)/%.o,$(1))
lib = $(patsubst %,$(O)/lib%.a,$(1))

# ---- what a layer's tests may link: a forbidden call is an undefined symbol ----
USES.model   := model
USES.storage := storage model
USES.scoring := scoring model
USES.wire    := wire model
USES.client  := client wire model
USES.config  := config storage model
USES.promql  := promql storage model
USES.cli     := cli client wire promql storage scoring model
USES.reports := reports compare storage scoring model
USES.manual  := manual reports server config cli client wire promql compare storage scoring model
USES.server  := server config promql compare storage wire scoring model
LIBS.storage := -llmdb -lroaring -lpcre2-8 -lzstd -lxxhash -lpthread
LIBS.scoring := -lm
LIBS.wire    := -lzstd -lsodium -ljansson -lm
LIBS.client  := -lnanomsg $(LIBS.wire) -lxxhash -lpthread
LIBS.config  := -lyaml $(LIBS.storage)
LIBS.promql  := $(LIBS.storage) -lm
LIBS.cli     := $(LIBS.client) $(LIBS.storage) -lcurl -lz
LIBS.manual  := $(LIBS.cli) $(LIBS.config)
LIBS.reports := $(LIBS.storage) -lsodium -ljansson -lcurl -lm
# Where it is there (server/events/page_scan.c).
LIBS.hyperscan := $(shell pkg-config --silence-errors --libs libhs 2>/dev/null)
LIBS.server  := -luv -lmicrohttpd -lnanomsg -lz -lsnappy -lprotobuf-c \
                $(LIBS.config) $(LIBS.storage) $(LIBS.wire) $(LIBS.hyperscan)
# Tests are many and linked often: without link-time optimisation, from the same objects.
TEST_MODE := $(filter-out -flto%,$(MODE)) $(if $(filter release,$(BUILD)),-fno-lto)
uniq = $(if $(1),$(call uniq,$(filter-out $(lastword $(1)),$(1))) $(lastword $(1)))
layer = $(firstword $(subst /, ,$(1)))

PROGRAMS := $(O)/tidemarkd $(O)/tidemark $(O)/tidemark-report $(O)/libtidemark.so $(O)/libtidemark.a
TESTS    := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(wildcard tests/unit/*/test_*.c))
FUZZERS  := $(patsubst tests/fuzz/%.c,$(O)/tests/fuzz/%,$(wildcard tests/fuzz/*/fuzz_*.c))
BENCHES  := $(patsubst tests/bench/%.c,$(O)/tests/bench/%,$(wildcard tests/bench/bench_*.c))
TOOLS    := $(patsubst tests/support/tools/%.c,$(O)/tests/tools/%,$(wildcard tests/support/tools/*.c))
SHIMS    := $(patsubst tests/fault/%.c,$(O)/tests/fault/%.so,$(wildcard tests/fault/shim_*.c))

.DELETE_ON_ERROR:
.SECONDARY:
.SECONDEXPANSION:
.DEFAULT_GOAL := all
.PHONY: all help programs manual unit tools shims benches fuzzers clean layers
all: programs ## build the programs (BUILD=release|debug|asan|tsan|fuzz|cov)
programs: $(PROGRAMS)
manual: $(O)/manual.made ## man pages and bash completion, into build/release/manual
unit: $(TESTS)
tools: $(TOOLS)
shims: $(SHIMS)
benches: $(BENCHES)
fuzzers: $(FUZZERS)

# What is made from protocols keeps no rules of ours, so it is built without our warnings.
build/gen/%.pb-c.c build/gen/%.pb-c.h &: server/remote/%.proto
	@mkdir -p build/gen
	$(call say,GEN)
	$(Q)protoc-c --proto_path=server/remote --c_out=build/gen $<
$(O)/build/gen/%.o: build/gen/%.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) -std=c11 -w $(MODE) -fPIC -fvisibility=hidden -Ibuild/gen -c $< -o $@
$(O)/server/remote/%.o: CFLAGS += -Ibuild/gen
$(O)/server/remote/remote_write.o: $(addsuffix .h,$(PROTOS))
$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(CFLAGS) -I. -c $< -o $@
# The same bits on every machine: a product and a sum are never fused.
$(O)/scoring/%.o: CFLAGS += -ffp-contract=off
$(O)/lib%.a: $$(call obj,$$(SRC.$$*) $$(MADE.$$*))
	@mkdir -p $(@D)
	$(call say,AR)
	$(Q)rm -f $@ && $(ARCHIVE) $@ $^
$(O)/tidemarkd: $(call obj,server/main.c) $(call lib,$(USES.server))
	$(call say,LD)
	$(Q)$(CC) $(MODE) $^ $(LIBS.server) -o $@
$(O)/tidemark: $(call obj,server/cli/main.c) $(call lib,$(USES.cli))
	$(call say,LD)
	$(Q)$(CC) $(MODE) $^ $(LIBS.cli) -o $@
$(O)/tidemark-report: $(call obj,reports/main.c) $(call lib,$(USES.reports))
	$(call say,LD)
	$(Q)$(CC) $(MODE) $^ $(LIBS.reports) -o $@
# Writes man pages and completion; see server/manual.
$(O)/make-manual: $(call obj,server/manual/main.c) $(call lib,$(USES.manual))
	$(call say,LD)
	$(Q)$(CC) $(TEST_MODE) $^ $(LIBS.manual) -o $@
$(O)/manual.made: $(O)/make-manual
	@rm -rf $(O)/manual && mkdir -p $(addprefix $(O)/manual/,man1 man5 man8 completions)
	$(call say,MAN)
	$(Q)$< $(O)/manual && touch $@
$(O)/libtidemark.so: $(call obj,$(SRC.client) $(SRC.wire) $(SRC.model))
	$(call say,LD)
	$(Q)$(CC) $(MODE) -shared -Wl,-soname,libtidemark.so.0 $^ $(LIBS.client) -o $@
# One object whose inner names are local: what a program links beside it can have functions of the same names.
$(O)/libtidemark.a: $(call obj,$(SRC.client) $(SRC.wire) $(SRC.model))
	$(call say,AR)
	$(Q)$(CC) $(MODE) -r -nostdlib $(if $(filter release,$(BUILD)),-flinker-output=nolto-rel) $^ -o $(O)/libtidemark.o
	$(Q)objcopy --localize-hidden $(O)/libtidemark.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(O)/libtidemark.o
$(O)/tests/unit/%: $(O)/tests/unit/%.o $$(call lib,$$(USES.$$(call layer,$$*)))
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(TEST_MODE) $^ $(LIBS.$(call layer,$*)) -lcmocka -o $@
$(O)/tests/fuzz/%: $(O)/tests/fuzz/%.o $$(call lib,$$(USES.$$(call layer,$$*)))
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(MODE) -fsanitize=fuzzer $^ $(LIBS.$(call layer,$*)) -o $@
$(O)/tests/bench/%: $(O)/tests/bench/%.o $(call lib,$(call uniq,$(USES.cli) $(USES.server)))
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(MODE) $^ $(LIBS.cli) $(LIBS.server) -o $@
$(O)/tests/tools/%: $(O)/tests/support/tools/%.o $(call lib,client wire promql storage model)
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(TEST_MODE) $^ $(LIBS.client) $(LIBS.storage) -o $@
$(O)/tests/fault/%.so: tests/fault/%.c
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARN) -O1 -g -fPIC -shared -MMD -MP $< -o $@ -ldl -lpthread

include .ci/targets.mk plugins/grafana/plugin.mk
-include $(shell find $(O) -name '*.d' 2>/dev/null)
