# The verbs. Meson builds (tools/build), tools/setup installs what is missing.
#
#   make                      build/release/levriero
#   make run [ONCE=1]         the server, and a real file through it and back, with timings
#   make test                 all tests; the last line counts
#   make check                all that is asked of a change
#   make sim SEED=42          replay one simulated life
#   make fuzz [FOR=60]        every fuzz target, that many seconds each
#   make crash [ROUNDS=200]   kill the real server under load, and compare
#   make soak [MESSAGES=10000000]   so many through the library, memory flat
#   make campaign NAME=x FOR=600   simulate fresh seeds, note the result in docs/reliability.md
#   make bench                ratios to the bare limits of this machine, into docs/performance.md
#   make install [DESTDIR=]   the binary, the client library, its header and pages

all:
	@tools/setup build
	@tools/build release levriero library manual_page

run: all
	@tools/run $(if $(ONCE),--once)

test:
	@tools/setup test
	@tools/run_tests

check:
	@tools/setup check
	@tools/check

sim:
	@tools/setup build
	@tests/sim/run $(SEED)

fuzz:
	@tools/setup check
	@tests/fuzz/run $(or $(FOR),60)

crash: all
	@tools/setup test
	@tests/crash/run $(or $(ROUNDS),200)

soak: all
	@tools/setup test
	@tools/build release tests/library/library_load
	@LIBRARY_MESSAGES=$(or $(MESSAGES),10000000) tests/e2e/run 'memory stays flat over many'

campaign:
	@tools/setup build
	@tools/campaign "$(NAME)" "$(FOR)"

bench:
	@tools/setup test
	@tools/build release
	@tests/measure/run --write docs/performance.md

install: all
	@meson install -C build/release --no-rebuild

clean:
	rm -rf build

.PHONY: all run test check sim fuzz crash soak campaign bench install clean
