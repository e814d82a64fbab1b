# `make app` and `make test` do all the set-up; they need Python 3.11 or newer and make.
# PORT=8502 chooses the app's port; TORCH_INDEX=<url> takes torch from another index (CPU-only builds).

PORT ?=
# .venv's own Python first: a version manager's python3 starts many times slower.
PYTHON ?= $(shell for python in $(VENV)/python python3 python3.11 python3.12 python3.13 python3.14 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$python" && break; done)
VENV := .venv/bin
export TORCH_INDEX

.DEFAULT_GOAL := help
.PHONY: help app setup setup-app setup-bench test check bench soak lock clean python chromium

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 16

app: setup-app  ## set up what is missing, then serve the app on 127.0.0.1:8501 (PORT=… for another)
	@$(VENV)/python -m app.server $(if $(PORT),--port $(PORT))

setup: python  ## set up everything: the app, the tests, the checks
	@"$(PYTHON)" scripts/set_up.py dev

setup-app: python
	@"$(PYTHON)" scripts/set_up.py app

setup-bench: python
	@"$(PYTHON)" scripts/set_up.py bench

test: check chromium  ## checks, then unit, page and browser tests (TESTS=… for some of them)
	@$(VENV)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(TESTS)

check: setup  ## lint, format, types and layering
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy
	@$(VENV)/lint-imports --no-logo

bench: setup-bench chromium  ## this project beside its peers; writes benchmarks/results/, README, docs
	@$(VENV)/python -m benchmarks.run --write

soak: setup  ## attack a server of its own for ten minutes; writes benchmarks/results/soak.json, README
	@$(VENV)/python -m benchmarks.soak --write

lock: setup  ## resolve pyproject.toml into the requirements*.txt
	@$(VENV)/python scripts/lock.py

clean:  ## remove the virtual environment and every cache
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found: on Debian, apt-get install python3 python3-venv"; exit 1; }

chromium:
	@sh scripts/chromium.sh
