# Every target sets up what it needs: `make demo` and `make test` work in a fresh clone.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$p && break; done)
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
READY_DEV = $(VENV)/.ready-dev
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The locks are complete, so --no-deps. Otherwise pip looks up the newest release of a requirement
# with an extra, coverage[toml], and refuses it, because the lock has another one.
LOCKED = $(PIP) --no-deps --require-hashes -r
LOCK = uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-header pyproject.toml --extra build
ARGS ?=
# The figures of the recipes as they are.
REFERENCE = .ci/model-reference.json
# Images often forbid Python to keep bytecode. A stack has many processes, and each would compile
# the project anew: a third of a second of processor time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo up kafka test test-slow test-faults test-kafka nightly check model-check bench clean lock setup

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## run the whole stack for 90 seconds: alerts as they arrive, then the report
	@$(BIN)/streamsim up --domain finance --headless --duration 90 $(ARGS)

up: setup ## run the stack until it is stopped; ARGS="..." passes options
	@$(BIN)/streamsim up $(ARGS)

kafka: setup ## run Apache Kafka without Docker, until Ctrl-C; needs Java 17 and Maven
	@$(BIN)/python -m streamsim.simulator.brokers.apache $(ARGS)

test: $(READY_DEV) ## run the tests
	@$(BIN)/python -m pytest -m "not slow and not long" -n 2 --durations 10 $(ARGS)

test-slow: $(READY_DEV) ## run the slow tests: long fuzzing, real data, whole stacks
	@$(BIN)/python -m pytest -m "(slow or long) and not nightly and not alone" --timeout 1800 --ignore tests/faults \
		-n 2 $(ARGS)
	@$(BIN)/python -m pytest -m "slow and not nightly and alone" --timeout 1800 --ignore tests/faults $(ARGS)

test-faults: $(READY_DEV) ## run a fault of each kind under load, in all domains
	@$(BIN)/python -m pytest tests/faults -m "not nightly" --timeout 600 -n 2 $(ARGS)

test-kafka: $(READY_DEV) ## run the tests of whole stacks on Apache Kafka; needs Java 17 and Maven
	@$(BIN)/python -m streamsim.simulator.brokers.apache --setup
	@$(BIN)/python -m pytest --broker kafka -m "not slow" $(ARGS)

nightly: $(READY_DEV) ## run fuzzing, property and fault tests with many more, new cases, and a soak test of two hours
	@HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest tests/property tests/service/test_fuzz.py \
		tests/integration/test_poison.py tests/faults --timeout 7200 $(ARGS)
	@$(BIN)/python -m pytest -m nightly --timeout 1800 $(ARGS)
	@$(BIN)/streamsim bench soak --seconds 7200

check: $(READY_DEV) ## check format, lint, types and imports
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --diff .; exit 1; }
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache > $(VENV)/imports.txt || { cat $(VENV)/imports.txt; exit 1; }
	@tail -n 1 $(VENV)/imports.txt

model-check: setup ## train each recipe on a small world; fail if one is worse than its reference
	@$(BIN)/streamsim models check --reference $(REFERENCE) $(ARGS)

bench: $(READY_DEV) ## run a benchmark: ARGS="throughput"
	@$(BIN)/streamsim bench $(ARGS)

clean: ## remove the environment and the caches
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

lock: ## renew the locks (needs uv)
	$(LOCK) -o requirements.lock
	$(LOCK) --extra dev -c requirements.lock -o requirements-dev.lock

setup: $(READY) ## install the requirements, build the embedded broker and train the models

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "streamsim needs Python 3.11, 3.12 or 3.13: none found."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
		echo "$(PYTHON) cannot make a virtual environment; on Debian: apt install python3-venv"; \
		rm -rf $(VENV); exit 1; }

$(READY): $(BIN)/python requirements.lock pyproject.toml
	@echo "Setting up (once) ..."
	@$(LOCKED) requirements.lock
	@$(PIP) --no-deps --no-build-isolation --no-index -e .
	@$(BIN)/python -m streamsim.simulator.brokers.embedded.building
	@$(BIN)/streamsim train --missing
	@touch $@

$(READY_DEV): $(READY) requirements-dev.lock
	@echo "Setting up for development (once) ..."
	@$(LOCKED) requirements-dev.lock
	@$(BIN)/python -m pip check --quiet --disable-pip-version-check
	@touch $@
