# make demo   the whole chain on this machine, without hardware
# make test   every test, with a real Mosquitto, PostgreSQL and Chromium
# make check  format, lint, types, layers, drift of generated files
# make explore  a thousand simulated worlds in which everything goes wrong; about ten minutes
# make bench  figures, each beside a baseline of the same run; about ten minutes
# make soak   an hour under load with faults; SECONDS=300 for less, SOAK_ARGS="--rate 500 --database postgresql"
# make faults SIGKILL at random for 2,000 events, on each database with each broker (about an hour); make test: 80
# make power  the power of a guest is cut 20 times while gateway and hub write (about ten minutes); make test: twice
# make lock   requirements.lock after a change of pyproject.toml; with LOCK_ARGS=--upgrade the newest of everything
#
# Assumes Debian or macOS with Python 3.11+ and make; says what else it installs.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SEEDS ?= 1000
FIRST_SEED ?= 1
READY := $(VENV)/.ready
SECONDS ?= 3600
UV_VERSION := 0.13.9

.PHONY: demo test check explore bench soak faults power format generate lock tools guest

demo: $(READY)
	@$(BIN)/tocsin demo

test: $(READY) tools guest
	$(BIN)/python -m pytest -m 'not alone' --numprocesses auto --dist loadfile $(PYTEST_ARGS)
	$(BIN)/python -m pytest -m alone $(PYTEST_ARGS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m protocols.mqtt.asyncapi | diff -u docs/asyncapi.json -

explore: $(READY)
	$(BIN)/tocsin simulate explore --seeds $(SEEDS) --first-seed $(FIRST_SEED) --jobs 2

bench: $(READY) tools
	$(BIN)/python -m benchmarks $(BENCH_ARGS)
	$(BIN)/python -m benchmarks.history --write-docs

soak: $(READY) tools
	$(BIN)/python -m benchmarks.soak --seconds $(SECONDS) $(SOAK_ARGS)

faults: $(READY) tools
	TOCSIN_FAULT_EVENTS=2000 $(BIN)/python -m pytest -s tests/faults/test_killed.py $(PYTEST_ARGS)

power: $(READY) guest
	TOCSIN_POWER_CUTS=20 $(BIN)/python -m pytest -s tests/faults/test_power.py $(PYTEST_ARGS)

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generate: $(READY)
	$(BIN)/python -m protocols.mqtt.asyncapi > docs/asyncapi.json

lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --generate-hashes \
		--python-version 3.11 $(LOCK_ARGS) --output-file requirements.lock

tools:
	@./tools/install-servers

guest:
	@./tools/install-guest

$(READY): requirements.lock pyproject.toml
	@echo "Installing Python packages into $(VENV), exactly as locked"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --no-deps --python $(BIN)/python --editable .
	@touch $@
