# make run    run the bot; without FTBOT_DISCORD_TOKEN, the sandbox in the browser
# make test   run the tests             PYTEST_ARGS="tests/unit -x" for a part of them
# make check  format, lint, types, import contracts, installed packages
# make bench  measure what is promised about speed
# make lock   choose newer versions of all packages
# make languages  bring the catalogues in step with the texts; LANGUAGE=de starts another
#
# Each sets up all it needs in $(VENV) with $(PYTHON), Python 3.11 or newer.

VENV ?= .venv
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done)
PYTEST_ARGS ?=
LANGUAGE ?=

BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOCKS := requirements-build.lock requirements-dev.lock
INSTALL := install --quiet --quiet --disable-pip-version-check --no-input
COMPILE := uv pip compile --quiet --universal --generate-hashes --no-header --upgrade pyproject.toml

.PHONY: run test check bench lock languages
.DELETE_ON_ERROR:

run: $(READY)
	@$(BIN)/ftbot run

test: $(READY)
	$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal $(PYTEST_ARGS)

check: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pip check

bench: $(READY)
	$(BIN)/python -m pytest tests/bench -m bench --benchmark-enable $(PYTEST_ARGS)

# The locks name versions and hashes for every platform and Python, and no address: the installer's
# own settings say where packages come from.
lock: $(READY)
	$(BIN)/python -m pip $(INSTALL) uv
	$(BIN)/$(COMPILE) --output-file requirements.lock
	$(BIN)/$(COMPILE) --output-file requirements-dev.lock --extra sandbox --group dev \
		--constraints requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --group build \
		--constraints requirements-dev.lock --output-file requirements-build.lock

languages: $(READY)
	@$(BIN)/python scripts/languages.py $(LANGUAGE)

# In two steps, since a pip that Python ships may be too old to know free-threaded wheels. A Python
# that ships no pip at all borrows one.
$(READY): pyproject.toml $(LOCKS)
	@test -n "$(PYTHON)" || { echo "ftbot needs Python 3.11 or newer: install it," \
		"or name it with make PYTHON=/path/to/python3" >&2; exit 2; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo \
		"$(PYTHON) is not Python 3.11 or newer: name another one with make PYTHON=…" >&2; exit 2; }
	@echo "Setting up $(VENV) …"
	@if "$(PYTHON)" -c 'import ensurepip' 2>/dev/null; then \
		"$(PYTHON)" -m venv "$(VENV)" && pip="$(BIN)/python -m pip"; \
	elif python3 -m pip --version >/dev/null 2>&1; then \
		"$(PYTHON)" -m venv --without-pip "$(VENV)" && pip="python3 -m pip --python $(BIN)/python"; \
	else echo "$(PYTHON) has no pip: install it (Debian: apt-get install python3-venv)" >&2; exit 2; \
	fi && $$pip $(INSTALL) --require-hashes -r requirements-build.lock
	@$(BIN)/python -m pip $(INSTALL) --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip $(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
