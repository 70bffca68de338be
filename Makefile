# sekisho: `make run` starts a whole gateway on loopback, `make test` runs every test. Both install what is missing.

PYTHON ?= python3
# Files that are tested at a time; half of the tests wait for an MTA, a database or a worker.
PYTEST_WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FUZZ_STAMP := $(VENV)/.fuzz-installed
RUN_PACKAGES := ca-certificates gcc libarchive13 libmilter-dev postfix python3-dev python3-venv
TEST_PACKAGES := $(RUN_PACKAGES) bind9 bind9-utils dnsdist miltertest minisign postgresql squid sudo systemd unbound

.PHONY: run test bench fuzz fuzz-minute lint clean packages test-packages lock

run: packages $(STAMP)
	$(BIN)/sekisho milter trial $(if $(ONCE),--once) $(if $(DIRECTORY),--directory $(DIRECTORY))

test: test-packages $(STAMP) lint fuzz-minute
	$(BIN)/pytest --numprocesses $(PYTEST_WORKERS) --dist loadfile $(PYTEST_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=tests/mta:tests/bench:tests/fuzz:tests/cases $(BIN)/mypy core/sekisho_core inspection/sekisho_inspection rules/sekisho_rules quarantine/sekisho_quarantine \
	    feeds/sekisho_feeds milter/sekisho_milter tests

packages:
	setup/packages $(RUN_PACKAGES)

test-packages:
	setup/packages $(TEST_PACKAGES)

# Anew whenever the pinned versions or the package's own description change.
$(STAMP): requirements.lock pyproject.toml | packages
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(FUZZ_STAMP): setup/fuzz.lock $(STAMP)
	if $(BIN)/pip install --quiet --require-hashes --only-binary :all: -r setup/fuzz.lock; then touch $@; \
	else echo "atheris has no wheel for this Python or machine: nothing is fuzzed"; test -z "$(CI)"; fi

lock:
	setup/lock

clean:
	rm -rf $(VENV) .run .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Microseconds by stage beside stock email (STAGES_ARGS="--mails 20 --json"); attachments by type against their budgets,
# with and without the cache (ATTACHMENTS_ARGS="--kinds pdf"); import, compile, swap and match of up to a million
# indicators (FEEDS_ARGS="--sizes 10000"); then one run with one Postfix: no milter, an empty pymilter, sekisho with a small and a large index (BENCH_ARGS="--mails 100 --rounds 1").
bench: test-packages $(STAMP)
	$(BIN)/python tests/bench/stages.py $(STAGES_ARGS)
	$(BIN)/python tests/bench/attachments.py $(ATTACHMENTS_ARGS)
	$(BIN)/python tests/bench/feeds.py $(FEEDS_ARGS)
	$(BIN)/python tests/bench/mta.py $(BENCH_ARGS)

# Coverage-guided fuzzing of every reader, or of TARGETS, for SECONDS together; crashers are left in .run/fuzz/TARGET.
fuzz: $(FUZZ_STAMP)
	test ! -e $(FUZZ_STAMP) || $(BIN)/python tests/fuzz/drive.py --seconds $(or $(SECONDS),60) $(TARGETS)

# The part of it that belongs to every test.
fuzz-minute: $(FUZZ_STAMP)
	test ! -e $(FUZZ_STAMP) || $(BIN)/python tests/fuzz/drive.py --seconds 60 --seeds 150 --directory .run/fuzz-minute --fresh
