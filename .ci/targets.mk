# Targets that people call. How things are built stands in the Makefile.
PYTEST := /usr/bin/python3 -m pytest -q -p no:cacheprovider
FUZZ_SECONDS ?= 150
POWERLOSS_SEEDS ?= 500
KILLS ?= 60
SOAK_FUZZ_SECONDS ?= 1800
export FUZZ_SECONDS POWERLOSS_SEEDS KILLS
SOURCES := $(shell git ls-files '*.c' '*.h' 2>/dev/null)
SUITE   := .ci/suite
SUB     := $(MAKE) --no-print-directory

.PHONY: deps demo check check-fast check-suites soak bench bench-rivals bench-scoring bench-detect bench-reports fuzz layers lint format-check tidy cppcheck style install
help: ## print this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | column -t -s "$$(printf '\t')"
clean: ## remove everything that was built
	rm -rf build
deps: ## install the Debian packages that are missing (root)
	@.ci/deps

demo: deps ## build, then show the main job on a daemon of its own (under a minute)
	@$(SUB) -j2 BUILD=release programs tools
	@tests/demo/demo.sh

check: deps ## all checks: build, layers, lint, unit tests under ASan, TSan and release, faults, system tests, fuzzers
	@rm -rf build/suites && mkdir -p build/suites
	@.ci/deps-rivals prometheus || echo 'check: without Prometheus the comparisons of PromQL with it are skipped'
	@.ci/deps-rivals chromium || echo 'check: without Chromium reports and the Grafana plugin are not seen in a browser'
	@$(SUB) check-suites 2>&1 | grep --line-buffered -v 'Error .* (ignored)'
	@echo; echo 'time per suite:'; cat build/suites/table; .ci/summary; ! grep -q FAILED build/suites/table
# Every suite runs, whatever the others said; the table decides. Lint and the fuzzers
# are made while the system tests wait, and these run beside the shorter ones.
# TSan sleeps a second whenever a process ends, if it is not told otherwise: tests of kills fork hundreds.
THREADLESS := scoring reports wire config manual # layers in which no two threads meet
check-suites:
	-@$(SUITE) build-release $(SUB) -j2 BUILD=release programs manual unit tools shims benches
	-@$(SUITE) layers $(SUB) BUILD=release layers
	-@$(SUITE) format $(SUB) format-check style
	-@$(SUITE) unit-release .ci/unit build/release
	-@$(SUITE) build-asan $(SUB) -j2 BUILD=asan programs unit tools
	-@$(SUITE) unit-asan env ENGINE_STEPS=700 READER_ROUNDS=60 YEARS=1 .ci/unit build/asan
	-@$(SUITE) build-tsan $(SUB) -j2 BUILD=tsan programs unit
	-@$(SUITE) unit-tsan env TSAN_OPTIONS=atexit_sleep_ms=20 POWERLOSS_SEEDS=20 ENGINE_STEPS=400 READER_ROUNDS=40 YEARS=1 .ci/unit build/tsan $(THREADLESS)
	-@(nice -n 19 $(SUITE) lint $(SUB) -j2 tidy cppcheck; nice -n 19 $(SUITE) build-fuzz $(SUB) -j2 BUILD=fuzz fuzzers) & \
	    $(SUITE) system $(PYTEST) tests/system -m "not soak"; wait
	-@nice -n 19 $(SUITE) fuzz .ci/fuzz build/fuzz & \
	    $(SUITE) system-asan env TIDEMARK_BUILD=asan $(PYTEST) -m "not soak" $(patsubst %,tests/system/test_%.py,smoke wire http); \
	    $(SUITE) grafana $(SUB) BUILD=release grafana-check; wait

check-fast: ## under a minute, for every commit: build, layers, style, unit tests, a smoke test
	@rm -rf build/suites && mkdir -p build/suites
	@$(SUITE) build-release $(SUB) -j2 BUILD=release programs unit tools
	@$(SUITE) layers $(SUB) BUILD=release layers
	@$(SUITE) format $(SUB) format-check style
	@$(SUITE) unit-release env POWERLOSS_SEEDS=50 ENGINE_STEPS=400 .ci/unit build/release
	@$(SUITE) smoke $(PYTEST) tests/system -m smoke

soak: deps ## the full counts: 200 kills, 10,000 power losses, a million connections, long fuzzing, hours of load
	@rm -rf build/suites && mkdir -p build/suites
	@$(SUITE) build $(SUB) -j2 BUILD=release programs unit tools shims
	@$(SUITE) build-tsan $(SUB) -j2 BUILD=tsan programs unit
	@$(SUITE) powerloss env POWERLOSS_SEEDS=10000 build/release/tests/unit/storage/test_powerloss
	@$(SUITE) deploys env DEPLOYS=1000 CAUSES=2000 sh -c 'for t in deploy_rates attribution; do build/release/tests/unit/scoring/test_$$t || exit 1; done'
	@$(SUITE) engine env ENGINE_SEEDS=300 ENGINE_STEPS=10000 READER_ROUNDS=3000 YEARS=10 sh -c 'for t in engine_model reader_process three_years; do build/release/tests/unit/storage/test_$$t || exit 1; done'
	@$(SUITE) system-full env KILLS=200 SOAK=1 $(PYTEST) tests/system
	@$(SUITE) grafana-versions $(SUB) BUILD=release grafana-soak
	@$(SUITE) build-fuzz $(SUB) -j2 BUILD=fuzz fuzzers
	@$(SUITE) fuzz-long env FUZZ_SECONDS=$(SOAK_FUZZ_SECONDS) .ci/fuzz build/fuzz
	@echo; echo 'time per suite:'; cat build/suites/table

bench: deps ## speed and memory as ratios in one run (QUICK=0: the full workload)
	@$(SUB) -j2 BUILD=release programs tools benches
	@/usr/bin/python3 tests/bench/bench.py

bench-rivals: deps ## tidemark beside VictoriaMetrics, Prometheus and InfluxDB of Debian, same data, same run (QUICK=0: full)
	@.ci/deps-rivals
	@$(SUB) -j2 BUILD=release programs tools benches
	@/usr/bin/python3 tests/bench/rivals.py
	@/usr/bin/python3 tests/bench/queries.py

bench-scoring: deps ## NAB and events found on labelled series (NAB_DIR, KPI_DIR, CLOUD_DIR name them)
	@$(SUB) -j2 BUILD=release build/release/tests/bench/bench_scoring
	@/usr/bin/python3 tests/bench/scoring/scoring.py

bench-detect: deps ## what scoring 100,000 series each minute costs
	@$(SUB) -j2 BUILD=release build/release/tests/bench/bench_detect
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && cd "$$folder" && $(CURDIR)/build/release/tests/bench/bench_detect

bench-reports: deps ## the weekly reports of many services: time, memory, ingest beside them (QUICK=0: 50 services)
	@$(SUB) -j2 BUILD=release programs
	@/usr/bin/python3 tests/bench/reports.py

fuzz: deps ## every fuzzer for its share of FUZZ_SECONDS
	@$(SUB) -j2 BUILD=fuzz fuzzers
	@.ci/fuzz build/fuzz

layers: programs unit ## which layer sees which
	@.ci/layers $(O)
format-check: ## clang-format leaves every file as it is
	@clang-format --dry-run --Werror $(SOURCES)
style: ## sizes of files and functions, documented prototypes (tests/support/shape.py)
	@/usr/bin/python3 tests/support/shape.py
tidy: $(patsubst %.c,build/tidy/%.ok,$(filter-out server/client/examples/%,$(filter server/%.c storage/%.c scoring/%.c reports/%.c,$(SOURCES)))) ## clang-tidy
build/tidy/server/remote/%.ok: $(addsuffix .h,$(PROTOS))
build/tidy/%.ok: %.c .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy --quiet --warnings-as-errors='*' $< -- -std=c11 -D_GNU_SOURCE -DTIDEMARK_VERSION='"x"' -I. -Ibuild/gen 2>$@.log || \
		{ cat $@.log; exit 1; }
	@touch $@
cppcheck: ## cppcheck over the sources
	@mkdir -p build/cppcheck
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --suppress=shiftTooManyBitsSigned --cppcheck-build-dir=build/cppcheck -D_GNU_SOURCE -I. \
		server storage $(wildcard scoring reports)

install: programs manual ## into DESTDIR/PREFIX, with manual, completion and the systemd unit
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include \
		$(DESTDIR)/lib/systemd/system $(DESTDIR)/etc/tidemark
	install -m 755 $(O)/tidemarkd $(O)/tidemark $(O)/tidemark-report $(DESTDIR)$(PREFIX)/bin
	for section in 1 5 8; do \
		install -d $(DESTDIR)$(PREFIX)/share/man/man$$section && \
		install -m 644 $(O)/manual/man$$section/* $(DESTDIR)$(PREFIX)/share/man/man$$section || exit 1; done
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 $(O)/manual/completions/* $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 server/client/tidemark.h $(DESTDIR)$(PREFIX)/include
	install -m 644 $(O)/libtidemark.a $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(O)/libtidemark.so $(DESTDIR)$(PREFIX)/lib/libtidemark.so.0
	ln -sf libtidemark.so.0 $(DESTDIR)$(PREFIX)/lib/libtidemark.so
	sed 's#@PREFIX@#$(PREFIX)#;s#@VERSION@#$(VERSION)#' server/client/tidemark.pc.in \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/tidemark.pc
	sed 's#@PREFIX@#$(PREFIX)#' server/tidemark.service.in > $(DESTDIR)/lib/systemd/system/tidemark.service
	test -e $(DESTDIR)/etc/tidemark/tidemark.yaml || \
		$(O)/tidemarkd --print-config > $(DESTDIR)/etc/tidemark/tidemark.yaml
