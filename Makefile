# Organic 5GC: what can be done here. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONPATH := $(CURDIR)/python_plugins
export PYTHONUNBUFFERED := 1

# A stamp named after the content of the requirements: make installs them only when they have changed.
content = $(firstword $(shell cat $(1) | sha256sum))
RUN := .venv/.requirements-$(call content,requirements.txt)
DEV := .venv/.requirements-dev-$(call content,requirements.txt requirements-dev.txt $(wildcard images/minicore/requirements*.txt))
FUZZ := .venv/.requirements-fuzz-$(call content,requirements.txt requirements-dev.txt tests/fuzz/requirements.txt)

organic := collections/ansible_collections/organic
unit_tests := $(wildcard $(organic)/*/tests/unit) images/minicore/tests python_plugins/tests \
  tests/harness/tests tests/benchmark/tests tests/core/tests tests/documents tests/fuzz/tests tests/molecule tests/runtime tests/what_moves/tests \
  tools/tests
lab_tests := tests/lab tests/e2e tests/migration tests/what_moves/test_cases.py tests/faults tests/awx tests/display
typed := $(foreach room,module_utils plugin_utils filter,$(wildcard $(organic)/*/plugins/$(room))) python_plugins/organic5gc images/minicore/minicore \
  tests/awx/stand_in.py tests/conftest.py tests/harness tests/benchmark tests/core tests/faults tests/soak tests/vm tests/e2e tests/kubernetes tests/lab \
  $(wildcard tests/what_moves/*.py) tests/what_moves/tests tools
# Programs of tests/ import the collections, as pytest does (pyproject.toml).
test_program := PYTHONPATH=$(CURDIR)/collections:$(CURDIR)/images/minicore:$(PYTHONPATH) python -m

# Another name and other addresses, if those of the lab are in use: make demo LAB_NAME=mine LAB_NETWORK_PREFIX=10.77
LAB_NAME ?= lab
LAB_NETWORK_PREFIX ?= 10.55
export LAB_NAME LAB_NETWORK_PREFIX
lab_vars := -e lab_name=$(LAB_NAME) -e lab_network_prefix=$(LAB_NETWORK_PREFIX)

##@ Use it
# Another NF, another strategy: make demo NF=amf STRATEGY=post_copy
.PHONY: demo
demo: $(RUN) ## A whole core with UEs in a lab: its SMF moves, or NF=amf; prints what it cost (run it again: it moves back)
	python -m organic5gc demo --lab-name $(LAB_NAME) --lab-network-prefix $(LAB_NETWORK_PREFIX)$(if $(NF), --nf $(NF))$(if $(STRATEGY), --strategy $(STRATEGY))

.PHONY: benchmark
benchmark: $(RUN) ## Compare this migration with Docker's, Podman's and runc's own (artifacts/benchmark/results.json)
	$(test_program) tests.benchmark $(OPTIONS)

.PHONY: benchmark-sweep
benchmark-sweep: $(DEV) ## Sweep memory and dirty rate with every strategy, and draw it beside the model (artifacts/benchmark/*.svg)
	$(test_program) tests.benchmark.sweep $(OPTIONS)

.PHONY: core
core: $(RUN) ## A whole core on three hosts: each NF migrates under load by each strategy (artifacts/core/table.md)
	$(test_program) tests.core $(OPTIONS)

.PHONY: lab
lab: $(RUN) ## Bring up the lab: edge-a and edge-b with Docker and CRIU, ran-a for the clients
	ansible-playbook playbooks/lab_up.yml $(lab_vars)

# The first build of Kubernetes takes some 12 minutes on two idle cores, and is cached where the root file system is.
.PHONY: lab-kubernetes
lab-kubernetes: $(RUN) ## Bring up a lab with a Kubernetes cluster: control plane, workers edge-a and edge-b, ran-a for the clients
	PYTHONPATH=$(CURDIR)/collections:$(PYTHONPATH) python tools/kubernetes/build.py
	ansible-playbook playbooks/lab_up.yml $(lab_vars) -e orchestrator=kubernetes

# Not part of `make test`. LAB_NAME and LAB_NETWORK_PREFIX name the lab, which stays up; CASE=part-of-a-name: only those
.PHONY: kubernetes
kubernetes: $(DEV) lab-kubernetes ## Tests on a real Kubernetes cluster: a core is deployed, pods move by each strategy, roll back, faults
	pytest tests/kubernetes/check_*.py $(if $(CASE),-k "$(CASE)")
	$(if $(CASE),,$(MAKE) kubernetes-core)

# Fewer UEs on a busy machine: make kubernetes-core UES=50 OPTIONS="--nfs smf,amf"
UES ?= 200
.PHONY: kubernetes-core
kubernetes-core: $(RUN) ## The core on the cluster: each NF migrates under load by each strategy (artifacts/kubernetes/table.md)
	$(test_program) tests.core --deployments kubernetes-macvlan --strategies inter_copy,pre_copy,post_copy,hybrid,ppm --ues $(UES) --many 0 \
		--lab-name $(LAB_NAME) --lab-network-prefix $(LAB_NETWORK_PREFIX) --keep-lab --remove-core --output artifacts/kubernetes $(OPTIONS)

.PHONY: lab-down
lab-down: $(RUN) ## Take the lab down; the root file system stays cached for the next one
	ansible-playbook playbooks/lab_down.yml $(lab_vars)

.PHONY: clean
clean: $(RUN) ## Take the lab down, remove its cached root file system, and what was made in this checkout but .venv
	ansible-playbook playbooks/lab_down.yml $(lab_vars) -e namespace_hosts_purge=true
	if [ -d /var/lib/organic-lab ]; then rmdir --ignore-fail-on-non-empty /var/lib/organic-lab; fi
	rm -rf artifacts .ansible .cache .mypy_cache .pytest_cache .ruff_cache $(organic)/*/tests/output
	find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Test it
# At most 20 minutes on 2 cores.
.PHONY: test
test: lint sanity unit lab-tests ## Lint, sanity, unit tests, and one test of each kind on the real lab

.PHONY: lint
lint: $(DEV) ## ruff, mypy --strict, ansible-lint (production), yamllint, shellcheck, antsibull-changelog
	ruff check
	ruff format --check
	mypy $(typed)
	ansible-lint
	python tools/check_words.py
	shellcheck $$(git grep --untracked -lE '^#!.*\b(ba)?sh$$' -- ':!*.py' ':!*.j2')
	python tools/check_fragments.py
	for collection in $(organic)/*/; do (cd "$$collection" && antsibull-changelog lint); done

.PHONY: sanity
sanity: $(DEV) ## ansible-test sanity for each collection
	tools/sanity

.PHONY: unit
unit: $(DEV) ## The tests that need no lab
	pytest $(unit_tests)

.PHONY: lab-tests
lab-tests: $(DEV) ## One test of each kind on the real lab; part of `make test`
	pytest -m "not exhaustive" $(lab_tests)

.PHONY: exhaustive
exhaustive: $(DEV) ## The other tests on the real lab, which `make test` leaves out
	pytest -m exhaustive $(lab_tests)

.PHONY: test-packages
test-packages: ## Fetch Debian's packages without which tests are left out: Chromium, Prometheus, tmux, libusrsctp2, libosmocore-utils
	tools/test-packages

.PHONY: integration
integration: $(DEV) ## All tests on the real lab: bring-up, migration end to end, faults; CASE=part-of-a-name: only those
	pytest $(lab_tests) $(if $(CASE),-k "$(CASE)")

# At most 20 minutes on 2 quiet cores; a lab of its own, see tools/molecule. COLLECTION=core5g: only that one (or the example, counter)
.PHONY: molecule
molecule: $(DEV) ## The Molecule scenarios of each collection: deployment, each strategy, networks, drain
	tools/molecule $(COLLECTION)

# It makes environments of its own, outside of this checkout; 2.21 needs Python 3.12 or 3.13. VERSION=2.21: only that one
.PHONY: ansible-core-versions
ansible-core-versions: $(DEV) ## Unit tests and a migration under ansible-core 2.17, 2.19 and 2.21
	tools/ansible-core-versions $(VERSION)

# Not part of `make test`. LAB_NAME and LAB_NETWORK_PREFIX name the lab, which stays up; CASE=part-of-a-name: only those
.PHONY: swarm
swarm: $(DEV) ## Faults of a Docker Swarm of three hosts: a node, a manager or the controller is lost; the UPF fails over
	LAB_EDGES=3 pytest tests/migration/check_swarm_*.py tests/e2e/check_swarm_*.py $(if $(CASE),-k "$(CASE)")

.PHONY: proof
proof: $(DEV) ## Memory that checks itself, and programs of Debian (etcd, nginx, Erlang ...) and a UPF under load, by every strategy
	pytest tests/workloads $(if $(CASE),-k "$(CASE)")

# The virtual machine reaches no network: the lab fetches the hosts' root file system first.
.PHONY: debian-kernel
debian-kernel: $(DEV) lab ## Tests that depend on the kernel, on Debian's own in a virtual machine: soft-dirty tracking, cgroup v2, SCTP, ipvlan
	$(test_program) tests.vm pytest tests/runtime/test_pager.py tests/workloads/test_memory.py images/minicore/tests/test_sctp.py \
		$(organic)/live_migration/tests/unit/plugins/module_utils/host/test_undumpable.py \
		$(organic)/core5g/tests/unit/plugins/module_utils/test_probe_packets.py \
		-k "$(or $(CASE),soft_dirty or (test_every_page_arrives and tree) or (test_sctp and kernel) or test_undumpable or test_ipvlan)"

.PHONY: faults
faults: $(DEV) ## Every fault in every state of every strategy, on the real lab; CASE=part-of-a-name: only those
	pytest tests/faults/check_matrix.py $(if $(CASE),-k "$(CASE)")

# Fewer migrations, or fewer strategies: make soak MIGRATIONS=20 STRATEGIES=inter_copy,pre_copy
MIGRATIONS ?= 200
.PHONY: soak
soak: $(DEV) ## One process migrates between two hosts 200 times, by all strategies in turn: nothing lost, no leaks
	$(test_program) tests.soak --migrations $(MIGRATIONS) $(if $(STRATEGIES),--strategies $(STRATEGIES))

# Fewer, or on busy hosts: make handovers OPTIONS="--handovers 20 --busy 1"
.PHONY: handovers
handovers: $(DEV) ## One process is handed over by ppm 100 times under load, each fifth time by pre_copy: gaps, latency, nothing lost
	$(test_program) tests.soak.handovers $(OPTIONS)

.PHONY: fuzz
fuzz: $(FUZZ) ## A million malformed inputs to everything that reads bytes of the other host, of CRIU or of files
	$(test_program) tests.fuzz $(OPTIONS)

##@ Other
.PHONY: docs
docs: $(DEV) ## The documentation as a site: artifacts/docs/html/index.html
	tools/docs.py

.PHONY: venv
venv: $(RUN) ## Install ansible-core and the other requirements into .venv

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(RUN):
	tools/venv requirements.txt
	rm -f .venv/.requirements-*
	touch $@

$(FUZZ): $(DEV)
	tools/venv tests/fuzz/requirements.txt
	touch $@

$(DEV):
	tools/venv requirements-dev.txt
	rm -f .venv/.requirements-*
	touch $(RUN) $@
