# SPDX-License-Identifier: Apache-2.0
# Short names for what meson and ninja do. `make help` lists them.
BUILD ?= build
ASAN  ?= build-asan
FUZZ  ?= build-fuzz
MESON_FLAGS ?=
WERROR = $(if $(CI),--werror,)
FUZZ_SECONDS ?= 30

.PHONY: all help deps run check cli-tests asan fuzz bench soak lint format install clean

all: $(BUILD)/build.ninja ## build everything: build/shale, libshale, man pages, completions
	@ninja -C $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 18

$(BUILD)/build.ninja:
	@tools/install-deps build
	meson setup $(BUILD) $(WERROR) $(MESON_FLAGS)

run: ## the main job on real input: pull, list, inspect, run, remove
	@tools/install-deps build run
	@$(MAKE) --no-print-directory all
	@tools/tour

check: ## build and pass all tests
	@tools/install-deps build run test
	@$(MAKE) --no-print-directory all
	@tools/run-tests $(BUILD)

asan: ## the tests under AddressSanitizer and UBSan, with fault hooks
	@tools/install-deps build run test
	@[ -f $(ASAN)/build.ninja ] || meson setup $(ASAN) $(WERROR) -Db_sanitize=address,undefined -Dfault=true
	@ninja -C $(ASAN)
	@tools/run-tests $(ASAN)

fuzz: ## every fuzz target for FUZZ_SECONDS (default 30)
	@tools/install-deps build fuzz
	@[ -f $(FUZZ)/build.ninja ] || CC=clang meson setup $(FUZZ) -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C $(FUZZ)
	@tools/run-fuzz $(FUZZ) $(FUZZ_SECONDS)

bench: ## the figures, as ratios against named peers
	@tools/install-deps build run bench
	@$(MAKE) --no-print-directory all
	@bench/run

soak: ## 15 minutes of concurrent pulls, runs and removes
	@tools/install-deps build run bench
	@$(MAKE) --no-print-directory all
	@bench/soak

lint: ## format, clang-tidy, floors, headers, sizes
	@tools/install-deps build lint
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD) $(WERROR) $(MESON_FLAGS)
	@tools/lint $(BUILD)

format: ## clang-format on the whole tree
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: all ## DESTDIR=… PREFIX via meson -Dprefix
	@meson install -C $(BUILD) --no-rebuild

clean: ## remove the build folders
	rm -rf $(BUILD) $(ASAN) $(FUZZ)
