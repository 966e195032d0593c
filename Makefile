# Everything here sets up what it needs: `make demo` on a fresh checkout is enough.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-bench models demo test static check bench lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## what is needed to use it, in .venv; compiles llama.cpp once
	@$(PYTHON) setup/bootstrap.py runtime

setup-dev:
	@$(PYTHON) setup/bootstrap.py dev

setup-bench:
	@$(PYTHON) setup/bootstrap.py bench

# Into the user's own store, where the demo's and the tests' temporary homes look, whatever home is set here.
models: setup
	@env -u EDGE_SEAL_HOME $(BIN)/edge-seal models pull

demo: models ## teach the real model, look at what changed, take it back
	@$(BIN)/python -m edge_seal.demo

# The tests that need a model fail where it is missing: `models` has just fetched it.
test: setup-dev models ## all tests
	@EDGE_SEAL_REQUIRE_MODELS=1 $(BIN)/python -m pytest

static: setup-dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-logo

check: static test ## all that a change has to pass: ruff, pyright, lint-imports, pytest

bench: setup-dev setup-bench models ## all measurements, beside their peers (PyTorch, transformers, PEFT are fetched)
	@$(BIN)/python -m bench

lock: ## new lock files from pyproject.toml; needs uv
	@sh requirements/lock.sh

clean: ## removes .venv and all caches of this checkout; models and data stay
	rm -rf .venv .cache .hypothesis .pytest_cache .ruff_cache .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
