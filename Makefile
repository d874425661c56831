# Every target sets up what it needs: a virtual environment in .venv, made once and again when its recipe changes.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

.PHONY: verify test test-slow browser lint docs figures bench explore clean
.DEFAULT_GOAL := verify

verify: $(STAMP)
	$(BIN)/didlab verify --jobs $(JOBS) --json out/verdicts.json --html out/page

test: $(STAMP)
	$(PYTEST) -m 'not slow'

test-slow: $(STAMP) browser
	$(PYTEST) -m slow

# The app's tests drive Chromium: the one that is there, or the distribution's.
browser:
	@command -v chromium || command -v chromium-browser || command -v google-chrome || \
	  { apt-get update -qq && apt-get install -y -qq chromium; } || \
	  { echo "make test-slow drives the app in Chromium: install it, and put it on the path"; exit 1; }

explore: $(STAMP)
	$(BIN)/didlab explore

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

docs: $(STAMP) browser
	$(BIN)/python docs/api.py
	$(BIN)/python docs/readme_table.py
	$(BIN)/python docs/pictures.py
	$(BIN)/python docs/app_pictures.py
	$(BIN)/python docs/blocks.py --write docs/judge-your-theorem.md docs/judge-your-model.md

figures: $(STAMP)
	$(BIN)/didlab figure --all

bench: $(STAMP)
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) out

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("didlab needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@
