# One command checks everything, another shows everything. All of them start from a bare Python 3.11 or later.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
comma := ,
STAMP := $(VENV)/.installed

# The tests start the program hundreds of times: compiled once, not at every start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-system check format lint types imports figures collect bench soak man verifier lock dist test-dist audit clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Built again whenever the pinned set or the project's own metadata changes.
$(STAMP): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)  ## a simulated provider, a fresh vault, real exports through every stage
	$(BIN)/strongroom demo $(if $(DEMO_DIR),--dir $(DEMO_DIR))

# One run: each worker collects once, and keeps to neighbours, which share what is costly to set up.
PYTEST := $(BIN)/pytest -q -n 4 --dist worksteal --durations 50

test: $(STAMP)  ## every test but the slow ones, in less than eight minutes
	$(PYTEST) -m "not slow"

test-all: $(STAMP)  ## every test, with the slow ones: whole runs, kills and builds
	$(PYTEST)

test-system: $(STAMP)  ## as root: the service in a Debian that really boots; four minutes, not part of test-all
	packaging/test-system/run

check: $(STAMP) lint types imports figures test-all  ## format, lint, types, import rules, figures of the code, every test

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

figures: $(STAMP)  ## how many files, how long they are and how they hang together
	@PYTHONPATH=tests $(BIN)/python -m kit.code_figures

# Reads every test once and keeps what was compiled, which each of pytest's workers would else do for itself.
collect: $(STAMP)
	$(BIN)/pytest --collect-only -q >/dev/null

format: $(STAMP)  ## rewrite the layout of all files
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## measure against peers and limits; a quarter of an hour, or a few with QUICK=1
	$(BIN)/python benchmarks/run.py $(if $(QUICK),--quick --sizes 200 --pairs 2)
	$(BIN)/python benchmarks/small_windows.py $(if $(QUICK),--windows 30 --workers 1 --no-counts,--workers 1$(comma)2)
	$(BIN)/python benchmarks/together.py $(if $(QUICK),--pairs 1,--kilobytes 30000)
	$(BIN)/python benchmarks/starts.py $(if $(QUICK),--rounds 5)
	$(BIN)/python benchmarks/at_rest.py $(if $(QUICK),--seconds 20 --settle 10)
	$(BIN)/python benchmarks/rebuild.py $(if $(QUICK),--archives 500 --rounds 1)
	$(BIN)/python benchmarks/copies.py $(if $(QUICK),--archives 50 --rounds 1,--archives 400 --rounds 2)

soak: $(STAMP)  ## run a daemon with 50 hourly streams for half an hour, and look whether anything grows
	$(BIN)/python benchmarks/soak.py --picture docs/pictures/soak.svg

man: $(STAMP)  ## write the manual page, packaging/man/strongroom.1, from the program's help
	$(BIN)/strongroom help --man > packaging/man/strongroom.1

verifier: $(STAMP)  ## join the verifier's modules, agent/strongroom_verify, into its one file
	$(BIN)/python packaging/join_verifier.py

# First what development needs; of that, at the same versions, what a server needs and what builds the wheel there.
PIN := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-annotate --no-header --quiet

lock:  ## pin every dependency anew, with hashes and without any index address (needs uv)
	$(PIN) --extra dev --output-file requirements-dev.lock pyproject.toml
	echo hatchling | $(PIN) --extra notify --extra s3 --extra timestamps --constraint requirements-dev.lock \
		--output-file requirements.lock pyproject.toml -

# What a release consists of. RELEASE_KEY=FILE signs it, HOME_URL=https://... is the public address of the repository.
dist: $(STAMP)  ## build the release into dist/: wheel, source package, deb, rpm, verifier, image, bills of materials, sums
	PYTHONPATH=packaging $(BIN)/python -m release.build $(if $(RELEASE_KEY),--key $(RELEASE_KEY))

test-dist: dist  ## as root: build a release twice, install its packages in two Debians, and start its image
	PYTHONPATH=packaging $(BIN)/python -m release.build --out build/again >/dev/null
	cmp dist/SHA256SUMS build/again/SHA256SUMS
	packaging/test-install/run
	packaging/test-image/run

audit: $(STAMP)  ## look up known weaknesses of what runs on a server; says so where it cannot
	@PYTHONPATH=packaging $(BIN)/python -m release.audit

clean:  ## remove what was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
