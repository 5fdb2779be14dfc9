#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/opencontainers/cgroups v0.1.0 (Go module), with which runc and others read the statistics of a container on cgroup v2.
#
# MemoryStats.SwapUsage is memory and swap together, as in cgroup v1. Expected: if memory.max is "max", there is no limit of the two together.
# Seen: the largest number stands for "max", and the limit of swap is added to it: it wraps around. A container without a limit of memory
# and with one of 1 GiB for swap has a limit of 1073741823 for both together, below what it uses; with no swap allowed, which
# is usual for pods, the limit is right again. No error.
# A dashboard or a check of a checkpoint's size that takes the usage by the limit shows 200 % of a container that has none.
#
# The files of the cgroup are stand-ins in a folder, with the kernel's names. Needs Go 1.25 or newer. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch"
export GOPATH=$scratch/go GOCACHE=$scratch/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local
cat >go.mod <<'MODULE'
module finding

go 1.25
MODULE
cat >main.go <<'GO'
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs2"
)

const gibibyte = 1 << 30

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func expect(memory, swap string, unlimited bool, expected uint64) {
	folder, err := os.MkdirTemp(".", "cgroup")
	check(err)
	folder, err = filepath.Abs(folder)
	check(err)
	for name, content := range map[string]string{
		"memory.stat":         "anon 2147483648\nfile 0\n",
		"memory.current":      "2147483648\n",
		"memory.max":          memory + "\n",
		"memory.swap.current": "0\n",
		"memory.swap.max":     swap + "\n",
	} {
		check(os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	manager, err := fs2.NewManager(&cgroups.Cgroup{Resources: &cgroups.Resources{}}, folder)
	check(err)
	statistics, err := manager.Stats(&cgroups.StatsOptions{Controllers: cgroups.Memory})
	check(err)
	seen := statistics.MemoryStats.SwapUsage
	fmt.Printf("memory.max %s, memory.swap.max %s: usage %d, limit %d\n", memory, swap, seen.Usage, seen.Limit)
	if seen.Usage != 2*gibibyte || seen.Limit != expected || (seen.Limit == ^uint64(0)) != unlimited {
		panic(fmt.Sprintf("it was %d", expected))
	}
}

func main() {
	cgroups.TestMode = true
	expect("4294967296", "1073741824", false, 5*gibibyte)
	expect("max", "max", true, ^uint64(0))
	expect("max", "0", true, ^uint64(0))
	expect("max", "1073741824", false, gibibyte-1)
}
GO
go get github.com/opencontainers/cgroups/fs2@v0.1.0 2>messages || { cat messages; exit 1; }
go run . 2>messages || { cat messages; exit 1; }
