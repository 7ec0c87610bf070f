# The commands of this house. `make run` and `make test` set everything up by themselves; a second time they need no
# network. Everything is under .venv/ and .make/; remove both to begin anew.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
SETUP := ./deploy/setup-here.sh
PYTHON_FILES := commune_portal tests deploy hatch_build.py hatch_tinos.py
JOBS ?= 2
# More than two would slow the long ones past their ceilings on two cores.
STORY_JOBS ?= 2
OUT ?= dist/stick
COMPRESSION ?= lzma
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run test check story deploy-test wine-test bench soak bundle lock setup setup-test clean

help:
	@echo 'make run     set up, fill a demonstration in demo/ and serve it (two communes and a node)'
	@echo 'make test    set up, Debian packages included, and run everything: check, then all stories'
	@echo 'make check   the fast lane: format, lint, types, storeys, tests without processes and browser'
	@echo 'make deploy-test   a stick on bare Debian machines without Python and network (root, debootstrap)'
	@echo 'make wine-test     the Windows half of a stick under Wine'
	@echo 'make bench   ratios against the limits of speed.md; JSON=FILE writes them as JSON too'
	@echo 'make bundle  the USB stick in dist/stick; KEY=FILE signs it as the publisher, OUT=DIR, COMPRESSION=zlib is quick'
	@echo 'make lock    refresh deploy/runtime.lock and deploy/requirements.lock from the archives'
	@echo 'make soak    the hours-long tests; SOAK_MINUTES=30 for half an hour of seeds'

run: setup
	$(BIN)/commune-portal demo --dir demo $(ARGS)

test: setup-test check story

check: setup-test
	$(BIN)/ruff format --check $(PYTHON_FILES)
	$(BIN)/ruff check $(PYTHON_FILES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -m "not story and not soak and not deploy and not wine" -n $(JOBS)

story: setup-test
	$(BIN)/pytest -m "(story or deploy) and not soak" -n $(STORY_JOBS) --dist loadfile --no-loadscope-reorder

deploy-test: setup-test
	$(BIN)/pytest -m deploy -n 0

wine-test: setup-test
	$(BIN)/pytest -m wine -n 0

bench: setup-test
	$(BIN)/python -m tests.bench $(if $(JSON),--json $(JSON))

soak: setup-test
	$(BIN)/pytest -m soak -n 0

bundle: setup-test
	$(BIN)/python deploy/build_bundle.py --out $(OUT) --compression $(COMPRESSION) $(if $(KEY),--key $(KEY)) $(ARGS)

lock: setup-test
	$(BIN)/python deploy/build_bundle.py --lock

setup:
	@$(SETUP) run

setup-test:
	@$(SETUP) test

clean:
	rm -rf .make build dist commune_portal/static/vendor
