# Every target sets up what it needs: a virtual environment, the packages, for the tests also system programs.
# PYTHON=python3.13 chooses the interpreter, ARGS=... goes to the program a target starts.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=
INCIDENTS ?= ../shared/incidents

bin := $(VENV)/bin
for_demo := $(VENV)/.installed-demo
for_dev := $(VENV)/.installed-dev
hooks := instrumentation/loopscope/hooks
setup := $(wildcard tools/environment.py tools/system_packages.py hatch_build.py $(hooks)/*.c $(hooks)/fast/*.h)

.DEFAULT_GOAL := help
.PHONY: help demo demo-sick test test-all test-transparency score incidents mutation lint programs bench bench-quick soak clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

demo: $(for_demo)  ## a podcast service under load, and the explorer on it
	$(bin)/loopscope demo $(ARGS)

demo-sick: $(for_demo)  ## the same service with five real incidents planted
	$(bin)/loopscope demo --sick $(ARGS)

test: programs lint  ## lint and all tests
	$(bin)/python -m pytest $(ARGS)

test-all: test bench  ## test with every Python that is there, and the full benchmark
	@for python in python3.11 python3.12 python3.13; do \
		if $$python --version > /dev/null 2>&1; then \
			$(MAKE) test PYTHON=$$python VENV=.venv-$$python || exit 1; \
		fi; \
	done

score: $(for_dev)  ## how many known incidents are named rightly; INCIDENTS is the folder of the corpus
	$(bin)/python tools/score.py $(INCIDENTS) $(ARGS)

incidents: $(for_dev)  ## whether they still take place when observed; ARGS=--uvloop on its loops
	$(bin)/python tools/incidents.py $(INCIDENTS) $(ARGS)

mutation: $(for_dev)  ## the score with everything renamed that belongs to the programs; Python 3.12 or newer
	$(bin)/python tools/mutation.py $(INCIDENTS) $(ARGS)

lint: $(for_dev)  ## style, types and the direction of imports
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/mypy tools tests/benchmarks --exclude '/test_'
	MYPYPATH=tests $(bin)/mypy -p transparency --exclude 'test_|conftest'
	$(bin)/lint-imports

test-transparency: $(for_dev)  ## CPython's own tests and those of libraries, with and without loopscope; long
	cd tests && $(abspath $(bin))/python -m transparency $(ARGS)

bench: $(for_dev) programs  ## what loopscope costs, against bare asyncio and OpenTelemetry's instrumentation
	$(bin)/python tests/benchmarks $(ARGS)

bench-quick: $(for_dev) programs  ## the same in a minute, rougher
	$(bin)/python tests/benchmarks --quick $(ARGS)

soak: $(for_dev) programs  ## ten minutes of healthy work under load: any finding is a failure
	$(bin)/python tests/benchmarks/soak.py $(ARGS)

programs:
	@$(PYTHON) tools/programs.py

clean:  ## remove what make made
	rm -rf .venv .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(for_demo): pyproject.toml $(setup)
	$(PYTHON) tools/environment.py $(VENV) demo
	@touch $@

$(for_dev): pyproject.toml $(setup)
	$(PYTHON) tools/environment.py $(VENV) dev
	@touch $(for_demo) $@
