# The developer commands. Each target runs one script in Scripts/, which also runs without make.

.DEFAULT_GOAL := help
.PHONY: help run test verify format docs examples proto bench profile allocations chaos hostile prove-hostile mutants new-service proof prove-model prove-purge prove-rotation

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Install missing packages, build in release, start the shop on :8080 (DATA=file.csv.gz for your own catalogue)
	@Scripts/run

test: ## Install missing packages, build in debug, run all tests (ARGS='--filter Name' for some)
	@Scripts/test $(ARGS)

verify: ## Check formatting, layers, banned APIs, generated code, contracts and links
	@Scripts/verify

format: ## Format all hand-written Swift
	@Scripts/format

examples: ## Compile the examples in documentation comments, after make test
	@Scripts/checks/examples

docs: ## Write the API reference to .build-docs, without warnings or broken links
	@Scripts/setup run
	@Scripts/docs

proto: ## Generate Swift, OpenAPI and routes from Contracts/proto
	@Scripts/setup proto
	@Scripts/proto
	@Scripts/crash-points

bench: ## Run the benchmarks, and write Docs/Benchmarks.md (ARGS='--against COMMIT' to compare with an earlier commit, ARGS=--traced for the cost of traces)
	@Scripts/setup test
	@Scripts/bench $(ARGS)

allocations: ## Count the allocations of an order's paths; fails when they have grown (ARGS=--accept accepts them)
	@Scripts/allocations $(ARGS)

profile: ## Run the standard replay under perf: tables and a flame graph in .build-profile (ARGS='--process ordersd' for one process, ARGS=--page for the guide's budget)
	@Scripts/profile $(ARGS)

chaos: ## Inject faults into a shop of real processes and check the invariants (ARGS='--all --long --kills 300' for all)
	@Scripts/chaos $(ARGS)

hostile: ## Send a shop what an unknown caller may send, for two minutes (ARGS='--seconds 1800' for longer)
	@Scripts/hostile $(ARGS)

prove-hostile: ## Send a shop what its OpenAPI document allows and forbids, for five minutes (ARGS='--seed 2' for other requests)
	@Scripts/setup test
	@Simulations/Hostile/openapi --seconds 300 $(ARGS)

mutants: ## Mutation testing: plant known bugs, and find each by simulation (ARGS='--only NAME' for some)
	@Scripts/mutants $(ARGS)

new-service: ## Add a small service to a copy of the tree, and build it (ARGS=--test runs its tests)
	@Scripts/setup proto
	@Scripts/new-service $(ARGS)

proof: ## Run simulations, kills and mutants for hours, and write Docs/Proof.md (ARGS='--scale 0.02' for a trial)
	@Scripts/setup test
	@Scripts/proof $(ARGS)

prove-model: ## Explore every state of one key to a depth of 12: restores, resends, gaps (ARGS='--depth 8' for less)
	@Simulations/Model/prove $(ARGS)

prove-purge: ## Publish 2,000 events a second for ten minutes with a retention of one: sizes stay (ARGS='--seconds 120' for less)
	@Simulations/Purge/prove $(ARGS)

prove-rotation: ## Rotate the keys of a shop twenty times at 200 requests a second: none fails (ARGS='--rotations 2' for less)
	@Simulations/Rotation/prove $(ARGS)
