#!/bin/bash
# Runs each fuzz target of the repository for $1 (such as 60s), one after the
# other, and stops at the first that fails.
set -euo pipefail
time=$1

for package in $(go list ./...); do
	listed=$(go test -list '^Fuzz' "$package") # stops here if it does not compile
	for target in $(grep '^Fuzz' <<<"$listed" || true); do
		echo "$package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 20x "$package"
	done
done
