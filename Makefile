# The front door. Every goal does its own set-up, and is only a name for commands that work
# without make as well: `make -n GOAL` prints them.

PRESET ?= default
BUILD  := build$(if $(filter-out default,$(PRESET)),-$(PRESET))
JOBS   ?= $(shell nproc)
# `make SETUP=true test` leaves the installed packages alone.
SETUP  ?= scripts/setup
prefix ?= /usr/local
SEEDS  ?= 20000
ORDERS ?= 1000000

sources = $(shell find lib cli examples tests -name '*.hpp' -o -name '*.cpp')

.DEFAULT_GOAL := help
.PHONY: help setup demo build install test crash kills bench migration soak mutants fresh format layout tidy cppcheck sanitize coverage clean
.DELETE_ON_ERROR:

##@ Start here
help: ## show this list
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile
	@printf '\nOptions: PRESET=debug|asan|tsan|clang  JOBS=n  T=regex (tests to run)  prefix=DIR  SETUP=true (no packages)\n'

demo: build ## show one whole dry run and its repeat, explained step by step
	TRADEGUARD=$(BUILD)/tradeguard scripts/demo

##@ Build
build: ## build the command line, build/tradeguard
	@$(SETUP) build
	@# An existing build keeps its tests; a new one does not ask for what only tests need.
	@test -e $(BUILD)/build.ninja || cmake --preset $(PRESET) -DBUILD_TESTING=OFF
	cmake --build $(BUILD) --parallel $(JOBS) --target tradeguard

install: ## install command line, libraries and headers below prefix=/usr/local
	@$(SETUP) build
	@# Of a build of its own: installing needs every room, but nobody's tests.
	cmake --preset $(PRESET) -B $(BUILD)-install -DBUILD_TESTING=OFF -DCMAKE_BUILD_TYPE=Release
	cmake --build $(BUILD)-install --parallel $(JOBS)
	cmake --install $(BUILD)-install --prefix $(prefix) --strip

setup: ## install the Debian packages for building and testing; quick when nothing is missing
	@$(SETUP) build test

clean: ## remove every build
	rm -rf build build-*

##@ Check
test: setup ## build everything and run all tests, with a PostgreSQL 15 of their own
	@test -e $(BUILD)/build.ninja && grep -q '^BUILD_TESTING:BOOL=ON' $(BUILD)/CMakeCache.txt || \
	  cmake --preset $(PRESET) -DBUILD_TESTING=ON
	cmake --build $(BUILD) --parallel $(JOBS)
	@# Twice as many as there are cores: most tests wait for a disk or for each other.
	scripts/with-postgres ctest --test-dir $(BUILD) --no-tests=error --output-on-failure \
	  --parallel $$(($(JOBS) * 2)) $(if $(T),-R '$(T)')

crash: setup ## the whole crash search, each pair of faults on every store; hours on PostgreSQL
	@test -e $(BUILD)/build.ninja && grep -q '^BUILD_TESTING:BOOL=ON' $(BUILD)/CMakeCache.txt || \
	  cmake --preset $(PRESET) -DBUILD_TESTING=ON
	cmake --build $(BUILD) --parallel $(JOBS) --target crash_tests
	TMPDIR=/dev/shm TRADEGUARD_TEST_PG_FSYNC=off TRADEGUARD_TEST_CRASHES=all \
	  scripts/with-postgres $(BUILD)/bin/crash_tests

kills: setup ## kill the binary before and behind every call that writes, sends or syncs; half an hour
	@test -e $(BUILD)/build.ninja && grep -q '^BUILD_TESTING:BOOL=ON' $(BUILD)/CMakeCache.txt || \
	  cmake --preset $(PRESET) -DBUILD_TESTING=ON
	cmake --build $(BUILD) --parallel $(JOBS) --target kills_tests
	TRADEGUARD_TEST_KILLS=all scripts/with-postgres $(BUILD)/bin/kills_tests 'killed at any call*'

bench: setup ## measure what the design promises about speed and size, and print how
	@test -x tests/bench/run || { echo "make bench: tests/bench/run is missing, nothing was measured." >&2; exit 1; }
	tests/bench/run

migration: setup ## migrate a store of ORDERS=1000000 orders from every older version, on SQLite and PostgreSQL
	@test -e $(BUILD)/build.ninja && grep -q '^BUILD_TESTING:BOOL=ON' $(BUILD)/CMakeCache.txt || \
	  cmake --preset $(PRESET) -DBUILD_TESTING=ON
	cmake --build $(BUILD) --parallel $(JOBS) --target stores_tests
	TRADEGUARD_MIGRATION_ORDERS=$(ORDERS) scripts/with-postgres $(BUILD)/bin/stores_tests --durations yes \
	  'a long store is migrated*'

soak: setup ## tell SEEDS=20000 simulated histories, or three minutes of them, and report
	@test -e $(BUILD)/build.ninja && grep -q '^BUILD_TESTING:BOOL=ON' $(BUILD)/CMakeCache.txt || \
	  cmake --preset $(PRESET) -DBUILD_TESTING=ON
	cmake --build $(BUILD) --parallel $(JOBS) --target simulation
	SEEDS=$(SEEDS) scripts/soak $(BUILD)

mutants: setup ## break the product in every place of tests/sim/mutants and see each break caught
	scripts/mutants

fresh: ## run `make demo` and `make test` of a clean clone in a bare Debian 12 (needs root)
	scripts/fresh

format: ## lay the sources out as .clang-format says
	@$(SETUP) check
	@clang-format -i $(sources)

layout: ## see that `make format` would change nothing
	@$(SETUP) check
	@clang-format --dry-run -Werror $(sources)

tidy: build ## let clang-tidy look for mistakes; any finding is an error
	@$(SETUP) tools
	run-clang-tidy -quiet -p $(BUILD) -j $(JOBS) '$(CURDIR)/(lib|cli)/'

cppcheck: ## let cppcheck look for mistakes; any finding is an error
	@$(SETUP) check
	scripts/cppcheck

sanitize: setup ## run the tests under address, undefined and thread sanitizers; long
	JOBS=$(JOBS) scripts/sanitize

coverage: setup ## say which lines and branches the tests run; core, cycle, sql and wires have a mark
	@$(SETUP) tools
	JOBS=$(JOBS) scripts/coverage
