# The targets and their help; `make` prints it.

VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME    ?= 60s
TESTFLAGS   ?=
ACCEPTFLAGS ?=
STRESSFLAGS ?=
BENCHFLAGS  ?=
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0

# Runs what follows it with the real servers that tests use.
WITH_SERVERS := bin/servers --

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the static binary bin/tailrace
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/tailrace ./cmd/tailrace

.PHONY: release
release: ## build bin/tailrace as it is released: the compiler knows where rows spend their time
	CGO_ENABLED=0 go build -trimpath -pgo cmd/tailrace/rows.pgo -ldflags '-s -w -X main.version=$(VERSION)' -o bin/tailrace ./cmd/tailrace

.PHONY: profile
profile: ## measure anew what `make release` tells the compiler
	scripts/profile.sh

.PHONY: demo
demo: build ## see it work, for real, on this machine
	bin/tailrace demo

.PHONY: test
test: owner ## run all tests on real servers, with the race detector (TESTFLAGS='-run X')
	$(WITH_SERVERS) go test -race -p 2 -timeout 45m $(TESTFLAGS) ./...

.PHONY: lint
lint: ## vet, staticcheck and gofumpt; what is in deploy/ by the tools of those who read it
	go vet ./...
	go run $(STATICCHECK) ./...
	@unformatted="$$(go run $(GOFUMPT) -l .)" && \
	if [ -n "$$unformatted" ]; then echo "not formatted, run make format:"; echo "$$unformatted"; exit 1; fi
	@scripts/install.sh lint
	scripts/lint-deploy.sh

.PHONY: lint-deploy
lint-deploy: ## also helm and cfn-lint, which take minutes to get
	@scripts/install.sh lint
	scripts/lint-deploy.sh -all

.PHONY: image
image: ## build the image with buildah, as root, and list what is in it
	@scripts/install.sh image
	scripts/image.sh $(VERSION)

.PHONY: format
format: ## format all Go files
	go run $(GOFUMPT) -w .

.PHONY: servers
servers: owner ## start the real servers in the foreground, for running single tests
	@exec bin/servers

.PHONY: accept
accept: build owner ## run the acceptance scenarios (ACCEPTFLAGS='-on X')
	$(WITH_SERVERS) go run ./internal/accept $(ACCEPTFLAGS)

.PHONY: stress
stress: build install ## kill the daemon 200 times while it copies tables, on each server (STRESSFLAGS='-source X -sink Y')
	go run ./internal/stress $(STRESSFLAGS)

.PHONY: faults
faults: build install ## freeze, cut and kill brokers under load
	go run ./internal/faults

.PHONY: accept-flink
accept-flink: build ## read what is published with a real Flink
	@scripts/install.sh flink
	go run ./internal/acceptflink

.PHONY: bench
bench: release owner ## measure speed and latency (BENCHFLAGS='-only snapshot')
	$(WITH_SERVERS) go run ./internal/bench $(BENCHFLAGS)

.PHONY: fuzz
fuzz: ## fuzz each decoder for FUZZTIME (60s)
	scripts/fuzz.sh $(FUZZTIME)

.PHONY: install
install: ## install the Debian packages that tests need
	@scripts/install.sh

.PHONY: clean
clean: ## remove what was built
	rm -rf bin

.PHONY: owner
owner: install
	@go build -o bin/servers ./internal/servers/cmd/servers
