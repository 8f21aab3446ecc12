# Everything runs in .venv; each target makes what it needs. FRESH=1 starts the demo anew.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests wait more than they work, so more processes than cores are faster; a single test: .venv/bin/python -m pytest PATH
WORKERS ?= $(shell echo $$(( $$(nproc 2>/dev/null || echo 2) + 1 )))
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup
DEMO := DJANGO_SETTINGS_MODULE=kbconsole.demo.settings $(BIN)/python manage.py demo

.PHONY: demo test test-production lint format bench messages screenshots
.DEFAULT_GOAL := demo

define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kbconsole needs Python 3.11 or newer; name one with: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing. Install it with: sudo apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
endef
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r

$(VENV)/.run: requirements.lock
	$(environment)
	$(INSTALL) requirements.lock
	@touch $@

# requirements-dev.lock has everything of requirements.lock.
$(VENV)/.dev: requirements-dev.lock
	$(environment)
	$(INSTALL) requirements-dev.lock
	@touch $(VENV)/.run $@

demo: $(VENV)/.run
	@exec env $(DEMO) $(if $(PORT),--port $(PORT)) $(if $(FRESH),--fresh)

test: $(VENV)/.dev
	$(PYTEST) $(TESTS)

test-production: $(VENV)/.dev
	$(PYTEST) -p tests.production $(TESTS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djade --check --target-version 5.2 $$(git ls-files 'templates/*.html')
	$(BIN)/mypy
	$(BIN)/lint-imports
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py check

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djade --target-version 5.2 $$(git ls-files 'templates/*.html')

bench: $(VENV)/.dev
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m tests.bench

messages: $(VENV)/.dev
	$(BIN)/python manage.py makemessages --locale zh_Hans --no-location --no-obsolete --ignore=tests --ignore=.venv --ignore=var --settings tests.settings
	$(BIN)/python manage.py compilemessages --locale zh_Hans --settings tests.settings

screenshots: $(VENV)/.dev
	$(BIN)/python -m tests.browser.screenshots
