# make demo PROMPT="…"   set everything up, draw a picture, end with its path
# make test              set everything up, run the tests (all but the slow ones and those that need a GPU)
# make check             format, lint, types, import contracts, fast tests, notebooks (ruff reads .ipynb too)

# Any Python from 3.11 on: `make demo PYTHON=python3.12` chooses one.
PYTHON = $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
VENV := .venv
BIN := $(VENV)/bin

# Not `?=`: some shells have a variable PROMPT of their own.
PROMPT = una manzana roja, estilo 3d, fondo azul
# The sentence reaches the shell as a variable, unread by make or by the shell: it may hold any sign.
unexport PROMPT
export COLABSD_PROMPT := $(value PROMPT)

# glibc gives large tensors back to the system and faults them in again: drawing on a processor is much slower without.
export MALLOC_MMAP_THRESHOLD_ := 34359738368
export MALLOC_TRIM_THRESHOLD_ := 34359738368

.PHONY: demo test test-fast test-slow check lint bench clean

demo: $(VENV)/.package
	@$(BIN)/colabsd generate -- "$$COLABSD_PROMPT"

test: $(VENV)/.development
	$(BIN)/python -m pytest

test-fast: $(VENV)/.development
	$(BIN)/python -m pytest -m "not integration and not slow and not gpu"

test-slow: $(VENV)/.development
	$(BIN)/python -m pytest -m "slow and not gpu"

check: lint test-fast

lint: $(VENV)/.development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.development
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) build dist colabsd.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Installed in place, so that a change of the code needs no new installation; a change of the bounds does.
$(VENV)/.package: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/pip install --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.development: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/pip install --disable-pip-version-check --editable ".[dev]"
	@touch $@ $(VENV)/.package

$(BIN)/python:
	$(if $(PYTHON),,$(error colabsd needs Python 3.11 or newer: install it, or name it with PYTHON=…))
	@echo "Setting up $(VENV) with $(PYTHON): once, some minutes (torch is large)."
	$(PYTHON) -m venv $(VENV)
