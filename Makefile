# The course's commands. `make lab` and `make test` are all that a new user needs; both set up .venv when it is missing.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Both cores of a laptop, all of a server: one notebook or test file at a time on each.
WORKERS ?= auto
BROWSERS ?= chromium chromium-browser google-chrome google-chrome-stable

.DEFAULT_GOAL := help
.PHONY: help lab test run book browser sync lint lock clean

help:  ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

lab: $(VENV)/.student  ## Open JupyterLab on the first day
	$(BIN)/course lab

test: $(VENV)/.dev browser  ## Check everything: style, generated files, the library, every notebook in smoke, the book
	$(BIN)/ruff check
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

run: $(VENV)/.dev  ## Execute all notebooks and write a report
	$(BIN)/course run

book: $(VENV)/.dev  ## Build the book: open build/book/html/index.html
	$(BIN)/course book

# Debian's own where that can be had, else the one that Playwright keeps in the user's cache; with a font, in case it has none.
browser: $(VENV)/.dev  ## Install Chromium for the tests, if there is no browser yet
	@found() { test -n "$$COURSE_BROWSER" || for name in $(BROWSERS); do command -v $$name && break; done >/dev/null; }; \
	if test "$$(id -u)" = 0; then as=; else as="sudo -n"; fi; \
	if ! found && command -v apt-get >/dev/null && $$as true 2>/dev/null; then \
	  echo "Installing Chromium, which the tests of the book drive."; \
	  $$as apt-get update -qq; \
	  $$as apt-get install -qq -y --no-install-recommends chromium fonts-liberation >/dev/null 2>&1; \
	fi; \
	found || $(BIN)/playwright install chromium >/dev/null 2>&1 || { \
	  echo "The tests of the book need Chromium: install it, or name a browser with COURSE_BROWSER=PATH."; exit 2; }

sync: $(VENV)/.dev  ## Make the exercises from the solutions
	$(BIN)/course sync

lock:  ## Resolve pyproject.toml afresh and write requirements.lock
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet torch==2.13.0 --editable '.[dev]'
	{ sed -n '/^#/p' requirements.lock; build/lock/bin/pip freeze --exclude-editable | sed 's/+cpu$$//'; } > build/lock/new
	mv build/lock/new requirements.lock && rm -rf build/lock

clean:  ## Remove everything that a command made: .venv, build, caches (never your notebooks or the data)
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: install it, or name one with make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) could not make a virtual environment: on Debian and Ubuntu, apt install python3-venv"; exit 2; }
	@touch $@

# The lock holds versions, the extras decide which of them are installed: a student gets no test tools.
$(VENV)/.student: pyproject.toml requirements.lock | $(VENV)/.python
	$(BIN)/pip install --quiet --constraint requirements.lock --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml requirements.lock | $(VENV)/.python
	$(BIN)/pip install --quiet --constraint requirements.lock --editable '.[dev]'
	@touch $@ $(VENV)/.student
