# Needs Python 3.11+ (with venv and pip) and make; everything else goes into .venv.
#
#   make demo       make a phantom patient, segment it with a shipped model, show where the results are
#   make app        open the tool in a browser
#   make test       lint, types, layering and the fast tests with coverage
#   make test-full  the same with the slow tests
#   make lint       ruff, mypy, import-linter
#   make docs       the documentation site into site/, every link checked
#   make format     let ruff rewrite the code
#   make clean      remove .venv, caches and the demo
#
# PyTorch's CPU wheels are gigabytes smaller than the default ones: where pip may reach them, set
# PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu.

PYTHON ?= python3
VENV   ?= .venv
JOBS   ?= 2
DEMO   ?= demo
# Options of the app: make app APP="--data BraTS"
APP    ?=

BIN    := $(VENV)/bin
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --cov --cov-report=term:skip-covered

.PHONY: demo app test test-full lint docs format clean
.DEFAULT_GOAL := test

demo: $(VENV)/.installed
	$(BIN)/tumorscope demo -o $(DEMO)

app: $(VENV)/.installed
	$(BIN)/tumorscope app $(APP)

test: lint
	$(PYTEST)

test-full: lint
	$(PYTEST) -m "slow or not slow"

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(DEMO) site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Expected Python 3.11 or newer; found $$($(PYTHON) --version 2>&1). Run make PYTHON=python3.12 (or newer)."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp is newer than pyproject.toml while the installation fits it. The code itself is installed editable.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV): a few minutes the first time"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV): a few minutes the first time"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,imagenet]'
	@touch $@ $(VENV)/.installed
