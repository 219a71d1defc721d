#!/bin/bash
# Runs each fuzz target of the repository for $1 (such as 60s), one after the
# other, and stops at the first that fails.
set -euo pipefail
time=$1

for package in $(go list ./...); do
	# A package without tests answers with its name only.
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "$package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
	done
done
