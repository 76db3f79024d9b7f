# `make` lists the targets. Everything runs in .venv, which `make setup` makes.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
INSTALLED := $(shell find ros_nodes/robot_meta_msgs -type f) \
  $(wildcard launch/*.launch.py ros_nodes/config/* scripts/*)
PYTEST_ARGS ?=
# Two workers; tests of a file stay together, and one worker runs all those with ROS (tests/conftest.py).
PYTEST := $(BIN)/python -m pytest -q -n 2 --dist loadfile

# Another environment's ROS bootstrap and libraries must not leak into ours.
unexport _ROS_WHEELS_BOOTSTRAP_COMPLETE
unexport LD_LIBRARY_PATH
unexport PYTHONPATH

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-slow check format tables clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## make .venv and install everything (again only when something changed)

$(STAMP): pyproject.toml tools/setup.sh $(INSTALLED)
	@tools/setup.sh
	@touch $@

demo: $(STAMP) ## show the robot five tasks once each, and watch it do them (DEMO_ARGS="--seed 3 --task push")
	$(BIN)/robot-meta demo $(DEMO_ARGS)

test: $(STAMP) ## all tests but the slow ones, ROS included (PYTEST_ARGS="-k gate")
	$(PYTEST) -m "not slow" $(PYTEST_ARGS)

test-fast: $(STAMP) ## the tests without ROS
	$(PYTEST) -m "not slow and not ros" $(PYTEST_ARGS)

test-slow: $(STAMP) ## the slow tests: learning to a threshold
	$(BIN)/python -m pytest -q -m slow --timeout 0 $(PYTEST_ARGS)

check: $(STAMP) ## ruff, mypy, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

tables: $(STAMP) ## rewrite the README's tables and figures from results/
	$(BIN)/robot-meta tables

clean: ## remove build folders and caches; .venv, results and episodes stay
	rm -rf build install log dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
