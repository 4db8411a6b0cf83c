# fwsniff: plain GNU make. Objects go to $(BUILD); nothing is written beside the sources.
#
#   make            the program and its rules, in build/
#   make test       unit, golden, command-line and live tests (as root: the live ones too)
#   make demo       install what is missing, build, and show a verdict on a shipped sample
#   make help       the rest

VERSION := 0.1.0
PREFIX  ?= /usr/local
DESTDIR ?=
BUILD   ?= build
UNIT_DIR ?= $(PREFIX)/lib/systemd/system
CFLAGS  ?= -O3 -g
PYTHON  ?= /usr/bin/python3

# What it is made of: Debian package : pkg-config name. README.md says what each is for.
BUILD_PACKAGES := gcc make pkg-config libpcap-dev libndpi-dev libcjson-dev libarchive-dev zlib1g-dev libcap-ng-dev \
                  libgnutls28-dev nettle-dev libsqlite3-dev
TEST_PACKAGES  := libcmocka-dev python3 python3-jsonschema tshark tcpdump iproute2 iptables nftables \
                  iputils-ping ethtool conntrack openssl zstd openvpn dnsmasq-base vsftpd chromium fonts-dejavu-core \
                  clang libclang-rt-14-dev valgrind python3-yaml python3-kubernetes
# What make bench compares with, and plays packets with. None of them is needed; those missing are left out.
BENCH_PACKAGES := valgrind tcptrace argus-server nfdump softflowd libndpi-bin tshark tcpreplay
# Only for make slurm.
SLURM_PACKAGES := slurm-wlm munge
LINT_PACKAGES  := clang-tidy clang-format cppcheck
MODULES        := libpcap libndpi libcjson libarchive zlib libcap-ng gnutls nettle sqlite3

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
ifdef WERROR
WARNINGS += -Werror
endif

# Headers of libraries are not ours to warn about.
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(MODULES)))
# libresolv is part of the C library
PKG_LIBS   := $(shell pkg-config --libs $(MODULES)) -lresolv

ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) -I. $(PKG_CFLAGS) $(SANITIZE) -pthread \
             -DFWSNIFF_VERSION='"$(VERSION)"' \
             -DFWSNIFF_DATA_DIR='"$(PREFIX)/share/fwsniff"'
ALL_LDFLAGS = $(LDFLAGS) $(SANITIZE) $(LTO) -pthread

LIB_SOURCES  := $(filter-out analyzer/main.c,$(wildcard analyzer/*.c analyzer/*/*.c dissectors/*.c))
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
TOOL_SOURCES := $(wildcard tests/tools/*.c)
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
BENCH_SOURCES := $(wildcard tests/bench/*.c)

LIBRARY := $(BUILD)/libfwsniff.a
PROGRAM := $(BUILD)/fwsniff
UNITS   := $(UNIT_SOURCES:%.c=$(BUILD)/%)
TOOLS   := $(TOOL_SOURCES:%.c=$(BUILD)/%)
FUZZERS := $(FUZZ_SOURCES:%.c=$(BUILD)/%)
BENCHES := $(BENCH_SOURCES:%.c=$(BUILD)/%)
OBJECT   = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

# The program is optimised as a whole, since what is called for every packet stands in several files; the tests take
# the same objects as they are. GCC only: clang's objects would be nothing else, and the tests slow to link.
ifeq ($(SANITIZE)$(findstring Free Software,$(shell $(CC) --version)),Free Software)
FOR_LTO := -flto -ffat-lto-objects
LTO := -fno-lto
$(PROGRAM): LTO := $(CFLAGS) -flto=auto
endif

# make V=1 shows whole commands.
ifndef V
Q := @
say = @echo '  $(1)'
endif

.PHONY: all deps demo test test-unit test-run asan lint format fuzz install uninstall clean help
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAM)

$(PROGRAM): $(call OBJECT,analyzer/main.c) $(LIBRARY)
	$(call say,LINK    $@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

$(LIBRARY): $(call OBJECT,$(LIB_SOURCES))
	@rm -f $@
	@$(AR) rcs $@ $^

# The flags are part of what an object depends on: a changed CFLAGS or VERSION rebuilds.
$(BUILD)/obj/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(FOR_LTO)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(FOR_LTO)' > $@
.PHONY: FORCE

$(BUILD)/obj/%.o: %.c $(BUILD)/obj/flags
	@mkdir -p $(@D)
	$(call say,CC      $<)
	$(Q)$(CC) $(ALL_CFLAGS) $(FOR_LTO) -MMD -MP -c -o $@ $<

$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LINK    $@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka -lm

$(BUILD)/tests/tools/%: $(BUILD)/obj/tests/tools/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LINK    $@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

$(BUILD)/tests/bench/%: $(BUILD)/obj/tests/bench/%.o
	@mkdir -p $(@D)
	$(call say,LINK    $@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# --- what it needs ------------------------------------------------------------------------------

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# Installs only what is missing: $(call install_missing,packages)
define install_missing
	@missing=; for package in $(1); do \
	    dpkg-query -W -f '$${db:Status-Abbrev}' "$$package" 2>/dev/null | grep -q '^ii' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then echo "installing:$$missing"; \
	    $(SUDO) apt-get update -qq && \
	    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	fi
endef

deps: deps-build deps-test deps-lint
.PHONY: deps-build deps-test deps-lint
deps-build:
	$(call install_missing,$(BUILD_PACKAGES))
deps-test: deps-build
	$(call install_missing,$(TEST_PACKAGES))
deps-lint:
	$(call install_missing,$(LINT_PACKAGES))

# --- trying it ------------------------------------------------------------------------------------

# The packages may have come only just now, so the rest is a make of its own: pkg-config is asked
# while a makefile is read.
demo: deps-build
	@$(MAKE) --no-print-directory all
	@tests/demo.sh $(PROGRAM)

test: deps-test
	@$(MAKE) --no-print-directory test-run

test-run: $(PROGRAM) $(UNITS) $(TOOLS) $(BENCHES)
	@$(PYTHON) tests/run.py --build $(BUILD) --fwsniff $(PROGRAM) $(TEST_OPTIONS)

# The same tests with memory and undefined behaviour checked.
asan:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)-asan CFLAGS='-O1 -g -fno-omit-frame-pointer' \
	    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' test-run

# How many packets a second it takes live, in network namespaces.
.PHONY: bench-live
bench-live: $(PROGRAM) $(BENCHES)
	$(SUDO) $(PYTHON) tests/bench/live.py --build $(BUILD) --fwsniff $(PROGRAM) $(BENCH_OPTIONS)

# How long two captures of a million packets take together, against one after the other.
.PHONY: bench-pairs
bench-pairs: $(PROGRAM)
	@$(PYTHON) tests/bench/pairs.py --fwsniff $(PROGRAM)

# --- the lab: how right it is ---------------------------------------------------------------------

# Real firewalls in network namespaces, and the truth beside every capture (tests/lab/README.md).
LAB   ?= $(BUILD)/lab
SEED  ?= 1
.PHONY: lab score
lab: deps-test
	$(SUDO) $(PYTHON) tests/lab/run.py --out $(LAB) --seed $(SEED)
	$(PYTHON) tests/lab/check.py --lab $(LAB)

# The latest result stands in docs/accuracy.md: make lab score SCORE_OPTIONS='--markdown docs/accuracy.md'
score: $(PROGRAM)
	$(PYTHON) tests/lab/score.py --lab $(LAB) --fwsniff $(PROGRAM) --pairs --by-rule $(SCORE_OPTIONS)

# --- the benchmark: how fast it is -----------------------------------------------------------------

# Several GB of made-up captures; BENCH_OPTIONS='--scale 0.1' takes a tenth. The latest result stands
# in docs/performance.md. What peers are missing is told; make deps-bench installs them.
.PHONY: bench deps-bench
deps-bench:
	$(call install_missing,$(BENCH_PACKAGES))
bench: $(PROGRAM) $(BENCHES)
	$(PYTHON) tests/bench/bench.py --build $(BUILD) --fwsniff $(PROGRAM) $(BENCH_OPTIONS)

# Do the weights hold on a topology that nobody looked at while choosing them? After score, with
# LEAVE_OUT_OPTIONS='--markdown docs/accuracy.md'
.PHONY: leave-out
leave-out: $(PROGRAM)
	$(PYTHON) tests/lab/leave_out.py --lab $(LAB) --fwsniff $(PROGRAM) $(LEAVE_OUT_OPTIONS)

# --- many captures --------------------------------------------------------------------------------

# Captures to try fwsniff batch on: any folders. The lab's are made by `make lab`.
BATCH_CAPTURES ?= $(LAB) tests/corpus/captures samples
.PHONY: bench-batch slurm
bench-batch: $(PROGRAM)
	$(PYTHON) tests/batch/bench.py --fwsniff $(PROGRAM) $(BENCH_OPTIONS) $(BATCH_CAPTURES)

# A Slurm cluster of one machine, made by the test and removed (docs/scale.md). As root.
slurm: $(PROGRAM)
	$(call install_missing,$(SLURM_PACKAGES))
	$(PYTHON) tests/batch/test_slurm.py --fwsniff $(PROGRAM) $(BATCH_CAPTURES)

# --- looking after the code -----------------------------------------------------------------------

OUR_C = $(shell git ls-files '*.c' '*.h' 2>/dev/null || find analyzer dissectors tests -name '*.[ch]')

lint: deps-lint
	clang-format --dry-run -Werror $(OUR_C)
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
	    --suppress=missingIncludeSystem --error-exitcode=1 -I. \
	    --include=/usr/include/cjson/cJSON.h analyzer dissectors
	clang-tidy --quiet $(LIB_SOURCES) analyzer/main.c -- $(ALL_CFLAGS)

format:
	clang-format -i $(OUR_C)

# Fuzzers need clang. make fuzz FUZZ_SECONDS=60 runs each for that long over tests/fuzz/seeds.
FUZZ_SECONDS ?= 60
fuzz:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)-fuzz CC=clang CFLAGS='-O1 -g' \
	    SANITIZE='-fsanitize=address,undefined,fuzzer-no-link' fuzz-run
.PHONY: fuzz-run
fuzz-run: $(FUZZERS)
	@for fuzzer in $(FUZZERS); do \
	    mkdir -p $$fuzzer.corpus; \
	    $$fuzzer -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 \
	        -artifact_prefix=$$fuzzer.crash- $$fuzzer.corpus $(wildcard samples) || exit 1; \
	done
$(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(call say,LINK    $@)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS) -lm

# --- installing -----------------------------------------------------------------------------------

install: all
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/fwsniff
	install -D -m 644 docs/fwsniff.1 $(DESTDIR)$(PREFIX)/share/man/man1/fwsniff.1
	install -D -m 755 packaging/slurm/fwsniff-slurm $(DESTDIR)$(PREFIX)/bin/fwsniff-slurm
	install -d $(DESTDIR)$(UNIT_DIR)
	sed 's|@PREFIX@|$(PREFIX)|' packaging/systemd/fwsniff-batch.service \
	    > $(DESTDIR)$(UNIT_DIR)/fwsniff-batch.service
	install -m 644 packaging/systemd/fwsniff-batch.timer $(DESTDIR)$(UNIT_DIR)/fwsniff-batch.timer
	cd rules && find . -type f -exec install -D -m 644 {} $(abspath $(DESTDIR)$(PREFIX))/share/fwsniff/rules/{} \;

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/fwsniff $(DESTDIR)$(PREFIX)/bin/fwsniff-slurm \
	    $(DESTDIR)$(PREFIX)/share/man/man1/fwsniff.1 $(DESTDIR)$(UNIT_DIR)/fwsniff-batch.service \
	    $(DESTDIR)$(UNIT_DIR)/fwsniff-batch.timer
	rm -rf $(DESTDIR)$(PREFIX)/share/fwsniff

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz $(BUILD)-clang

help:
	@sed -n '3,7p' Makefile | sed 's/^# *//'
	@echo 'make test-run   the tests, without looking for packages (TEST_OPTIONS="--only live -v")'
	@echo 'make asan       the tests under address and undefined-behaviour sanitizers'
	@echo 'make lab        play the whole lab and check it; make score: score fwsniff on it'
	@echo 'make bench      how fast it is, against libpcap and others (BENCH_OPTIONS="--scale 0.1")'
	@echo 'make bench-pairs  two captures of a million packets, together and one after the other'
	@echo 'make leave-out  do the weights hold on a topology left out while choosing them?'
	@echo 'make bench-batch  fwsniff batch on many captures (BATCH_CAPTURES="DIR ..."); make slurm: on Slurm'
	@echo 'make lint       clang-format, cppcheck, clang-tidy'
	@echo 'make fuzz       each fuzzer for FUZZ_SECONDS'
	@echo 'make deps       install what building, testing and linting need'
	@echo 'make install    PREFIX=/usr/local DESTDIR='
