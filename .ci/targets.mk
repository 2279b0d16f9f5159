# Targets that people call; the Makefile holds how things are built.
clean: ; rm -rf build
help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile .ci/targets.mk | sed 's/:.*##/:/' | sort | column -t -s: || true
