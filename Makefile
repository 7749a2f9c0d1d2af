# One list of commands. `make` alone explains them.
.DEFAULT_GOAL := help
BIN := .venv/bin
# One worker runs what needs the machine to itself, the others share the rest by files (tests/conftest.py).
WORKERS := -n 3 --dist loadgroup
UNIT := tests/unit tests/contract tests/rules wire signatures collector model api

.PHONY: help install up test check demo bench rules-e2e benign docs lock clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## install what `make up` needs: OS packages (as root) and .venv
	@deploy/install.sh run

up: install ## run service, learner and this node's agent; Ctrl-C stops all of it
	@$(BIN)/nonself up $(ARGS)

test: ## run all tests; those with kernel and containers need root and are skipped otherwise
	@deploy/install.sh lab
	@$(BIN)/python -m pytest $(WORKERS) $(ARGS)

check: ## lint, types, import rules, unit and contract tests with branch coverage
	@deploy/install.sh dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q $(WORKERS) --cov --cov-report=term:skip-covered -m "not kernel and not containers and not slow" $(UNIT)

demo: ## tell the whole story on real containers: learn, enforce, intrude (root)
	@deploy/install.sh lab
	@PYTHONPATH=deploy $(BIN)/python -m demo $(ARGS)

bench: ## measure what it costs beside a floor and peers (root); docs/overhead.md
	@deploy/install.sh lab
	@PYTHONPATH=deploy $(BIN)/python -m bench $(ARGS)

RULES ?= ../shared/rules/falco/falco_rules.yaml
rules-e2e: ## run an end-to-end suite of rules on the live kernel: SUITE=FILE [RULES=FILES] (root)
	@deploy/install.sh lab
	@PYTHONPATH=deploy $(BIN)/python -m rules_e2e $(SUITE) --rules $(RULES) $(ARGS)

benign: ## hold the default rules against ten minutes of benign load on real containers (root)
	@deploy/install.sh lab
	@PYTHONPATH=deploy $(BIN)/python -m benign $(ARGS)

docs: ## write the generated references: settings, metrics, default rules
	@deploy/install.sh dev
	@$(BIN)/nonself reference > docs/reference.md
	@$(BIN)/nonself-agent reference > docs/agent-settings.md
	@$(BIN)/python docs/default_rules.py

lock: ## resolve the dependencies anew into the two lock files
	@deploy/install.sh dev
	@$(BIN)/python -m pip install --quiet uv
	@for set in "requirements.lock" "requirements-dev.lock --group dev"; do \
	  set -- $$set; out=$$1; shift; \
	  $(BIN)/uv pip compile pyproject.toml "$$@" --universal --python-version 3.11 --no-emit-index-url \
	    --generate-hashes --quiet --custom-compile-command "make lock" --output-file $$out; done

clean: ## remove what was built; the state in var/ stays
	@rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage*
