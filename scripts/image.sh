#!/bin/bash
# Builds the image of the Dockerfile with buildah, as root and without a daemon, and
# lists what its root file system holds. Where the registry of the builder's base
# image can't be reached, the base is made on the spot from Debian's packages and this
# machine's Go, and the script says so: the Dockerfile is then tried as it is, but what
# comes out is not for release.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1
((EUID == 0)) || { echo "image.sh: run it as root" >&2; exit 1; }
name=localhost/tailrace:$version
base=docker.io/library/golang:1.26-bookworm

work=$(mktemp -d)
container=
buildah() { command buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$@"; }
clean() {
	[[ -z $container ]] || buildah rm "$container" >/dev/null
	rm -rf "$work"
}
trap clean EXIT

arguments=()
if ! buildah pull --quiet "$base" >/dev/null 2>"$work/why"; then
	echo "image.sh: $base can't be pulled: $(tail -n 1 "$work/why")"
	echo "image.sh: building on a base made of Debian's packages and $(go version) instead"
	base=localhost/builder
	mmdebstrap --quiet --variant=apt --include=ca-certificates,make bookworm "$work/base.tar" >/dev/null
	builder=$(buildah from scratch)
	buildah add --quiet "$builder" "$work/base.tar" / >/dev/null
	buildah add --quiet "$builder" "$(go env GOROOT)" /usr/local/go >/dev/null
	# Who stands between this machine and the registries of packages.
	buildah add --quiet "$builder" /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt >/dev/null
	buildah config --env PATH=/usr/local/go/bin:/usr/bin:/bin --env "GOPROXY=$(go env GOPROXY)" "$builder"
	buildah commit --quiet "$builder" "$base" >/dev/null
	buildah rm "$builder" >/dev/null
fi
buildah bud --quiet --isolation chroot --build-arg "BUILDER=$base" --build-arg "VERSION=$version" --tag "$name" . >/dev/null

container=$(buildah from "$name")
rootfs=$(buildah mount "$container")
echo "$name holds:"
(cd "$rootfs" && find . -mindepth 1 -printf '%M %U:%G %9s  %P\n' | sort -k 4)

# A container's runtime makes empty folders in it; buildah does too.
files=$(cd "$rootfs" && find . ! -type d | sort)
want=$'./etc/ssl/certs/ca-certificates.crt\n./tailrace'
if [[ $files != "$want" ]]; then
	echo "image.sh: it holds other files than the program and the certificates" >&2
	exit 1
fi
mkdir -p bin
buildah push --quiet "$name" "oci-archive:bin/tailrace-image.tar:$name"
echo "bin/tailrace-image.tar is the image, for skopeo, podman load or docker load"
