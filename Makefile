# `make demo` and `make test` do all of their own set-up, inside .venv/; `make help` lists the rest.

SHELL := /bin/bash
# Not everybody's PATH has them, and the Docker daemon lives there.
export PATH := $(PATH):/usr/sbin:/sbin
.DEFAULT_GOAL := help
.PHONY: help setup demo docs test test-lint test-unit test-sanity test-older-cores test-package test-integration test-matrix molecule format clean

FLAVOUR ?= mysql-9.7
export FLAVOUR

checks = .venv/bin/python tests/tools/checks.py

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Set up everything that the tests need
	@tests/tools/setup test

demo: ## Break a real replica, repair it and prove it (FLAVOUR=mysql-9.7, mysql-5.6, mariadb-10.11 or mariadb-11.8)
	@tests/tools/setup base
	@tests/demo/run

test: setup ## Lint, sanity, unit, package and integration tests
	@$(checks) all

test-lint: setup ## Linters, types and documentation
	@$(checks) lint

docs: setup ## Build the documentation as a site, in dist/docs
	@$(checks) docs

test-unit: setup ## Unit tests on the oldest and the newest Python and with the oldest driver
	@$(checks) unit

test-sanity: setup ## ansible-test sanity
	@$(checks) sanity

test-older-cores: setup ## ansible-test sanity with every older ansible-core that is supported; not part of test
	@$(checks) older-sanity

test-package: setup ## Build the archive, import it as Galaxy does, install it and read its documentation
	@$(checks) package

test-integration: setup ## Real servers of all four flavours
	@$(checks) integration

test-matrix: setup ## Every finding and remedy in every mode: hours, in shards, resumable
	@$(checks) matrix

molecule: setup ## Roles that restart servers or install a timer, under systemd: minutes
	@$(checks) molecule

format: setup ## Format the Python code
	@.venv/bin/ruff check --fix --select I . && .venv/bin/ruff format .

clean: ## Remove what set-up, the tools and the lab left: .venv/, caches, containers, networks, images
	@tests/tools/clean
