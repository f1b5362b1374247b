# SPDX-License-Identifier: Apache-2.0
# Short names for what meson and ninja do. `make help` lists them.
BUILD ?= build
ASAN  ?= build-asan
FUZZ  ?= build-fuzz
TSAN  ?= build-tsan
MESON_FLAGS ?=
PREFIX ?= /usr/local
WERROR = $(if $(CI),--werror,)
FUZZ_SECONDS ?= 30
# Where Debian keeps libraries; meson finds that out only where dpkg-dev is installed.
LIBDIR = $(if $(wildcard /etc/debian_version),$(addprefix -Dlibdir=lib/,$(shell gcc -print-multiarch)))

.PHONY: all help run check check-slow with-tests asan asan-build tsan fuzz fuzz-build bench soak soak-api lint format install uninstall clean

all: $(BUILD)/build.ninja ## build everything: build/shale, libshale static and shared, the tests
	@ninja -C $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 18

$(BUILD)/build.ninja:
	@tools/install-deps build
	meson setup $(BUILD) $(LIBDIR) $(WERROR) $(MESON_FLAGS)

run: ## the main job on real input: pull, list, inspect, run, remove
	@tools/install-deps build run
	@$(MAKE) --no-print-directory all
	@tools/tour

check: ## build and pass all tests
	@tools/install-deps build run test
	@$(MAKE) --no-print-directory with-tests
	@tools/run-tests $(BUILD)

check-slow: ## and those that take minutes or gigabytes
	@SHALE_SLOW=1 $(MAKE) --no-print-directory check

# A folder that `make run` has set up may lack the unit tests: cmocka was not there yet.
with-tests: $(BUILD)/build.ninja
	@grep -qs '^tests = enabled' $(BUILD)/meson-private/cmd_line.txt || meson setup --reconfigure $(BUILD) -Dtests=enabled
	@ninja -C $(BUILD)

asan: asan-build ## the tests under AddressSanitizer and UBSan, with fault hooks
	@tools/install-deps build run test
	@tools/run-tests --sanitized $(ASAN)

# -O1 and -g1: half as much to compile, and stacks nearer to the source. Warnings are those of -O2, in the build before.
asan-build:
	@tools/install-deps build test
	@[ -f $(ASAN)/build.ninja ] || meson setup $(ASAN) -Dtests=enabled -Doptimization=1 -Dc_args=-g1 -Db_sanitize=address,undefined -Dfault=true
	@ninja -C $(ASAN)

tsan: ## those tests that run threads, under ThreadSanitizer
	@tools/install-deps build test
	@[ -f $(TSAN)/build.ninja ] || meson setup $(TSAN) $(WERROR) -Db_sanitize=thread
	@ninja -C $(TSAN)
	@meson test -C $(TSAN) --no-rebuild --print-errorlogs base/threads store/store image/image meta/meta http/http remote/source remote/blob remote/auth

fuzz: fuzz-build ## every fuzz target for FUZZ_SECONDS of processor time (default 30)
	@tools/run-fuzz $(FUZZ) $(FUZZ_SECONDS)

fuzz-build:
	@tools/install-deps build fuzz
	@[ -f $(FUZZ)/build.ninja ] || CC=clang meson setup $(FUZZ) -Dfuzz=true -Dtests=disabled -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C $(FUZZ) fuzz-targets

bench: ## the figures, as ratios against named peers
	@tools/install-deps build run bench
	@$(MAKE) --no-print-directory all
	@bench/run
	@bench/archive
	@bench/commands
	@bench/changes
	@bench/build
	@bench/registry
	@bench/daemon

soak: ## 15 minutes of concurrent pulls, runs and removes
	@tools/install-deps build run bench
	@$(MAKE) --no-print-directory all
	@bench/soak

soak-api: ## an hour of clients of all kinds at the daemon, then 500 `docker run` at once
	@tools/install-deps build run bench
	@$(MAKE) --no-print-directory all
	@bench/soak-daemon
	@bench/soak-daemon parallel

lint: ## floors, headers, docs, symbols, sizes, format, shellcheck, clang-tidy
	@tools/install-deps build lint
	@$(MAKE) --no-print-directory all
	@tools/lint $(BUILD)

format: ## clang-format on the whole tree
	@find src include tests bench -name '*.[ch]' -exec clang-format -i {} +

install: $(BUILD)/build.ninja ## binary, libraries, headers, man pages, completions; PREFIX=/usr/local DESTDIR=
	@grep -qs '^prefix = $(PREFIX)$$' $(BUILD)/meson-private/cmd_line.txt || meson configure $(BUILD) -Dprefix=$(PREFIX)
	@ninja -C $(BUILD)
	@meson install -C $(BUILD) --no-rebuild
	@[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig
	@echo "To remove it again: make uninstall"

uninstall: ## remove what the last make install has put there
	@tools/uninstall $(BUILD)

clean: ## remove the build folders
	rm -rf $(BUILD) $(ASAN) $(FUZZ) $(TSAN)
