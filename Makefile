# A short front for Meson and Ninja. B=DIR builds somewhere else (DIR, DIR-asan, DIR-clang, DIR-bench).
B ?= build
PREFIX ?= /usr/local

SANITIZED = -Ddebug=true -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false

.PHONY: all build demo check check-deep check-threads mutants bench fuzz clean install

all: build

# What users run: optimised, without the tests.
build: $(B)/build.ninja
	@ninja -C $(B)

demo:
	@tools/setup build
	@$(MAKE) --no-print-directory build
	@ninja -C $(B) tests/emulator/program/emulator
	@if [ -x tools/demo ]; then NILO_PROGRAM=$(B)/nilometer tools/demo; else $(B)/nilometer --version; fi

# Builds both ways, runs the fast tests under AddressSanitizer and UndefinedBehaviorSanitizer.
check:
	@tools/setup check
	@$(MAKE) --no-print-directory build $(B)-asan/build.ninja
	@ninja -C $(B)-asan
	@tools/run-tests check $(B)-asan fast

# The same with the other compiler, and the long tests.
check-deep:
	@tools/setup check
	@$(MAKE) --no-print-directory $(B)-clang/build.ninja
	@ninja -C $(B)-clang
	@tools/run-tests check-deep $(B)-clang deep

# Our figures beside the peers', in one run; tables on the terminal, everything in bench/results. docs/benchmarks.md says how to read them.
ROUNDS ?= 5
V ?= 1000
D ?= 100
bench:
	@tools/setup bench
	@$(MAKE) --no-print-directory $(B)-bench/build.ninja
	@ninja -C $(B)-bench
	@bench/run --build $(B)-bench --rounds $(ROUNDS) --videos $(V) --days $(D)

# Each target of fuzz/ for FUZZ_SECONDS, from its corpus; what it finds anew stays in $(B)-fuzz/found.
FUZZ_SECONDS ?= 60
fuzz:
	@tools/setup check
	@$(MAKE) --no-print-directory $(B)-fuzz/build.ninja
	@ninja -C $(B)-fuzz
	@tools/fuzz $(B)-fuzz $(FUZZ_SECONDS)

# The server's tests under ThreadSanitizer.
check-threads:
	@tools/setup check
	@$(MAKE) --no-print-directory $(B)-tsan/build.ninja
	@ninja -C $(B)-tsan
	@tools/run-tests check-threads $(B)-tsan api

# Bugs planted one at a time, each of which the simulation has to find; a table. Some minutes.
mutants:
	@tools/setup check
	@$(MAKE) --no-print-directory $(B)-asan/build.ninja
	@ninja -C $(B)-asan nilometer tests/test_sim_many
	@tests/sim/mutants --run --build $(B)-asan

install: build
	@meson configure $(B) -Dprefix=$(PREFIX)
	@meson install -C $(B)

clean:
	rm -rf $(B) $(B)-asan $(B)-clang $(B)-fuzz $(B)-tsan $(B)-bench

$(B)/build.ninja:
	@command -v meson >/dev/null || { echo "meson is missing: run tools/setup build (or make demo)" >&2; exit 1; }
	@meson setup $(B) --prefix=$(PREFIX) --buildtype=debugoptimized -Dtests=disabled

$(B)-asan/build.ninja:
	@CC=gcc meson setup $(B)-asan $(SANITIZED) -Dtests=enabled

$(B)-clang/build.ninja:
	@CC=clang meson setup $(B)-clang $(SANITIZED) -Dtests=enabled

$(B)-fuzz/build.ninja:
	@CC=clang meson setup $(B)-fuzz $(SANITIZED) -Dtests=disabled -Dfuzz=true

$(B)-bench/build.ninja:
	@meson setup $(B)-bench --buildtype=debugoptimized -Dtests=disabled -Dbench=true

$(B)-tsan/build.ninja:
	@CC=clang meson setup $(B)-tsan -Ddebug=true -Doptimization=1 -Db_sanitize=thread -Db_lundef=false -Dtests=enabled
