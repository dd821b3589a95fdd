# make setup PYTHON=/path/to/python3.12 makes .venv with that Python; PY=/path/to/python uses an environment of your own.
PYTHON ?= python3
PY ?= .venv/bin/python
NB ?=
WORKERS ?= 4
export PYTHONPATH := $(CURDIR)
TESTS = $(PY) -m pytest tests notebooks --nbval-lax --nbval-current-env --nbval-cell-timeout 600 -n 2 --dist loadfile
PLUGINS = $(shell find plugins -name '*.cu' -o -name '*.h' -o -name '*.cpp')

.PHONY: help setup run test test-gpu format lab record doctor coverage clean
help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' Makefile | expand -t 12
setup:  ## make or update .venv
	@$(PYTHON) install.py --python $(PY)
run: setup  ## run the notebooks, all or NB=path, and show what ran
	@$(PY) -m cookbook run $(NB)
test: setup  ## every test; cells that need a GPU are skipped where there is none
	$(TESTS)
test-gpu: setup  ## every test; a cell that needs a GPU and finds none fails (WORKERS=8 on a machine with many cores)
	$(TESTS) --gpu -n $(WORKERS)
format: setup  ## bring Python, notebooks and plugins into the layout that the tests ask for
	$(PY) -m ruff check --fix --exit-zero .
	$(PY) -m ruff format .
	$(PY) -m tests.notebook_format
	PATH="$(dir $(PY)):$$PATH" clang-format -i $(PLUGINS)
lab: setup  ## JupyterLab on this machine
	$(PY) -m jupyterlab --ip 127.0.0.1 --ServerApp.default_url=/lab/tree/notebooks
record: setup  ## on a GPU: run the notebooks, all or NB=path, and keep outputs and measurements
	@$(PY) -m cookbook record $(NB)
doctor:  ## say what is here, what will be skipped, and what to install; installs nothing
	@$(firstword $(wildcard $(PY)) $(PYTHON)) -m cookbook doctor
coverage: setup  ## say which cells were recorded in which environment
	@$(PY) -m cookbook coverage
clean:  ## remove .venv and build
	rm -rf .venv build
