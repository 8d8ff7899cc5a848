# `make help` says what there is. Everything runs in a virtual environment of its own.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORE := $(VENV)/core
DEV := $(VENV)/dev

.PHONY: help gallery demo browser test quick check tree docs e2e bench soak fuzz clean

help:
	@echo "make demo    install evenodds alone, train on people, and say what to do next"
	@echo "make quick   the quick tests, three minutes: no whole games, studio or distributed training"
	@echo "make test    every test, fast ones first"
	@echo "make check   formatting, lint, types, layers"
	@echo "make tree    the file tree of CONTRIBUTING.md, written anew"
	@echo "make docs    the documentation site, into site/"
	@echo "make e2e     the end-to-end runs of CI, about six minutes"
	@echo "make bench   the benchmarks, hours; BENCH=people for one"
	@echo "make gallery GALLERY=people  train a model of the gallery, or go on with it, and pack it"
	@echo "make soak    100 kills and full disks, minutes"
	@echo "make fuzz    100,000 hostile inputs a surface, an hour; INPUTS=1000 for fewer"
	@echo "make clean   remove the virtual environment and what was built"

# Without --no-compile pip compiles every module of every package, of which a command imports a few.
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --prefer-binary --no-compile

# The package and what every command needs.
$(CORE): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e .
	@touch $@

# The extras, the tests' tools and the documentation's.
$(DEV): $(CORE)
	$(INSTALL) -e '.[dev]'
	@touch $@

demo: $(CORE)
	$(BIN)/evenodds train people --out runs/people
	@echo
	@echo "Next:"
	@echo "  open runs/people/report.html in a browser"
	@echo "  $(BIN)/evenodds sample runs/people -n 1000"
	@echo "  $(BIN)/evenodds judge runs/people height=170,weight=63"
	@echo "  $(BIN)/evenodds train YOUR.csv (or a folder of pictures)"
	@echo "  make test (installs the extras and runs every test)"

# The browser that the studio's tests drive: Debian's. Where it cannot be had, those tests say so and are skipped.
CHROMIUM := chromium chromium-browser google-chrome
browser:
	@for name in $(CHROMIUM); do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get install -qq -y --no-install-recommends chromium >/dev/null \
	  || { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium >/dev/null; }; \
	fi || true; \
	for name in $(CHROMIUM); do command -v $$name >/dev/null && exit 0; done; \
	echo "No Chromium: the studio's browser tests are skipped. As root: apt-get install chromium"

# A process a core, since most tests keep one busy; a file's tests stay together, for what they have in common.
PYTEST := $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile
test: $(DEV) browser
	$(PYTEST) -m "not slow and not end_to_end"
	$(PYTEST) -m slow

quick: $(DEV)
	$(PYTEST) -m "not slow and not medium and not end_to_end" --ignore tests/studio

check: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_layers.py tests/project/test_names.py

# The file tree of CONTRIBUTING.md, from the docstrings.
tree: $(DEV)
	$(BIN)/python -m tests.project.tree

# Strictly: a warning is an error. Nothing is fetched.
docs: $(DEV)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# One of them: make bench BENCH=people. BENCH=adult needs CTGAN=PYTHON, one that has ctgan, whose licence keeps it out of ours.
BENCH ?= people proof digits faces memory networks judge outside modes-ring modes-grid stops-digits stops-faces \
  tempo-people tempo-grid tempo-digits tempo-faces \
  labels-mnist labels-fashion labels-faces labels-adult pairs-outlines pairs-facades \
  quality-fashion quality-faces photographs transfer scales choice style stacked \
  groups speed levers layouts svm-mnist svm-fashion growth sampling runtimes scaling steering-faces studio watched
bench: $(DEV)
	for name in $(BENCH); do \
	  case $$name in \
	    digits|faces) set -- pictures.py $$name;; \
	    modes-*|stops-*|tempo-*|labels-*|pairs-*|svm-*|steering-*|quality-*) set -- $${name%%-*}.py $${name##*-};; \
	    adult) set -- adult.py --ctgan $(CTGAN);; \
	    judge) set -- judge.py people digits faces;; \
	    presets) set -- presets.py $(TABLES);; \
	    *) set -- $$name.py;; \
	  esac; \
	  $(BIN)/python benchmarks/$$@ || exit 1; \
	done

# What training and packing need stays in RUNS, so that the same command goes on.
GALLERY ?= people
RUNS ?= runs/gallery
gallery: $(DEV)
	$(BIN)/python benchmarks/gallery.py $(GALLERY) --runs $(RUNS)

soak: $(DEV)
	$(BIN)/python -m tests.robustness.soak

INPUTS ?= 100000
fuzz: $(DEV)
	$(BIN)/python -m tests.robustness.fuzz $(INPUTS)

e2e: $(DEV)
	$(PYTEST) --dist load -m end_to_end

clean:
	rm -rf $(VENV) build dist site src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
