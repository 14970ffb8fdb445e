# Every target below works from a clean clone with Go, make, git and a C
# compiler (the race detector needs one). `make help` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

MODULE := github.com/seed-4e8dee1b/revoked
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# Checkers are built from source, once per version, into TOOLS.
TOOLS ?= $(CURDIR)/.tools
STATICCHECK_VERSION := v0.8.2
GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
CYCLONEDX_VERSION := v1.10.0
STATICCHECK := $(TOOLS)/staticcheck-$(STATICCHECK_VERSION)
GOLANGCI_LINT := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)
GOVULNCHECK := $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)
CYCLONEDX := $(TOOLS)/cyclonedx-gomod-$(CYCLONEDX_VERSION)

# This module, and those that keep heavy dependencies out of it.
MODULES := . $(patsubst %/go.mod,%,$(wildcard */*/go.mod */*/*/go.mod))

# A test binary that runs longer than this hangs.
TEST_TIMEOUT ?= 5m
# How long each fuzz target runs.
FUZZTIME ?= 30s
# Packages whose own tests must reach COVER_FLOOR percent of the statements.
COVER_PACKAGES := ./revocation ./internal/denylist ./subscriber ./validator
COVER_FLOOR ?= 85

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the binaries into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X $(MODULE)/internal/build.version=$(VERSION)" -o bin/ ./cmd/...

.PHONY: dist
dist: $(CYCLONEDX) ## Make the files of a release in dist/, for every platform (VERSION=v1.2.3 of another tag)
	rm -rf dist
	go run ./internal/release -version "$(VERSION)" -sbom $(CYCLONEDX) dist dist

.PHONY: check-dist
check-dist: ## Unpack what make dist made, check it all, and build linux/amd64 anew elsewhere: the same bytes
	go run ./internal/release check dist
	internal/release/reproduce.sh dist "$(VERSION)"

.PHONY: check-release
check-release: ## Check .goreleaser.yaml by goreleaser's own types, and the workflows by actionlint
	cd internal/release/published && go test -count=1 -v ./...

.PHONY: cyclonedx-version
cyclonedx-version:
	@echo $(CYCLONEDX_VERSION)

.PHONY: run
run: build ## Run NATS, a Cognito emulator, the service and sample nodes on loopback
	bin/revoked-dev run

.PHONY: demo
demo: build ## Show one revocation from sign-in to refusal, then exit
	bin/revoked-dev demo

.PHONY: demo-receipt
demo-receipt: build ## Show receipts over 20 node processes, one of them frozen (2 min)
	bin/revoked-dev receipts --revokectl bin/revokectl

.PHONY: test
test: ## Run all tests under the race detector (8 min at most, cold, on 2 cores)
	go test -race -shuffle=on -timeout=$(TEST_TIMEOUT) ./...
	cd internal/embedding && go test -race -shuffle=on -timeout=$(TEST_TIMEOUT) ./...

.PHONY: test-proxies
test-proxies: ## Run real nginx, Caddy and the samples with the gate (apt-get installs what is missing)
	internal/proxies/install.sh
	REVOKED_TEST_PROXIES=1 go test -count=1 -v -timeout=$(TEST_TIMEOUT) ./internal/proxies

.PHONY: cover
cover: ## Fail if a core package's tests cover less than COVER_FLOOR=85 percent
	@out=$$(go test -count=1 -timeout=$(TEST_TIMEOUT) -cover $(COVER_PACKAGES)) || { echo "$$out"; exit 1; }; \
	echo "$$out"; \
	awk -v floor=$(COVER_FLOOR) -v want=$(words $(COVER_PACKAGES)) ' \
	  match($$0, /coverage: [0-9.]+%/) { \
	    seen++; percent = substr($$0, RSTART + 10, RLENGTH - 11); \
	    if (percent + 0 < floor) { print "below " floor "%: " $$0; bad = 1 } \
	  } \
	  END { if (seen != want) { print "coverage of " seen + 0 " packages, want " want; bad = 1 }; exit bad }' <<<"$$out"

.PHONY: burst
burst: ## Revoke 5,000 users at once, singly and as a batch, while Cognito takes 25/s (8 min)
	go run ./internal/drill burst

.PHONY: abuse
abuse: ## Flood the drop-in endpoint with garbage beside real sign-outs; judge nodes, quota, delay, memory
	go run ./internal/drill abuse

.PHONY: rolling
rolling: ## Measure the acceptance at two replicas, and restart both under load
	go run ./internal/drill rolling

.PHONY: check
check: fmt tidy vet cross layers staticcheck lint test vuln ## Run every check: format, tidy, vet, layers, lint, race tests

.PHONY: fmt
fmt: ## Fail if a file is not formatted by gofmt
	@files=$$(gofmt -l .); test -z "$$files" || { echo "gofmt -w these:"; echo "$$files"; exit 1; }

.PHONY: tidy
tidy: ## Fail if the go.mod or go.sum of a module is not tidy
	@for dir in $(MODULES); do (cd $$dir && go mod tidy -diff) || { echo "go mod tidy in $$dir"; exit 1; }; done

.PHONY: vet
vet: ## Run go vet
	go vet ./...

.PHONY: cross
cross: ## Run go vet for Windows and macOS, tests included
	GOOS=windows GOARCH=amd64 CGO_ENABLED=0 go vet ./...
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 go vet ./...

.PHONY: layers
layers: ## Fail if a package imports what its layer forbids
	go test -count=1 ./internal/layers

.PHONY: staticcheck
staticcheck: $(STATICCHECK) ## Run staticcheck with all of its checks
	$(STATICCHECK) ./...

.PHONY: lint
lint: $(GOLANGCI_LINT) ## Run golangci-lint with the linters of .golangci.yml
	$(GOLANGCI_LINT) run ./...

.PHONY: lint-modules
lint-modules: $(STATICCHECK) $(GOLANGCI_LINT) ## Run both linters in the other modules, whose dependencies are heavy
	@for dir in $(filter-out .,$(MODULES)); do \
	  echo "== $$dir"; \
	  (cd $$dir && $(STATICCHECK) ./... && $(GOLANGCI_LINT) run -c $(CURDIR)/.golangci.yml ./...) || exit 1; \
	done

.PHONY: vuln
ifdef VULNDB
vuln: $(GOVULNCHECK) ## Run govulncheck against VULNDB=dir or URL; skipped without
	$(GOVULNCHECK) -db $(if $(findstring ://,$(VULNDB)),$(VULNDB),file://$(abspath $(VULNDB))) ./...
else
vuln:
	@echo "govulncheck skipped: no VULNDB given"
endif

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME=30s
	@list=$$(go test -list '^Fuzz' ./...) || { echo "$$list"; exit 1; }; \
	targets=$$(awk '/^Fuzz/ { names = names " " $$1 } $$1 == "ok" { n = split(names, a, " "); for (i = 1; i <= n; i++) print $$2, a[i]; names = "" }' <<<"$$list"); \
	test -n "$$targets" || { echo "no fuzz target found"; exit 1; }; \
	while read -r pkg name; do \
	  echo "== $$pkg $$name"; \
	  go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$pkg" </dev/null; \
	done <<<"$$targets"

.PHONY: mutants
mutants: ## Plant deliberate faults one by one; fail if the tests miss one
	go run ./internal/mutants

# How long the denylist is soaked; make test does it for 5 s.
SOAK ?= 60s

.PHONY: soak
soak: ## Compare the denylist with a model under load and the race detector for SOAK=60s
	REVOKED_SOAK=$(SOAK) go test -race -count=1 -timeout=1h -run '^TestSoak$$' -v ./internal/denylist

.PHONY: faults
faults: ## Break three nats-servers under service and nodes, fault by fault (ROW=name,... for some)
	go run ./internal/faults $(if $(ROW),-row $(ROW))

.PHONY: crash-matrix
crash-matrix: ## Kill a replica before and after every effect; check that nothing is lost (5 min)
	go run ./internal/drill crash-matrix

.PHONY: bench-quick
bench-quick: ## Compare the hot path with its peers at up to 1,000,000 entries, in minutes
	cd internal/bench && go run ./hotpath -quick

.PHONY: bench
bench: ## Compare the hot path with its peers at length, with 10,000,000 entries as well
	cd internal/bench && go run ./hotpath -10m
# How many seeds the simulation runs.
SEEDS ?= 2000

.PHONY: sim
sim: ## Simulate SEEDS=2000 schedules of faults, and the broken builds that they must catch
	go run ./internal/mutants -sim $(SEEDS)

.PHONY: bench-propagation
bench-propagation: ## Measure sent to refused on 1, 10 and 100 nodes beside bare core NATS
	cd internal/bench && go run ./propagation

.PHONY: bench-api
bench-api: ## Measure POST /v1/revocations beside bare JetStream publishes
	cd internal/bench && go run ./api

.PHONY: bench-fleet
bench-fleet: ## Measure 1 to 5,000 nodes beside bare NATS and a consumer per node
	cd internal/bench && go run ./fleet $(FLEET)

.PHONY: bench-streams
bench-streams: ## Cut 10,000 open streams, bare and over gRPC, with one revocation
	STREAMS=10000 go test -count=1 -run TestManyStreams -v ./validator/conn ./validator/grpcauth

.PHONY: docs
docs: ## Write docs/reference from commands, configurations and the API description; tests compare
	REVOKED_WRITE_DOCS=1 go test -count=1 -run 'Reference$$' ./cmd/... ./publisher/api

.PHONY: transcript
transcript: build ## Run every command of docs/revokectl.md against revoked-dev and write it
	internal/dev/transcript.sh | cat -s > bin/revokectl.md
	mv bin/revokectl.md docs/revokectl.md

.PHONY: bench-askcognito
bench-askcognito: ## Count the calls to Cognito at 1,000 requests/s while the denylist is stale
	ASK_FOR=10s go test -count=1 -run TestBudgetUnderLoad -v ./validator/askcognito

.PHONY: bench-gate
bench-gate: ## Measure what the gate adds, how much it answers, its size, memory and start
	internal/proxies/install.sh
	REVOKED_BENCH_GATE=1 go test -count=1 -v -timeout=$(TEST_TIMEOUT) -run TestFigures ./internal/proxies

# Where compose-secrets writes; its test has another place.
COMPOSE_DIR ?= deploy/compose
COMPOSE_STATE := nats-1 nats-2 nats-3 revoked-1 revoked-2 gate

.PHONY: compose-secrets
compose-secrets: ## Mint certificates, credentials and keys for deploy/compose (what exists is kept)
	go build -o bin/mint ./deploy/nats/mint
	bin/mint jwt -dir $(COMPOSE_DIR)/secrets
	bin/mint node -dir $(COMPOSE_DIR)/secrets -service orders orders
	bin/mint node -dir $(COMPOSE_DIR)/secrets -service gate gate
	bin/mint tls -dir $(COMPOSE_DIR)/secrets $(foreach n,nats-1 nats-2 nats-3,$(n),localhost,127.0.0.1)
	bin/mint secret -dir $(COMPOSE_DIR)/secrets seal-keys api-key
	mkdir -p -m 700 $(addprefix $(COMPOSE_DIR)/state/,$(COMPOSE_STATE))
	@# Containers run as who owns these files, but never as root.
	uid=$$(id -u) gid=$$(id -g); \
	if [ $$uid = 0 ]; then uid=65532 gid=65532; chown -R 65532:65532 $(COMPOSE_DIR)/secrets $(COMPOSE_DIR)/state; fi; \
	printf 'REVOKED_UID=%s\nREVOKED_GID=%s\n' $$uid $$gid > $(COMPOSE_DIR)/.env

.PHONY: check-deploy
check-deploy: ## Check every file under deploy/ with real tools, a line for each (apt-get installs what is missing)
	internal/proxies/install.sh nginx caddy haproxy prometheus
	cd deploy/check && go run ./table

.PHONY: dashboards-plot
dashboards-plot: build ## Draw both dashboards from six minutes of revoked-dev's data (apt-get install prometheus)
	cd internal/plots && go vet . && go run .

.PHONY: size
size: ## Show what a minimal service with subscriber and validator weighs and links
	@CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o bin/orders ./internal/readme/orders
	@ls -l bin/orders | awk '{ printf "%.2f MB stripped\n", $$5 / 1e6 }'
	@go version -m bin/orders | awk '$$1 == "dep" { n++; print "  " $$2, $$3 } END { print n " modules linked" }'

.PHONY: clean
clean: ## Remove what build made and the checkers (not Go's caches)
	rm -rf bin dist $(TOOLS)

# install builds one checker at its pinned version: $(call install,package,version)
define install
	@mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) go install $(1)@$(2)
	@mv $(TOOLS)/$(notdir $(1)) $@
endef

$(STATICCHECK):
	$(call install,honnef.co/go/tools/cmd/staticcheck,$(STATICCHECK_VERSION))

$(GOLANGCI_LINT):
	$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,$(GOLANGCI_LINT_VERSION))

$(CYCLONEDX):
	$(call install,github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod,$(CYCLONEDX_VERSION))

$(GOVULNCHECK):
	$(call install,golang.org/x/vuln/cmd/govulncheck,$(GOVULNCHECK_VERSION))
