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

.PHONY: demo test test-fast test-slow colab-test colab-notebooks browser-test notebooks check lint bench clean

demo: $(VENV)/.package
	@$(BIN)/colabsd generate -- "$$COLABSD_PROMPT"

test: $(VENV)/.development
	$(BIN)/python -m pytest

test-fast: $(VENV)/.development
	$(BIN)/python -m pytest -m "not integration and not slow and not gpu"

test-slow: $(VENV)/.development
	$(BIN)/python -m pytest -m "slow and not gpu"

# The notebooks and the fast tests in a replica of Colab's image: `make colab-test COLAB=2026.04` for an older one,
# `make colab-notebooks` for the notebooks alone, as continuous integration does.
COLAB = 2026.08
COLAB_VENV = .venv-colab-$(COLAB)

colab-test:
	$(PYTHON) tests/colab_replica.py $(COLAB) --venv $(COLAB_VENV)

colab-notebooks:
	$(PYTHON) tests/colab_replica.py $(COLAB) --venv $(COLAB_VENV) --notebooks

# The notebook in a real JupyterLab and a real browser; needs a Chromium (Debian: apt install chromium). Screenshots go to
# the folder that COLABSD_SCREENSHOTS names.
BROWSER_VENV = .venv-browser

browser-test: $(BROWSER_VENV)/.made
	$(BROWSER_VENV)/bin/python -m pytest -m slow tests/browser

$(BROWSER_VENV)/.made: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(BROWSER_VENV)
	$(BROWSER_VENV)/bin/pip install --disable-pip-version-check --editable ".[dev]" "jupyterlab>=4.4,<5" "ipywidgets>=8.1" "playwright>=1.50"
	@touch $@

# The notebooks in both languages from their source.
notebooks:
	$(PYTHON) notebooks/build.py

check: lint test-fast

lint: $(VENV)/.development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.development
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .venv-* build dist colabsd.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

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
