#!/bin/bash
# Unpacks MySQL 9.7 from Debian's unstable suite into the folder $1, which must
# not exist yet. Nothing is installed and the system's own package lists stay as
# they are; it needs no root. The programs bring their own C library and so run
# through $1/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2.
set -euo pipefail
root=$1

fail() {
	echo "unpack-mysql.sh: $*" >&2
	exit 1
}
command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
	fail "MySQL 9.7 comes from Debian's packages, and this machine has no apt-get"
[[ $(dpkg --print-architecture) == amd64 ]] || fail "only amd64 is known"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -e $keyring ]] || fail "missing: the package debian-archive-keyring"
# The system's own mirror, whatever it is.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' |
	awk '/\/debian\/?$/ && !found {print; found = 1}')
[[ -n $mirror ]] || fail "none of the system's package sources is a mirror of Debian"

work=$(mktemp -d "$root.apt.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists,archives}/partial "$work/debs"
echo "deb [signed-by=$keyring] $mirror sid main" >"$work/sources.list"
cat >"$work/apt.conf" <<CONF
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "$work/lists";
Dir::State::status "/dev/null";
Dir::Cache "$work";
Acquire::Languages "none";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
APT::Sandbox::User "root";
CONF
export APT_CONFIG=$work/apt.conf
apt-get update -qq
cd "$work/debs"
# libxxhash0 is needed, though the packages do not say so.
apt-get download -qq mysql-server-core mysql-client-core mysql-common \
	libaio1t64 libbsd0 libc6 libedit2 libgcc-s1 libgoogle-perftools4t64 libicu78 \
	liblz4-1 liblzma5 libmd0 libnuma1 libprotobuf-lite32t64 libssl3t64 libstdc++6 \
	libtinfo6 libunwind8 libxxhash0 libzstd1 zlib1g
mkdir "$root"
for package in *.deb; do
	dpkg -x "$package" "$root"
done
rm -rf "$root"/usr/share/{doc,man,locale,lintian}

# The suite moves: say at once when the list above has become too short.
lib=$root/usr/lib/x86_64-linux-gnu
for program in sbin/mysqld bin/mysql bin/mysqlbinlog; do
	libraries=$("$lib/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$lib:$root/usr/lib/mysql/private" --list "$root/usr/$program") ||
		fail "$program lacks a library: $libraries"
	foreign=$(grep -vF -e "$root/" -e linux-vdso <<<"$libraries" || true)
	[[ -z $foreign ]] || fail "$program lacks a library of its own: $foreign"
done
