# One verb a habit. Every verb installs what it needs (a venv, the pinned npm CDK CLI) and is quick the second time.
PYTHON ?= python3
ENV ?= dev
VENV := .venv
PY := $(VENV)/bin/python
UV := .ci/uv.txt
READY := $(VENV)/.ready node_modules/.ready
# jsii warns about Node versions in a banner on each start: these need none.
NODES := 20,21,22,23,24,25,26
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := $(NODES)
export JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION := $(NODES)
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := $(NODES)

.PHONY: help demo demo-strict test faults check synth deploy train bench image lock clean
.DEFAULT_GOAL := help

help: ## Show the verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(VENV)/.ready: requirements.txt $(UV)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Castline needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing the Python packages into $(VENV) (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(UV)
	@$(VENV)/bin/uv pip sync --quiet --require-hashes --python $(PY) requirements.txt
	@touch $@

node_modules/.ready: package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' \
		|| { echo "Castline needs Node 20 or newer for the CDK command line"; exit 1; }
	@echo "Installing the pinned CDK command line into node_modules (once)"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

demo: $(READY) ## The whole pipeline on the embedded AWS [DATA=folder]: deploy, upload, train, publish, predict
	@$(PY) -m app.demo $(if $(DATA),--data "$(DATA)")

demo-strict: $(READY) ## The same where IAM decides: TLS, signed requests, every policy evaluated [DATA=folder]
	@$(PY) -m app.demo --strict $(if $(DATA),--data "$(DATA)")

test: $(READY) ## All tests
	@$(PY) -m pytest -n 2 --dist loadscope --no-loadscope-reorder

faults: $(READY) ## Every fault of docs/reliability.md and each role of docs/roles.md, on deployed stacks (half an hour)
	@$(PY) -m pytest tests/faults tests/strict -m "faults or not faults"

check: $(READY) ## Style, types, security rules of the stacks, templates and the state machine
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy app infra lambdas training_container/maskrcnn benchmarks
	@$(VENV)/bin/mypy app.py
	@$(PY) -m infra.checks

synth: $(READY) ## The CloudFormation templates, offline [ENV=dev]
	@npx cdk list --no-notices -c env=$(ENV) --output build/cdk.out/$(ENV)
	@echo "The templates are in build/cdk.out/$(ENV)"

deploy: $(READY) ## The stacks into your AWS account [ENV=dev]
	@$(PY) -m app deploy --aws --env $(ENV)

bench: $(READY) ## The benchmark tables of docs/performance.md
	@PYTHONPATH=.:training_container TF_CPP_MIN_LOG_LEVEL=3 $(PY) -m benchmarks

image: ## Build the container without a Docker engine and prove its four programs (docs/container.md)
	@training_container/image/build-locally.sh

lock: $(VENV)/.ready ## Resolve requirements.txt from pyproject.toml
	@$(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" pyproject.toml -o requirements.txt
	@training_container/image/lock.sh

clean: ## Remove what the verbs made (not .castline, the embedded AWS's state)
	@rm -rf build cdk.out .venv node_modules .mypy_cache .ruff_cache
