# What a developer types. Each target is one script in Scripts/, which also runs without make.

.DEFAULT_GOAL := help
.PHONY: help run test verify format proto bench chaos mutants proof

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Install what is missing, build in release, start the shop on :8080 (DATA=file.csv.gz for a catalogue of your own)
	@Scripts/run

test: ## Install what is missing, build in debug, run every test (ARGS='--filter Name' for some)
	@Scripts/test $(ARGS)

verify: ## Check formatting, layers, banned words, generated code, contracts and links
	@Scripts/verify

format: ## Format all Swift that is written by hand
	@Scripts/format

proto: ## Generate Swift, OpenAPI and routes from Contracts/proto
	@Scripts/setup proto
	@Scripts/proto
	@Scripts/crash-points

bench: ## Measure, and write Docs/Benchmarks.md
	@Scripts/setup test
	@Scripts/bench

chaos: ## Hurt the real processes of a shop and judge from outside (ARGS='--all --long --kills 300' for all of it)
	@Scripts/chaos $(ARGS)

mutants: ## Plant known bugs in copies of the code, and let the simulation find each (ARGS='--only NAME' for some)
	@Scripts/mutants $(ARGS)

proof: ## Simulate, kill, plant bugs, for hours, and write Docs/Proof.md (ARGS='--scale 0.02' for a trial)
	@Scripts/setup test
	@Scripts/proof $(ARGS)
