# make quickstart: set up, run the phantom study, print Table 1.   make test: set up, run the tests.
PYTHON ?= python3
PIP_FLAGS ?=
TEST_PROCESSES ?= 2
BIN := .venv/bin

.PHONY: quickstart test lint clean

quickstart: .venv/.installed
	$(BIN)/python -m benchmarks run benchmarks/studies/quickstart.toml

test: .venv/.installed
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# uv inside the environment installs in a minute what pip needs many for
.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11: give a newer one, for example: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) -c constraints.txt uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[slurm,compressed,jpeg,docx,test,lint]'
	touch $@

clean:
	rm -rf .venv build *.egg-info
