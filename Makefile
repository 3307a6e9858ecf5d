# Two commands: `make demo` and `make test`. Each makes what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check lint types contracts bench screenshots clean

demo: $(READY)
	@$(BIN)/python -m examples.flights.demo

test: $(READY) chromium
	@$(BIN)/python -m pytest $(ARGS)

check: lint types contracts

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(READY)
	@$(BIN)/mypy

contracts: $(READY)
	@$(BIN)/lint-imports

bench: $(READY)
	@$(BIN)/python -m bench

screenshots: $(READY) chromium
	@$(BIN)/python -m examples.flights.screenshots

.PHONY: chromium
chromium:
	@sh scripts/chromium.sh

$(READY): pyproject.toml constraints.txt
	@echo "Preparing $(VENV) (once; about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,demo]'
	@touch $@

clean:
	rm -rf $(VENV) plimsoll-data .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
