# `make demo` deploys a cloud on this machine from nothing; `make test` runs the fast tests. `make help` lists all.

PYTHON := .venv/bin/python
NODES ?= machines
export PYTHONPATH := $(CURDIR)

.PHONY: help demo clean-demo bootstrap bootstrap-tests bootstrap-host test unit bench lint test-functional test-long test-baremetal test-conformance test-validation templates docs reference clean

help: ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 28

demo: ## From nothing to a cloud on virtual machines, as root on a Debian 12 (NODES=containers: in a hurry)
	@[ "$$(id -u)" = 0 ] || { echo 'make demo makes nodes and images, which needs root: run it as root, or with sudo.' >&2; exit 1; }
	@begun=$$(date +%s) && tools/bootstrap.sh --host $(if $(filter machines,$(NODES)),--rack) && \
	    exec $(PYTHON) -m tools.demo --nodes $(NODES) --begun $$begun $(DEMO_OPTIONS)

clean-demo: ## Remove what `make demo` made: nodes, registry, state, images
	@if [ -x $(PYTHON) ]; then exec $(PYTHON) -m tools.demo --clean; fi

bootstrap: ## Make the virtual environment .venv with undercloud in it
	@tools/bootstrap.sh

bootstrap-tests:
	@tools/bootstrap.sh --tests

bootstrap-host:
	@tools/bootstrap.sh --host --tests

test: bootstrap-tests lint unit ## Run the fast tests: style, types, import layers, unit tests

lint: ## Check style, types and import layers
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

unit: ## Run the unit tests
	$(PYTHON) -m pytest -n 2 tests/unit $(PYTEST_OPTIONS)

UPSTREAM := .demo/upstream
THT := tripleo-heat-templates

templates: bootstrap-tests ## Fetch TripleO's own templates, which the conformance tests compile
	@[ -e $(UPSTREAM)/$(THT)-18.0.0/overcloud.j2.yaml ] || { mkdir -p $(UPSTREAM) && \
	    $(PYTHON) -m pip download -q --no-deps --no-binary :all: --dest $(UPSTREAM) $(THT)==18.0.0 && \
	    tar -xzf $(UPSTREAM)/tripleo*heat*templates-18.0.0.tar.gz -C $(UPSTREAM); }

test-conformance: templates ## Compare with TripleO and real Heat (what needs the shared golden plans is skipped without them)
	$(PYTHON) -m pytest -n 2 -m "not long" tests/conformance $(PYTEST_OPTIONS)

test-validation: templates ## Validate every sample that TripleO and we ship, and all plans that are kept for it
	$(PYTHON) -m pytest -n 2 tests/conformance/validation $(PYTEST_OPTIONS)

docs: bootstrap-tests ## Build the pages in site/
	$(PYTHON) -m pip install -q 'mkdocs>=1.6,<2' && $(PYTHON) -m mkdocs build --strict --site-dir site

reference: bootstrap-tests ## Write docs/reference anew from the sources, rules and templates
	$(PYTHON) -m tools.reference

bench: templates ## Measure what compiling costs (BENCH_OPTIONS=--heat: beside real Heat)
	$(PYTHON) -m benchmarks.compile $(BENCH_OPTIONS)
	$(PYTHON) -m benchmarks.status

test-functional: bootstrap-host ## Deploy a cloud on emulated nodes, change it, break it, delete it (as root)
	$(PYTHON) -m pytest -m "functional and not long" tests/functional $(PYTEST_OPTIONS)

test-long: bootstrap-host ## Run the functional tests that take long too (as root)
	$(PYTHON) -m pytest -m functional tests/functional $(PYTEST_OPTIONS)

test-baremetal: ## Take a machine of a virtual rack from power-on to SSH, with real Ironic (as root)
	@tools/bootstrap.sh --rack --tests
	$(PYTHON) -m pytest -m functional tests/functional/baremetal $(PYTEST_OPTIONS)

clean: clean-demo ## Remove everything that is not in git
	rm -rf .venv .demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
