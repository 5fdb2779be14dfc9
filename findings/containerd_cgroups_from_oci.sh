#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/containerd/cgroups/v3 v3.1.3 (Go module), cgroup2.ToResources, which turns the "resources" of an OCI configuration into
# settings of cgroup v2.
#
# - blockIO.weight, 10 to 1000. Expected: a larger weight stays a larger one, as io.bfq.weight takes 1 to 1000 itself. Seen: it is stretched to 1
#   to 10000, in 16 bits, which overflow: 16 becomes 61 and 17 becomes 5; of 500 and 1000 the half is 51 and the whole is 4. The process
#   that was to go first goes nearly last.
# - cpu.quota 50000 without cpu.period, whose default of the kernel is 100 ms. Expected: half a CPU, as runc has it. Seen: no limit at all.
# - cpu.burst, unified (any file of cgroup v2, such as memory.high) and blockIO.weightDevice are left out.
# No error in any case; the configuration is valid.
#
# Needs Go 1.26 or newer. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch"
export GOPATH=$scratch/go GOCACHE=$scratch/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local
cat >go.mod <<'MODULE'
module finding

go 1.26
MODULE
cat >main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"

	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func expect(what string, seen, expected any) {
	fmt.Printf("%s: %v\n", what, seen)
	if fmt.Sprint(seen) != fmt.Sprint(expected) {
		panic(fmt.Sprintf("it was %v", expected))
	}
}

// resources reads a part of a configuration, as a runtime does, and turns it into settings of cgroup v2.
func resources(configuration string) *cgroup2.Resources {
	var read specs.LinuxResources
	if err := json.Unmarshal([]byte(configuration), &read); err != nil {
		panic(err)
	}
	return cgroup2.ToResources(&read)
}

func main() {
	for _, one := range []struct{ weight, seen int }{{10, 1}, {16, 61}, {17, 5}, {100, 49}, {500, 51}, {999, 60}, {1000, 4}} {
		read := resources(fmt.Sprintf(`{"blockIO": {"weight": %d}}`, one.weight))
		expect(fmt.Sprintf("weight %d is", one.weight), read.IO.BFQ.Weight, one.seen)
	}
	expect("quota and period", resources(`{"cpu": {"quota": 50000, "period": 100000}}`).CPU.Max, "50000 100000")
	expect("period alone", resources(`{"cpu": {"period": 100000}}`).CPU.Max, "max 100000")
	expect("quota alone", len(resources(`{"cpu": {"quota": 50000}}`).CPU.Max), 0)
	expect("settings for a burst", len(resources(`{"cpu": {"quota": 50000, "period": 100000, "burst": 20000}}`).CPU.Values()), 1)
	expect("settings for memory.high", len(resources(`{"unified": {"memory.high": "1073741824"}}`).Values()), 0)
	device := `{"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "weight": 500}]}}`
	expect("settings for the weight of a device", len(resources(device).Values()), 0)
}
GO
go get github.com/containerd/cgroups/v3/cgroup2@v3.1.3 github.com/opencontainers/runtime-spec@v1.3.0 2>messages || { cat messages; exit 1; }
go run . 2>messages || { cat messages; exit 1; }
