# Two commands are all that a newcomer needs: `make book` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
READY_TEST := .venv/.ready-test
READY_BENCH := .venv/.ready-bench
GRADERS := .venv-graders
.DEFAULT_GOAL := help
.PHONY: help setup site book lab test bench gpu-test gpu-bench grade derive check lint clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is missing or older than 3.11. Name another: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { \
	  echo "Python's venv module is incomplete. On Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv .venv

$(READY): requirements.txt pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/python -m ipykernel install --sys-prefix --name python3 --display-name "Symmetry course"
	@# In this environment's JupyterLab alone, a click on a lecture opens it as a notebook.
	JUPYTER_CONFIG_DIR=.venv/etc/jupyter $(BIN)/jupytext-config set-default-viewer markdown
	@touch $@

$(READY_TEST): $(READY)
	$(BIN)/pip install --quiet --editable '.[test]'
	$(BIN)/python -m coursetools.browser install
	@# Where it can be had neither way, grading refuses, and the tests of the sandbox say so.
	$(BIN)/python -m coursetools.grading.sandbox.box install || true
	@touch $@

$(READY_BENCH): $(READY)
	$(BIN)/pip install --quiet --editable '.[bench]'
	$(BIN)/pip install --quiet --no-deps escnn==1.0.11 || echo "escnn does not install here: left out"
	@touch $@

# What we compare grading with. It sees the packages of .venv where it has none of its own.
$(GRADERS)/.ready: | $(READY)
	$(PYTHON) -m venv $(GRADERS)
	$(GRADERS)/bin/pip install --quiet nbgrader==0.9.6 otter-grader==7.0.0
	$(BIN)/python -c 'import coursetools, sysconfig; print(sysconfig.get_path("purelib")); \
	  print(coursetools.__path__[0].rpartition("/")[0])' > $(GRADERS)/course.pth
	mv $(GRADERS)/course.pth $$($(GRADERS)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/zz-course.pth
	@touch $@

setup: $(READY)  ## make .venv with everything that a reader needs

site: $(READY)  ## execute every lecture and build the site in _build/html
	$(BIN)/coursetools site

book: site  ## build the site, serve it, print its address
	$(BIN)/coursetools serve

lab: $(READY)  ## open the lectures and exercises as notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=.

test: $(READY_TEST) site  ## set up what the tests need, pass all of them
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(READY_TEST)  ## the tests that need no browser and no kernel
	$(BIN)/python -m pytest tests/equivar tests/test_structure.py lib

lint: $(READY_TEST)  ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(READY_BENCH)  ## compare with other libraries: make bench [NAMES="convolution wigner"]
	$(BIN)/python tests/benchmarks/run.py $(NAMES)

gpu-test: $(READY_TEST)  ## kernels, sets and lectures on this GPU; without one, kernels in Triton's interpreter
	$(BIN)/python -m pytest tests/gpu -rs

gpu-bench: $(READY_BENCH)  ## time the kernels on this GPU: make gpu-bench [ARGUMENTS=--dry-run]
	$(BIN)/python tests/benchmarks/gpu.py $(ARGUMENTS)

bench-grading: $(READY) $(GRADERS)/.ready  ## compare grading with nbgrader and otter-grader
	$(BIN)/python tests/benchmarks/grading/bench.py
	$(BIN)/python tests/benchmarks/grading/whole_class.py
	$(BIN)/python tests/benchmarks/grading/scale.py

derive: $(READY)  ## make the notebooks in solutions/ and exercises/ from solutions/*.py
	$(BIN)/coursetools derive

grade: $(READY)  ## grade a class: make grade SUBMISSIONS=folder [OUT=grades] [OPTIONS=--workers=8]
	$(BIN)/coursetools grade $(or $(SUBMISSIONS),$(error say which: make grade SUBMISSIONS=folder)) --out $(or $(OUT),grades) $(OPTIONS)

clean:  ## remove the built site and its cache, keep .venv
	rm -rf _build
