# `make help` lists the targets. Python 3.11 or newer and make are enough to start.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# Bytecode is kept even where the environment forbids it: compiling was a quarter of each start of a command.
export PYTHONDONTWRITEBYTECODE :=
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Prints the packages while pip installs them, one a line; pip's own errors are on standard error.
SHOW := awk '/^Collecting / { print "  " $$2; fflush() } /^Successfully/ { print }'
PROTOS := $(wildcard protos/leadline/v1/*.proto protos/leadline/adapter/v1/*.proto protos/leadline/admin/v1/*.proto)
STUBS := clients/python/leadline/v1 clients/python/leadline/adapter/v1 clients/python/leadline/admin/v1
TEST_PROCESSES ?= 4
# Interpreters that `make dist` installs the packages with; by default that of .venv.
PYTHONS ?=
TIMED := tests/timed tests/faults/test_bulkhead.py tests/faults/test_http_outage.py tests/transport/test_call_groups.py \
	tests/transport/test_hardening_calls.py
# Of PostgreSQL, also the tests that run with both ledgers.
POSTGRES := $(sort $(wildcard tests/*/test_*postgres*.py) $(shell grep -l "import each_ledger" tests/*/test_*.py))
QUICK := tests/unit tests/conformance/test_ledger_sqlite.py tests/conformance/test_crm_embedded.py
# Tests that run the core in their own process, PostgreSQL included: coverage of servers that they start is not measured.
COVERING := $(QUICK) tests/conformance/test_ledger_postgres.py tests/conformance/test_crm_embedded_postgres.py \
	$(addprefix tests/system/,$(addsuffix .py,test_ledger_copy_postgres test_postgres_contacts test_postgres_in_ledger test_postgres_ledger \
	test_postgres_limits test_postgres_lookups test_postgres_outcomes test_postgres_placeholders test_postgres_round_trips test_postgres_trouble)) \
	$(addprefix tests/faults/,$(addsuffix .py,test_claims test_claims_requests test_disk test_index_lag test_joined_calls test_leases \
	test_moved_contacts test_outage test_retention test_secrets_rotation test_settling)) tests/faults/bounds tests/faults/http_crm tests/faults/model \
	$(addprefix tests/transport/,$(addsuffix .py,test_access test_account_connections test_accounts test_hardening_errors test_lookup_cache))
CORE := domain delivery contacts ledger

.PHONY: run demo test test-quick test-system check prose generate generate-check openapi openapi-check console screenshots guarantees guarantees-check limits limits-check access access-check adapters adapters-check schema schema-check proto-lint proto-breaking lint types imports bench instructions soak audit sbom docs dist coverage freeze test-lowest lock format help

run: .venv/server ## serve account demo on 127.0.0.1:50051 (Ctrl-C stops)
	exec $(BIN)/leadline serve

demo: .venv/server ## import examples/, replay its calls, show the state and reason of each
	exec $(BIN)/python examples/demo.py

# Many tests wait, so there are more processes than processors. Tests that measure time run alone, at the end.
test: .venv/dev ## run every test
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal -m "not soak and not system and not timed" tests
	$(BIN)/python -m pytest -m timed $(TIMED)

test-quick: .venv/dev ## run the unit tests and the conformance tests of the ledger and the embedded CRM
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal $(QUICK)

# The tests of the page have a process of their own: the browser's driver keeps an event loop running in its process.
# Those of PostgreSQL mostly wait, so two processes run them.
test-system: .venv/dev .venv/deploy-tools ## run the tests that need programs of the system (Chromium, PostgreSQL, SIP programs)
	$(BIN)/python -m pytest -m "system and not soak" tests/system/test_console*.py
	$(BIN)/python -m pytest -m "system and not soak" -n 2 --dist worksteal $(POSTGRES)
	$(BIN)/python -m pytest -m "system and not soak" tests --ignore-glob="*/test_console*.py" $(POSTGRES:%=--ignore=%)

# Two at once, and that of the types, which takes longest, first.
CHECKS := types generate-check openapi-check guarantees-check limits-check access-check adapters-check schema-check lint imports prose proto-lint
check: .venv/dev ## run all checks that need no running server
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target $(CHECKS)

prose: .venv/dev ## fail when texts have too many constructions that are hard to read
	$(BIN)/python tools/prose.py

generate: .venv/dev ## write the typed stubs from protos/
	$(BIN)/python tools/generate.py

generate-check: .venv/dev ## fail when the committed stubs are stale
	$(BIN)/python tools/generate.py --check

openapi: .venv/dev ## write the OpenAPI document of the HTTP port from protos/
	$(BIN)/python tools/openapi.py

openapi-check: .venv/dev ## fail when that document is stale
	$(BIN)/python tools/openapi.py --check

console: .venv/dev ## build the page for people from clients/console (needs Node.js 20 and npm)
	$(BIN)/python tools/console.py --types
	$(BIN)/python tools/console.py

screenshots: .venv/dev ## take the pictures of docs/images, and of every view in build/screenshots (needs Chromium)
	$(BIN)/python tools/screenshots.py
	$(BIN)/python tools/screenshots.py --all build/screenshots

guarantees: .venv/dev ## write the table of docs/guarantees.md from the adapters' capabilities
	$(BIN)/python tools/guarantees.py

guarantees-check: .venv/dev ## fail when that table is stale
	$(BIN)/python tools/guarantees.py --check

limits: .venv/dev ## write the tables of docs/limits.md from the constants in the code
	$(BIN)/python tools/limits.py

limits-check: .venv/dev ## fail when those tables are stale
	$(BIN)/python tools/limits.py --check

access: .venv/dev ## write the table of roles of docs/access.md from the server's own
	$(BIN)/python tools/access.py

access-check: .venv/dev ## fail when that table is stale
	$(BIN)/python tools/access.py --check

adapters: .venv/dev ## write the tables of docs/adapters.md from the adapters' declarations
	$(BIN)/python tools/adapters.py
	$(BIN)/python tools/facts.py

adapters-check: .venv/dev ## fail when those tables are stale
	$(BIN)/python tools/adapters.py --check
	$(BIN)/python tools/facts.py --check

schema: .venv/dev ## write the JSON Schemas of definitions, and the tables of their documents, from the models
	$(BIN)/python tools/definition_schema.py
	$(BIN)/python tools/definition_tables.py
	$(BIN)/python tools/ingress_tables.py

schema-check: .venv/dev ## fail when those schemas or tables are stale
	$(BIN)/python tools/definition_schema.py --check
	$(BIN)/python tools/definition_tables.py --check
	$(BIN)/python tools/ingress_tables.py --check

proto-lint: .venv/dev ## lint the contract (buf STANDARD and COMMENTS)
	$(BIN)/buf lint

proto-breaking: .venv/dev ## fail on a breaking change against the last release's contract
	$(BIN)/python tools/breaking.py

lint: .venv/dev ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/dev ## let ruff fix and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: .venv/dev ## mypy, strict
	$(BIN)/mypy

imports: .venv/dev ## the dependency rule (import-linter)
	$(BIN)/lint-imports

bench: .venv/dev ## measure against a bare grpc.aio echo
	PYTHONPATH=tests $(BIN)/python -m bench

instructions: .venv/dev ## count instructions per call (needs valgrind); fail if 5% more than docs/performance.md has
	PYTHONPATH=tests $(BIN)/python -m bench.instructions --check --calls 160

soak: .venv/dev .venv/vendors ## the long tests
	$(BIN)/python -m pytest -m soak tests

audit: .venv/dev .venv/audit-tools ## find known vulnerabilities in the pinned packages and in the oldest that are allowed
	$(BIN)/python tools/audit.py

sbom: .venv/audit-tools ## write the server's software bill of materials (CycloneDX) to dist/leadline.cdx.json
	mkdir -p dist
	.venv/audit-tools/bin/cyclonedx-py requirements requirements/server.txt --pyproject pyproject.toml --mc-type application --output-reproducible --output-format JSON --output-file dist/leadline.cdx.json

docs: .venv/dev .venv/docs-tools ## build the documentation site in build/docs, and check its links
	$(BIN)/python tools/docs_site.py

dist: .venv/dev ## build wheel and sdist in dist/, install each alone in empty environments, and log a call in each
	rm -f dist/leadline-*
	$(BIN)/hatchling build -d dist
	$(BIN)/python tools/dist_check.py $(PYTHONS)

# Hypothesis' profile "ci" takes the same examples each time, and no test fails for being slow under measurement.
coverage: .venv/dev ## measure the branch coverage of the core, PostgreSQL included; fail if a part has less than 95%
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -q -p no:cacheprovider --hypothesis-profile=ci -m "not soak" $(COVERING)
	$(BIN)/python -m coverage report --fail-under=0
	@for part in $(CORE); do printf "%s " $$part; $(BIN)/python -m coverage report --format=total --include="*/leadline_server/$$part/*" \
	|| failed=1; done; exit $${failed:-0}

freeze: .venv/dev ## make this tree a release: `make freeze VERSION=0.1.0` (see docs/releasing.md)
	$(BIN)/python tools/freeze.py $(VERSION)

test-lowest: ## run the quick tests with the oldest packages that pyproject.toml allows (needs uv)
	bash tools/test_lowest.sh $(QUICK)

lock: ## renew requirements/*.txt with their hashes (needs uv)
	bash tools/lock.sh

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/build: requirements/build.txt | .venv/bin/python
	@echo "Installing the build tools of requirements/build.txt into .venv (once):"
	@set -o pipefail; $(PIP) install --require-hashes -r requirements/build.txt | $(SHOW)
	@touch $@

.venv/server: requirements/server.txt pyproject.toml .venv/build
	@echo "Installing leadline and the packages of requirements/server.txt into .venv (once, about a minute):"
	@set -o pipefail; $(PIP) install --require-hashes -r requirements/server.txt | $(SHOW)
	@set -o pipefail; $(PIP) install --no-deps --no-build-isolation --editable . | $(SHOW)
	@touch $@

.venv/dev: requirements/dev.txt .venv/server
	@echo "Installing the development tools of requirements/dev.txt into .venv (once, about two minutes):"
	@set -o pipefail; $(PIP) install --require-hashes --no-build-isolation -r requirements/dev.txt | $(SHOW)
	@touch $@

.venv/audit-tools: requirements/audit.txt | .venv/bin/python
	@echo "Installing the tools of requirements/audit.txt into .venv/audit-tools (once):"
	@$(PYTHON) -m venv .venv/audit-tools
	@set -o pipefail; .venv/audit-tools/bin/python -m pip install --require-hashes -r requirements/audit.txt | $(SHOW)
	@touch $@

.venv/deploy-tools: requirements/deploy.txt | .venv/bin/python
	@echo "Installing the tools of requirements/deploy.txt into .venv/deploy-tools (once):"
	@$(PYTHON) -m venv .venv/deploy-tools
	@set -o pipefail; .venv/deploy-tools/bin/python -m pip install --require-hashes -r requirements/deploy.txt | $(SHOW)
	@touch $@

.venv/docs-tools: requirements/docs.txt | .venv/bin/python
	@echo "Installing the tools of requirements/docs.txt into .venv/docs-tools (once):"
	@$(PYTHON) -m venv .venv/docs-tools
	@set -o pipefail; .venv/docs-tools/bin/python -m pip install --require-hashes -r requirements/docs.txt | $(SHOW)
	@touch $@

.venv/vendors: requirements/vendors.txt .venv/dev
	@echo "Installing the phone systems' libraries of requirements/vendors.txt into .venv (once):"
	@set -o pipefail; $(PIP) install --require-hashes -r requirements/vendors.txt | $(SHOW)
	@touch $@
