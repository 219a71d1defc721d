#!/bin/bash
# Writes anew the schemas below deploy/ that make lint and the tests hold the
# manifests against, from the makers' own descriptions in these versions. They are
# committed: what they come from is 150 MB.
set -euo pipefail
cd "$(dirname "$0")/.."
kubernetes=k8s.io/kubernetes@v1.36.3
operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
botocore=1.44.5

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folder() { (cd "$work" && go mod download -json "$1") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'; }

go build -o "$work/schemas" ./internal/deploytest/schemas
"$work/schemas" kubernetes "$(folder "$kubernetes")/api/openapi-spec/swagger.json" deploy/kubernetes/schemas
"$work/schemas" podmonitor "$(folder "$operator")/jsonnet/prometheus-operator/podmonitors-crd.json" deploy/kubernetes/schemas
pip3 download --quiet --no-deps --dest "$work" "botocore==$botocore"
unzip -q -j "$work"/botocore-*.whl 'botocore/data/ecs/2014-11-13/service-2.json.gz' -d "$work"
"$work/schemas" ecs "$work/service-2.json.gz" deploy/ecs/schemas
