#!/bin/bash
# Installs the Debian packages that the tests need and this machine lacks; with the
# argument flink, those of make accept-flink too, and so with lint and image. Does
# nothing, quickly, when all are there.
set -euo pipefail

missing=()
[[ -x /usr/lib/postgresql/15/bin/postgres ]] || missing+=(postgresql-15)
# None of these starts a server; mariadb-client has mariadb-binlog.
[[ -x /usr/sbin/mariadbd ]] || missing+=(mariadb-server-core)
[[ -x /usr/bin/mariadb ]] || missing+=(mariadb-client-core)
[[ -x /usr/bin/mariadb-binlog ]] || missing+=(mariadb-client)
# MariaDB 11.4 comes from Maven Central, in a jar, and Kafka in many.
command -v java >/dev/null || missing+=(openjdk-17-jre-headless)
command -v mvn >/dev/null || missing+=(maven)
# The stand-ins for Kinesis come from npm, which may come with Node.
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
command -v unzip >/dev/null || missing+=(unzip)
command -v make >/dev/null || missing+=(make)
# The race detector needs cgo: a compiler and the C library's headers.
command -v gcc >/dev/null || missing+=(gcc)
[[ -e /usr/include/stdlib.h ]] || missing+=(libc6-dev)
# Flink comes from a package for Python.
[[ ${1-} != flink ]] || command -v pip3 >/dev/null || missing+=(python3-pip)
if [[ ${1-} == lint ]]; then
	command -v pip3 >/dev/null || missing+=(python3-pip) # tools come as packages for Python
	command -v systemd-analyze >/dev/null || missing+=(systemd)
fi
if [[ ${1-} == image ]]; then
	command -v buildah >/dev/null || missing+=(buildah)
	command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
fi
((${#missing[@]})) || exit 0

if ((EUID != 0)); then
	echo "install.sh: missing: ${missing[*]}; run as root: apt-get install ${missing[*]}" >&2
	exit 1
fi
if ! command -v apt-get >/dev/null; then
	echo "install.sh: missing: ${missing[*]}; only Debian's apt-get is known here, install them by hand" >&2
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive
install=(apt-get install --yes --no-install-recommends)
apt-get update
if [[ " ${missing[*]} " == *" postgresql-15 "* ]]; then
	# The package would start a server of its own; the tests only use its programs.
	"${install[@]}" postgresql-common </dev/null
	sed -i 's/^#\?create_main_cluster *=.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
fi
"${install[@]}" "${missing[@]}" </dev/null
