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
CFLAGS  ?= -O2 -g
PYTHON  ?= /usr/bin/python3

# What it is made of: Debian package : pkg-config name. README.md says what each is for.
BUILD_PACKAGES := gcc make pkg-config libpcap-dev libndpi-dev libcjson-dev libarchive-dev libcap-ng-dev
TEST_PACKAGES  := libcmocka-dev python3 python3-jsonschema tshark tcpdump iproute2 iptables nftables \
                  iputils-ping ethtool clang libclang-rt-14-dev
LINT_PACKAGES  := clang-tidy clang-format cppcheck
MODULES        := libpcap libndpi libcjson libarchive libcap-ng

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
ifdef WERROR
WARNINGS += -Werror
endif

# Headers of libraries are not ours to warn about.
PKG_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(MODULES)))
PKG_LIBS   := $(shell pkg-config --libs $(MODULES))

ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) -I. $(PKG_CFLAGS) $(SANITIZE) -pthread \
             -DFWSNIFF_VERSION='"$(VERSION)"' \
             -DFWSNIFF_DATA_DIR='"$(PREFIX)/share/fwsniff"'
ALL_LDFLAGS = $(LDFLAGS) $(SANITIZE) -pthread

LIB_SOURCES  := $(filter-out analyzer/main.c,$(wildcard analyzer/*.c analyzer/*/*.c dissectors/*.c))
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
TOOL_SOURCES := $(wildcard tests/tools/*.c)
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)

LIBRARY := $(BUILD)/libfwsniff.a
PROGRAM := $(BUILD)/fwsniff
UNITS   := $(UNIT_SOURCES:%.c=$(BUILD)/%)
TOOLS   := $(TOOL_SOURCES:%.c=$(BUILD)/%)
FUZZERS := $(FUZZ_SOURCES:%.c=$(BUILD)/%)
OBJECT   = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

.PHONY: all deps demo test test-unit test-run asan lint format fuzz install uninstall clean help
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAM)

$(PROGRAM): $(call OBJECT,analyzer/main.c) $(LIBRARY)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

$(LIBRARY): $(call OBJECT,$(LIB_SOURCES))
	@rm -f $@
	@$(AR) rcs $@ $^

# The flags are part of what an object depends on: a changed CFLAGS or VERSION rebuilds.
$(BUILD)/obj/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS)' > $@
FORCE:

$(BUILD)/obj/%.o: %.c $(BUILD)/obj/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka -lm

$(BUILD)/tests/tools/%: $(BUILD)/obj/tests/tools/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
