# `make demo` and `make test` set themselves up: they need Python 3.11 or newer and nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test test-slow test-browser web docs docs-serve check format reproduce release-check clean

demo: $(VENV)/.core  ## find the faces in a bundled picture and draw what they show
	$(BIN)/mien analyze docs/pictures/astronaut.jpg --annotate out

test: $(VENV)/.dev  ## the tests that take minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(VENV)/.dev  ## the tests that take longer
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "slow and not gpu"

test-browser: $(VENV)/.browser  ## the page and the app, in Chromium; installs Chromium and Node where apt-get can
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m browser -rs

web: $(VENV)/.core web/node_modules/.package-lock.json  ## the service's page, and the app in web/dist; needs Node
	$(BIN)/python web/constants.py
	$(BIN)/python web/networks.py web/dist/models
	node web/build.mjs page
	node web/build.mjs app

docs: $(VENV)/.docs  ## the documentation's site, in build/docs/site; needs no network once it is set up
	$(BIN)/python docs/make_site.py

docs-serve: $(VENV)/.docs
	$(BIN)/python docs/make_site.py --serve

check: $(VENV)/.dev  ## style, types and the layering
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

reproduce: $(VENV)/.train  ## with DATA=fer2013.csv: train one network anew, and check the figures of all that are shipped
	@test -n "$(DATA)" || { echo "name the data: make reproduce DATA=fer2013.csv"; exit 2; }
	OMP_NUM_THREADS=1 $(BIN)/python recipes/reproduce.py --data "$(DATA)"

release-check:  ## build the packages as a release does, and try them in fresh environments; needs a network
	$(PYTHON) release/check.py

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mien needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python pyproject.toml
	$(PIP) install --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.core Makefile
	$(PIP) install --editable '.[dev,train,video,parquet,table,dask,serve,docs]'
	touch $@

$(VENV)/.train: $(VENV)/.core
	$(PIP) install --editable '.[train]'
	touch $@

$(VENV)/.docs: $(VENV)/.core
	$(PIP) install --editable '.[docs]'
	touch $@

# What cannot be installed is missing from the tests, which then say so.
$(VENV)/.browser: $(VENV)/.dev web/package-lock.json
	$(PIP) install --editable '.[browser]'
	command -v chromium && command -v npm || { apt-get update -q && apt-get install -qy --no-install-recommends chromium nodejs npm; } || true
	command -v npm && $(MAKE) web/node_modules/.package-lock.json || true
	touch $@

web/node_modules/.package-lock.json: web/package-lock.json
	npm ci --prefix web --ignore-scripts --no-audit --no-fund

clean:
	rm -rf web/node_modules web/dist $(VENV) out build dist .mypy_cache .ruff_cache .pytest_cache
