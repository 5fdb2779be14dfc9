#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/google/nftables v0.3.0 (Go module): tables and maps that another program made are read otherwise than they are, so
# that what is read and added elsewhere is another rule set.
#
# - ListTables() has the octets of Table.Flags and Table.Use reversed on little-endian machines: "dormant" (its rules wait until they
#   are wanted) is 16777216, and two objects are 33554432.
# - AddTable() never sends Table.Flags, it always says 0. Expected: the table as given. Seen: a dormant table comes into force.
# - GetSets(): a verdict map has "verdict" as the type of its *keys*, and no type of data. Expected: ipv4_addr and verdict.
# No error in any case. Take a rule set to another namespace as the text of "nft list ruleset".
#
# Needs root, for a network namespace of its own, nft and Go. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch"
export GOPATH=$scratch/go GOCACHE=$scratch/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
cat >go.mod <<'MODULE'
module finding

go 1.23

require github.com/google/nftables v0.3.0
MODULE
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/google/nftables"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	conn, err := nftables.New()
	check(err)
	tables, err := conn.ListTables()
	check(err)
	table := tables[0]
	fmt.Printf("flags %d, %d objects in use\n", table.Flags, table.Use)
	if table.Flags != 1<<24 || table.Use != 2<<24 {
		panic("it is no longer as described")
	}
	sets, err := conn.GetSets(table)
	check(err)
	fmt.Printf("map: keys are %q, data are %q\n", sets[0].KeyType.Name, sets[0].DataType.Name)
	if !sets[0].IsMap || sets[0].KeyType.Name != "verdict" || sets[0].DataType.Name != "" {
		panic("it is no longer as described")
	}
	const dormant = 1
	conn.AddTable(&nftables.Table{Name: "copy", Family: nftables.TableFamilyIPv4, Flags: dormant})
	check(conn.Flush())
}
GO
go mod tidy >tidy.log 2>&1 || { cat tidy.log; exit 1; }
go build -o finding .
cat >rules <<'RULES'
table ip later {
	flags dormant
	map ports { type ipv4_addr : verdict; elements = { 192.0.2.1 : drop }; }
	chain input { type filter hook input priority 0; policy drop; }
}
RULES
cat >inside.sh <<'INSIDE'
set -euo pipefail
nft -f rules
nft list table ip later | grep "flags dormant"
./finding
nft list table ip copy
if nft list table ip copy | grep --quiet dormant; then echo "the copy is dormant"; exit 1; fi
INSIDE
unshare --net bash inside.sh
