# `make demo` shows Ringback at work, `make test` proves it. Both set up what they need.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
# Some machines forbid Python its bytecode cache; every start would take seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup tools demo serve test coverage check lint bench crash docs lock clean

help:
	@echo "make demo    see messages go out and webhooks come back (under a minute the first time)"
	@echo "make serve   run the server on ./ringback-data"
	@echo "make test    set up, then run all tests"
	@echo "make check   lint, types, import rules, tests"
	@echo "make bench   measure [SCENARIO=name] [RUNS=n] [N=n]"
	@echo "make crash   kill the server again and again and look for a lost event [KILLS=n] [SEED=n]"

setup: $(STAMP)

# uv comes first, from its own hashed lock; it then lays the environment out exactly as locked.
$(STAMP): requirements/dev.txt requirements/uv.txt pyproject.toml
	@echo "Setting up .venv (the first time takes under a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
		echo "python3 cannot make a virtual environment: install Python 3.11 or newer with venv (Debian: apt-get install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt requirements/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# Programs of the system that tests use as a user would.
tools:
	@command -v curl >/dev/null || { apt-get update -qq && apt-get install -y -qq curl; } || { \
		echo "the tests need curl, and it cannot be installed here: install it, then run 'make test' again"; exit 1; }

demo: setup
	@$(BIN)/python -m phonesim.demo

serve: setup
	@$(BIN)/ringback serve

# The pure floors first: they are quick, and every line and branch of them is covered.
test: setup tools
	$(BIN)/pytest --quiet tests/domain tests/wire --cov=ringback.domain --cov=ringback.wire --cov-branch --cov-report=term:skip-covered --cov-fail-under=100
	$(BIN)/pytest --quiet --ignore=tests/domain --ignore=tests/wire

# All floors, the servers that tests start included; slower for the counting.
coverage: setup tools
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --quiet
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=95

check: lint test

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	@$(BIN)/python -m bench $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(RUNS),--runs $(RUNS)) $(if $(N),-n $(N))

crash: setup
	@$(BIN)/python -m bench.crash $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

docs: setup
	@$(BIN)/python docs/generate.py

lock: setup
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --output-file requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --group dev --output-file requirements/dev.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header requirements/uv.in --output-file requirements/uv.txt

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
