# `make demo` and `make test` set everything up themselves; README.md has the plain commands.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python

JS := .ci/javascript

.PHONY: demo demo-training lint javascript checked-javascript check test durations clean
.DELETE_ON_ERROR:

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# LOCKED=1 takes the versions of the lock files, and no package whose hash is another.
PIP := $(PY) -m pip install --disable-pip-version-check -q
FROM = $(if $(LOCKED),--require-hashes -r $(1).lock,-r $(1).txt)

$(VENV)/.installed: requirements.txt requirements.lock | $(VENV)/bin/python
	$(PIP) $(call FROM,requirements)
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt requirements-dev.lock $(VENV)/.installed
	$(PIP) $(call FROM,requirements-dev)
	touch $@

# Charts a composed song with the shipped model.
demo: $(VENV)/.installed
	$(PY) scripts/demo.py --out outputs/demo

# Trains a small model from nothing first: some ten minutes.
demo-training: $(VENV)/.installed
	$(PY) scripts/demo_training.py --out outputs/demo-training

lint: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/mypy

$(JS)/node_modules/.installed: $(JS)/package.json
	npm install --prefix $(JS) --no-package-lock --no-audit --no-fund --silent
	touch $@

# Where node is present, the page's JavaScript is linted and its types are checked.
javascript:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory checked-javascript; \
	else echo "JavaScript is not checked: there is no npm"; fi

checked-javascript: $(JS)/node_modules/.installed
	$(JS)/node_modules/.bin/eslint --config $(JS)/eslint.config.mjs mug/ui
	$(JS)/node_modules/.bin/tsc --project $(JS)/jsconfig.json

# Compiled files of the tests are kept between runs, whatever the shell says.
# Two workers more than cores: tests of the page and of processes wait for a fifth of their time.
WORKERS ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 1) + 2)")
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(PY) -m pytest -n $(WORKERS) --dist worksteal

check: lint javascript
	$(PYTEST) -m "not slow"

test: lint javascript
	$(PYTEST)

# Lists the tests that take half a second or more in tests/slow.txt; on a machine that does nothing else.
durations: $(VENV)/.installed-dev
	$(PYTEST) --record-slow 0.25 --durations 60

clean:
	rm -rf $(VENV) outputs logs
