# Two commands do everything on a fresh machine: `make demo` shows Ringback at work, `make test` proves it.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
# Some machines forbid Python its bytecode cache; every start would take seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo serve test check lint lock bench crash clean

setup: $(STAMP)

# uv itself comes first, from its own hashed lock; it then lays the environment out exactly as locked.
$(STAMP): requirements/dev.txt requirements/uv.txt pyproject.toml
	@echo "Setting up .venv (the first time takes under a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { \
		echo "python3 cannot make a virtual environment: install Python 3.11 or newer with venv (Debian: apt-get install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt requirements/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

lock:
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --output-file requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml --group dev --output-file requirements/dev.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header requirements/uv.in --output-file requirements/uv.txt

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
