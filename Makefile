# Everything is installed into the checkout: .venv, build and target. PYTHON is what .venv is made with.

PYTHON ?= python3
VENV := .venv/bin

export CARGO_HOME := $(shell ci/cargo-home.sh)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup build demo fmt lint test test-rust test-python parallel conformance interpreters \
    free-threaded loom loom-mutants tsan asan miri stress wild bench docs clean all

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/ready ## the environment .venv, with the tools for all of this

.venv/ready: requirements-dev.txt requirements-test.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	    "threadwell needs Python 3.11 or newer, and this is %s: make PYTHON=..." % sys.version.split()[0])'
	$(PYTHON) -m venv --clear .venv
	$(VENV)/python -m pip install --quiet --requirement requirements-dev.txt
	@touch $@

build: setup ## a release build of the extension, installed in .venv
	$(VENV)/python ci/interpreters.py build

demo: build ## what it does, in a minute
	$(VENV)/python examples/side_by_side.py

fmt: setup ## rewrite the formatting
	cargo fmt --all
	$(VENV)/ruff check --no-cache --select I --fix
	$(VENV)/ruff format --no-cache

lint: build ## formatting, clippy, ruff, types, stubs, licences
	ci/lint.sh

test: build ## all tests: Rust, Python on every version there is, conformance
	ci/checks.sh ci/rust.sh '$(VENV)/python ci/python.py' '$(VENV)/python ci/conformance.py'

test-rust: ## the Rust tests alone
	ci/rust.sh

test-python: build ## the Python tests alone, in .venv; ARGS="-k barrier"
	$(VENV)/python -m pytest $(ARGS)

parallel: build ## each Python test by several threads at once, in .venv; ARGS="-k semaphore"
	ci/parallel.sh $(ARGS)

conformance: build ## the interpreters' own tests; ARGS="--module test.test_thread"
	$(VENV)/python ci/conformance.py $(ARGS)

interpreters: build ## get Python 3.14 and 3.15 from Debian sid, for these and later tests, and run the tests on them
	ci/interpreters.sh

free-threaded: build ## build Python 3.13 without the interpreter lock, for these and later tests, and run the tests on it
	ci/free-threaded.sh

loom: ## the models of the protocols; ARGS="lock::"
	ci/loom.sh $(ARGS)

loom-mutants: setup ## whether each model can fail, for many minutes; ARGS="sync/lock.rs"
	$(VENV)/python ci/loom_mutants.py $(ARGS)

tsan: ## the core's tests under ThreadSanitizer; ARGS="--test stress"
	ci/sanitize.sh thread $(ARGS)

asan: ## the same under AddressSanitizer
	ci/sanitize.sh address $(ARGS)

miri: ## the core's tests under Miri, for many minutes, if a toolchain has it; ARGS="--test lock"
	ci/miri.sh $(ARGS)

stress: build ## the full counts of docs/reliability.md, for hours; prints its seed; ARGS="-k exit"
	ci/stress.sh $(ARGS)

wild: build ## other people's tests on threadwell, half an hour; writes docs/compatibility.md; ARGS="joblib dask"
	$(VENV)/python ci/wild.py $(ARGS)

bench: build ## threadwell beside threading; ARGS="--quick"
	$(VENV)/python bench/run.py $(ARGS)

docs: ## the API pages of the crate
	ci/docs.sh

clean: ## remove everything that was installed or built
	rm -rf .venv build target

all: build ## what CI requires
	ci/checks.sh ci/lint.sh ci/docs.sh ci/loom.sh 'ci/sanitize.sh thread' ci/rust.sh '$(VENV)/python ci/python.py' '$(VENV)/python ci/conformance.py'
