# Sanzhi. `make` alone lists the targets.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
WHEELHOUSE ?= wheelhouse

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

$(VENV)/.run: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet hatchling==$(shell sed -n 's/^hatchling==//p' requirements-dev.lock) editables==$(shell sed -n 's/^editables==//p' requirements-dev.lock)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	$(BIN)/python -m pip install --quiet --requirement requirements-dev.lock
	@touch $@

demo: $(VENV)/.run ## Two pilot villages rate their stars, on embedded PostgreSQL and the embedded broker
	$(BIN)/sanzhi demo

test: $(VENV)/.dev ## Every test; those that need RabbitMQ or a PostgreSQL server are skipped aloud when there is none
	SANZHI_STRICT_PLUGINS=1 $(BIN)/python -m pytest

check: $(VENV)/.dev ## ruff, mypy --strict, import-linter, committed SDL up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/sanzhi sdl --check graphql/schema.graphql

sdl: $(VENV)/.run ## Refresh the committed schema definition
	$(BIN)/sanzhi sdl > graphql/schema.graphql.new && mv graphql/schema.graphql.new graphql/schema.graphql

wheelhouse: $(VENV)/.dev ## Offline bundle of Sanzhi and all it needs, and a trial installation from it with no index
	rm -rf $(WHEELHOUSE)
	$(BIN)/python -m pip wheel --quiet --wheel-dir $(WHEELHOUSE) --requirement requirements.lock
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir $(WHEELHOUSE) .
	cp requirements.lock $(WHEELHOUSE)/
	rm -rf $(WHEELHOUSE)/.trial && $(PYTHON) -m venv $(WHEELHOUSE)/.trial
	PIP_CONFIG_FILE=/dev/null PIP_EXTRA_INDEX_URL= $(WHEELHOUSE)/.trial/bin/python -m pip install --quiet --no-index --find-links $(WHEELHOUSE) sanzhi
	cd / && $(abspath $(WHEELHOUSE))/.trial/bin/sanzhi sdl > /dev/null
	rm -rf $(WHEELHOUSE)/.trial
	@echo "$(WHEELHOUSE): $$(ls $(WHEELHOUSE)/*.whl | wc -l) wheels; install with: pip install --no-index --find-links $(WHEELHOUSE) sanzhi"

lock: ## Refresh both lock files (maintainers; needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --no-annotate -q -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-header --no-annotate -q -o requirements-dev.lock

soak: $(VENV)/.dev ## Long fault and load tests (not in CI)
	SANZHI_SOAK=1 $(BIN)/python -m pytest tests/faults

clean: ## Remove what the targets made (never data)
	rm -rf $(VENV) $(WHEELHOUSE) .pytest_cache .mypy_cache .ruff_cache .hypothesis

.PHONY: help demo test check sdl wheelhouse lock soak clean
