# The Long Tail Course. Python >= 3.10 and make are all that is needed:
#
#   make book    execute the notebooks at scale `tiny` and build the HTML; prints where it is
#   make test    unit tests, and every notebook cell by cell
#   make test-fast   tests of the core alone: no lessons, no evidence, no shards, no notebooks
#   make coverage    the same, and the share of the core's lines that they run
#   make full    all of it: test, check, book, pages, fifteen recorded runs trained again; writes
#                book/trust.json
#   make pack TERM=2027S   one zip for a class: notebooks, slides, quizzes, graders, plans;
#                trains and executes nothing; START=2027-04-19 sets the first day,
#                SEED=271 what the graders' hidden inputs are drawn by
#   make lab     the notebooks in JupyterLab
#   make check   style, types, notebook pairs, prose
#   make verify  train one recorded run again and compare
#   make book-offline   one zip of the built book that needs no network
#   make pdf     the built book on paper, by Chromium; SOLUTIONS=yes prints solutions and answers
#   make epub    the book as an ePub, from the notebooks that `make book` ran
#   make pages   tests of the built book (after `make book`)
#   make gpu-check   what can be measured on a GPU in eight minutes; needs one
#   make numbers OLD=v0.3.0 NEW=main   recorded numbers that differ between two commits
#   make bench   times and memory beside peers and physical limits; only on a quiet machine
#   make size    how long the package is, by part; fails above its limits
#   make lock    remake requirements.lock (needs uv)
#   make clean   remove what was built; the environment stays

PYTHON ?= python3
UV ?= uv
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.lt-course
# What pytest found in a whole run, for book/trust.json. Not in _build, which a build may empty.
REPORTS := .reports

# One thread a process: two single-thread workers beat one two-thread run.
export OMP_NUM_THREADS ?= 1
export LT_SCALE ?= tiny

.PHONY: book book-offline pdf epub test test-fast coverage full pack lab check verify pages gpu-check \
  numbers bench size lock clean
.DEFAULT_GOAL := book

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "The Long Tail Course needs Python 3.10 or newer: make PYTHON=/path/to/python." >&2; \
	  exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

book: $(READY)
	@$(BIN)/python book/tools/build_book.py

book-offline: $(READY)
	@$(BIN)/python book/tools/zip_book.py

SOLUTIONS ?= no
pdf: $(READY)
	@$(BIN)/python book/tools/print_book.py --solutions $(SOLUTIONS)

epub: $(READY)
	@$(BIN)/python book/tools/epub_book.py

# Training differs from processor to processor, so the notebooks' comparison is lax: every cell
# must run, and those tagged nbval-check-output must print what is stored. All of them share
# one fresh run store; what passed is kept, so that `make book` need not train it again.
test: $(READY)
	@store=$$(mktemp -d) && trap 'rm -rf "$$store"' EXIT INT TERM && \
	LT_COURSE_STORE="$$store" $(BIN)/python -m pytest \
	  -n 2 --dist loadfile --no-loadscope-reorder --durations 10 -rs \
	  --nbval-lax --nbval-current-env --nbval-cell-timeout 1800 \
	  --nbval-sanitize-with tests/nbval_sanitize.cfg \
	  $(if $(LT_COURSE_FULL),--junitxml $(REPORTS)/tests.xml) \
	  --ignore tests/pages --ignore notebooks/solutions notebooks tests && \
	$(BIN)/python book/tools/keep_runs.py "$$store"

test-fast: $(READY)
	$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/core

coverage: $(READY)
	$(BIN)/python -m coverage run -m pytest -q tests/core
	$(BIN)/python -m coverage combine -q && $(BIN)/python -m coverage report

full: export LT_COURSE_FULL = 1
full: test check book pages
	$(BIN)/python book/tools/trust.py record $(REPORTS)/tests.xml $(REPORTS)/pages.xml
	$(BIN)/lt-course study verify --sample 15 --seed 0

# Without a term on the command line, TERM is the terminal's name, and the tool says what to write.
pack: $(READY)
	@$(BIN)/python book/tools/pack.py "$(TERM)" $(if $(START),--start "$(START)") $(if $(SEED),--seed "$(SEED)")

lab: $(READY)
	$(BIN)/python -m jupyterlab notebooks

check: $(READY)
	$(BIN)/python benchmarks/size.py
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini
	$(BIN)/python book/tools/vendor.py --check
	$(BIN)/python book/tools/notebooks.py check
	$(BIN)/python -m pytest -q tests/test_environment.py tests/test_pairs.py tests/test_prose.py

# Where a GPU is, this environment need not be: any Python with torch will do.
gpu-check:
	$(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) benchmarks/gpu_check.py

numbers: $(READY)
	@$(BIN)/python book/tools/numbers_changed.py "$(OLD)" "$(NEW)"

bench: $(READY)
	$(BIN)/python benchmarks/bench.py

size: $(READY)
	$(BIN)/python benchmarks/size.py

# Chosen by the day of the year, so that one after the other comes up.
verify: $(READY)
	$(BIN)/lt-course study verify --sample 1 --seed $$(date +%j) --scale tiny

pages: $(READY)
	$(BIN)/python -m pytest -q $(if $(LT_COURSE_FULL),--junitxml $(REPORTS)/pages.xml) tests/pages

# Lower bounds come from pyproject.toml, the few exact pins from constraints.txt.
lock:
	@command -v $(UV) >/dev/null || { \
	  echo "make lock needs uv (https://docs.astral.sh/uv/): make lock UV=/path/to/uv." >&2; \
	  exit 1; }
	$(UV) pip compile pyproject.toml --extra book --extra test --universal \
	  --python-version 3.10 --generate-hashes --no-header -c constraints.txt -o requirements.lock

clean:
	rm -rf _build $(REPORTS) .mypy_cache .ruff_cache .pytest_cache
