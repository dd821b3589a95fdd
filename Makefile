# make setup PYTHON=/path/to/python3.12 makes .venv with that Python; PY=/path/to/python uses an environment of your own.
PYTHON ?= python3
PY ?= .venv/bin/python
NB ?=
OPTIONS ?=
WORKERS ?= 4
export PYTHONPATH := $(CURDIR)
FIRST = notebooks/part0-start/001-start-here.ipynb
# JupyterLab takes an option once, and refuses root, which is all there is in many containers.
ADDRESS = $(if $(filter --ip% --ServerApp.ip%,$(OPTIONS)),,--ip 127.0.0.1)
AS_ROOT = $(if $(filter 0,$(shell id -u)),--allow-root)
TESTS = "$(PY)" -m pytest tests notebooks --nbval-lax --nbval-current-env --nbval-cell-timeout 600 -n 2 --dist loadfile
PLUGINS = $(shell find plugins -name '*.cu' -o -name '*.h' -o -name '*.cpp')

.PHONY: help setup run test test-gpu format lab record doctor coverage clean
help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' Makefile | expand -t 12
setup:  ## make or update .venv
	@"$(PYTHON)" install.py --python "$(PY)"
run: setup  ## run the notebooks, all or NB=path, and show what ran
	@"$(PY)" -m cookbook run $(NB)
test: setup  ## every test; cells that need a GPU are skipped where there is none
	$(TESTS)
test-gpu: setup  ## every test; a cell that needs a GPU and finds none fails (WORKERS=8 on a machine with many cores)
	$(TESTS) --gpu -n $(WORKERS)
format: setup  ## bring Python, notebooks and plugins into the layout that the tests ask for
	"$(PY)" -m ruff check --fix --exit-zero .
	"$(PY)" -m ruff format .
	"$(PY)" -m tests.notebook_format
	PATH="$$(dirname "$(PY)"):$$PATH" clang-format -i $(PLUGINS)
lab: setup  ## JupyterLab with notebook 001, or NB=path; OPTIONS="--no-browser --port 8889" are Jupyter's own
	"$(PY)" -m jupyterlab --LabApp.default_url=/lab/tree/$(firstword $(NB) $(FIRST)) $(ADDRESS) $(AS_ROOT) $(OPTIONS)
record: setup  ## on a GPU: run the notebooks, all or NB=path, and keep outputs and measurements
	@"$(PY)" -m cookbook record $(NB)
doctor:  ## say what is here, what will be skipped, and what to install; installs nothing
	@python="$(PY)"; [ -x "$$python" ] || python="$(PYTHON)"; "$$python" -m cookbook doctor
coverage: setup  ## say which cells were recorded in which environment
	@"$(PY)" -m cookbook coverage
clean:  ## remove .venv and build
	rm -rf .venv build
