# `make bench` and `make test` need Python >= 3.11 (with venv) and make; the rest they install.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The CUDA version that the driver shows, if there is one, decides which CuPy is installed.
CUDA := $(shell nvidia-smi 2>/dev/null | sed -n 's/.*CUDA Version: *\([0-9]*\).*/\1/p')
comma := ,
EXTRAS := numba$(if $(filter 12 13,$(CUDA)),$(comma)cuda$(CUDA))

# Build dependencies follow the same pins as everything else.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet \
	--constraint constraints.txt --build-constraint constraints.txt

.PHONY: bench test test-long lint readme clean asv asv-preview

bench: $(VENV)/bench.installed
	$(BIN)/mnist-bench run

# A file's tests stay together, for the sake of what they share; the long ones want both cores.
test: $(VENV)/dev.installed
	$(BIN)/pytest -m "not long" -n 2 --dist loadfile

test-long: $(VENV)/dev.installed
	$(BIN)/pytest -m long

lint: $(VENV)/dev.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The table and the pictures of README and docs/, from the reference run.
readme: $(VENV)/bench.installed
	$(BIN)/mnist-bench report results/reference/epyc-2-cores --format readme --out README.md

# The last three commits, each in an environment of its own, as pages that open offline.
asv: $(VENV)/dev.installed
	$(BIN)/asv machine --yes
	$(BIN)/asv run --quick --show-stderr HEAD~3..HEAD
	$(BIN)/asv publish
	$(BIN)/python -m bench.asv_pages

asv-preview: $(VENV)/dev.installed
	$(BIN)/asv preview

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "make: Python >= 3.11 is needed; set PYTHON=/path/to/one"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "make: Python's venv is missing; install it (Debian: python3-venv)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt --upgrade pip

$(VENV)/bench.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[$(EXTRAS)]'
	@touch $@

$(VENV)/dev.installed: $(VENV)/bench.installed
	$(PIP) --group dev $(if $(filter 12 13,$(CUDA)),,--group cuda-compilers)
	@touch $@
