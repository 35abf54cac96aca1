.DEFAULT_GOAL := help
.PHONY: help run test test-sqlite bench chaos lint format lock
.NOTPARALLEL:

# Compiled modules are kept: without them each test worker spends seconds on imports.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= auto

# Makes .venv where it is missing and installs a lock file where it has changed.
define environment
command -v $(PYTHON) >/dev/null || { echo "Puente CRM needs Python 3.11 or newer: install python3." >&2; exit 1; }; \
$(PYTHON) tools/environment.py
endef

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1|/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r target does; do printf '  make %-12s %s\n' "$$target" "$$does"; done

run: ## Start the product with demonstration data (HOST and PORT choose the address)
	@$(environment) requirements.txt && exec $(BIN)/python manage.py serve

test: ## Run every test on PostgreSQL and Redis, then the short suite on SQLite (ARGS="tests/crm -k phone" for a part)
	@$(environment) requirements-dev.txt
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)
ifeq ($(strip $(ARGS)),)
	@$(MAKE) --no-print-directory test-sqlite
endif

test-sqlite: ## Run only the short suite on SQLite
	@$(environment) requirements-dev.txt
	@PUENTE_TEST_ENGINE=sqlite $(BIN)/pytest -m sqlite -n $(WORKERS) --dist worksteal $(ARGS)

bench: ## Print benchmarks as ratios (ARGS="work --reference DIR", ARGS="sizes"; docs/benchmarks.md)
	@$(environment) requirements-dev.txt
	@$(BIN)/python -m tests.load $(or $(ARGS),work)

chaos: ## Break workers, Redis, PostgreSQL and the receiver while presences are sent; nothing may be lost (ARGS="--seconds 120")
	@$(environment) requirements-dev.txt
	@$(BIN)/python -m tests.chaos $(ARGS)

lint: ## Check style, types, templates, import floors, migrations, the OpenAPI schema and the locks
	@$(environment) requirements-dev.txt
	@$(BIN)/python tools/lint.py

format: ## Put code and templates into shape
	@$(environment) requirements-dev.txt
	@$(BIN)/python tools/lint.py --repair

lock: ## Resolve the requirements anew within their ranges (UPGRADE=1 takes the newest)
	@$(environment) requirements-dev.txt
	@$(BIN)/python tools/locks.py $(if $(UPGRADE),--upgrade)
