#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/coreos/go-systemd/v22 v22.7.0 (Go module), unit.DeserializeOptions, with which unit files are read, changed and written.
#
# systemd.syntax(7): lines that begin with "#" or ";" are ignored, also between the lines of a value that is continued with "\". Seen, without
# an error, and unlike systemd 252:
# - A comment that ends in "\", such as an old ExecStart that was commented out, takes the next line with it: MemoryMax is gone.
# - A comment between the lines of a value becomes a part of the value and ends it. What follows is a directive of its own, if there is a "=" in
#   it: "--n4=192.0.2.1" is read as the directive "--n4". Its own tests demand the comment in the value; a program that takes
#   ExecStart from it has no address.
# Look for comments beside a "\" before a unit is rewritten.
#
# Needs Go 1.24 or newer. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch"
export GOPATH=$scratch/go GOCACHE=$scratch/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local
cat >go.mod <<'MODULE'
module finding

go 1.24
MODULE
cat >main.go <<'GO'
package main

import (
	"fmt"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
)

func expect(what, text, expected string) {
	options, err := unit.DeserializeOptions(strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	var seen []string
	for _, option := range options {
		seen = append(seen, fmt.Sprintf("%s=%q", option.Name, option.Value))
	}
	fmt.Printf("%s: %s\n", what, strings.Join(seen, ", "))
	if strings.Join(seen, ", ") != expected {
		panic("it was " + expected)
	}
}

func main() {
	expect("a value in two lines", "[Service]\nExecStart=/usr/bin/upf \\\n  --n4=192.0.2.1\nRestart=always\n",
		`ExecStart="/usr/bin/upf \\\n  --n4=192.0.2.1", Restart="always"`)
	expect("a comment", "[Service]\n# the limit\nMemoryMax=1G\nRestart=always\n",
		`MemoryMax="1G", Restart="always"`)
	expect("a comment that ends in a backslash", "[Service]\n# ExecStart=/usr/bin/old \\\nMemoryMax=1G\nRestart=always\n",
		`Restart="always"`)
	expect("a comment in a value", "[Service]\nExecStart=/usr/bin/upf \\\n# towards the SMF\n  --n4=192.0.2.1\nRestart=always\n",
		`ExecStart="/usr/bin/upf \\\n# towards the SMF", --n4="192.0.2.1", Restart="always"`)
}
GO
go get github.com/coreos/go-systemd/v22@v22.7.0 2>messages || { cat messages; exit 1; }
go run . 2>messages || { cat messages; exit 1; }
