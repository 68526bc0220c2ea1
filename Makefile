# `make demo` and `make test` set everything up themselves; README.md has the plain commands.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: demo lint check test durations clean
.DELETE_ON_ERROR:

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	$(PY) -m pip install --disable-pip-version-check -q -r requirements.txt
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(PY) -m pip install --disable-pip-version-check -q -r requirements-dev.txt
	touch $@

demo: $(VENV)/.installed
	$(PY) scripts/demo.py --out outputs/demo

lint: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/mypy

# Compiled files of the tests are kept between runs, whatever the shell says.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(PY) -m pytest -n auto --dist worksteal

check: lint
	$(PYTEST) -m "not slow"

test: lint
	$(PYTEST)

# Lists the tests that take a second or more in tests/slow.txt; on a machine that does nothing else.
durations: $(VENV)/.installed-dev
	$(PYTEST) --record-slow 1 --durations 60

clean:
	rm -rf $(VENV) outputs logs
