#!/bin/sh
# Measures where the time of a row goes and writes that for the compiler, which
# `make release` gives it to.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in capture/mysql/values capture/postgres; do
	name=$(echo "$package" | tr / -)
	go test -trimpath -run '^$' -bench '^BenchmarkRow$' -benchtime 10s -cpuprofile "$work/$name.prof" -o "$work/$name.test" "./$package"
done
go tool pprof -proto "$work"/*.prof >"$work/rows.pgo"
mv "$work/rows.pgo" cmd/tailrace/rows.pgo
