#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/openconfig/goyang v1.6.3 (Go module), "YANG parser and compiler", whose tree of entries ygot and others make code from.
#
# - refine, which changes a node of a grouping where the grouping is used, and augment below uses, which adds one (RFC 7950, clauses 7.13.2 and
#   7.17). Expected: the entry has the default, "mandatory" and number of elements of the refine, and the leaf of the augment. Seen: it has those
#   of the grouping: a leaf that is required here is optional, a default is another one, and a list has no limit. The new leaf is not there,
#   so that valid data is unknown to what is made from the tree. A grouping inside of a grouping and an augment of a whole module work.
# - pattern with "modifier invert-match" (clause 9.4.6), which says what a text must *not* be. Expected: a mark, or an error. Seen: it stands
#   in Type.Pattern among the others: what makes checks of them refuses the good texts.
# - An identityref of two bases, as YANG 1.1 has it (clause 9.10.2), is refused with "base: already set".
# The first two have no error.
#
# Needs Go. Fails if the behaviour changes.
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

	"github.com/openconfig/goyang/pkg/yang"
)

const model = `module nf {
  yang-version 1.1;
  namespace "urn:example:nf";
  prefix nf;
  grouping peer {
    leaf name { type string; }
    leaf port { type uint16; default 80; }
    leaf-list address { type string; }
    container tls { presence "on"; leaf key { type string; } }
  }
  grouping peers { uses peer; }
  container smf {
    uses peers {
      refine name { mandatory true; }
      refine port { default 8805; }
      refine address { min-elements 1; max-elements 4; }
      augment tls { leaf depth { type uint8; } }
    }
    leaf dnn {
      type string {
        pattern '[a-z.]+';
        pattern 'test.*' { modifier invert-match; }
      }
    }
  }
  augment "/nf:smf/nf:tls" { leaf bits { type uint16; } }
}`

const identities = `module kinds {
  yang-version 1.1;
  namespace "urn:example:kinds";
  prefix k;
  identity one;
  identity other;
  leaf both { type identityref { base one; base other; } }
}`

func expect(what string, seen any, expected string) {
	fmt.Printf("%s: %v\n", what, seen)
	if fmt.Sprint(seen) != expected {
		panic("it was " + expected)
	}
}

func main() {
	modules := yang.NewModules()
	if err := modules.Parse(model, "nf.yang"); err != nil {
		panic(err)
	}
	if errs := modules.Process(); len(errs) > 0 {
		panic(errs[0])
	}
	module, errs := modules.GetModule("nf")
	if len(errs) > 0 {
		panic(errs[0])
	}
	smf := module.Dir["smf"].Dir
	expect("name is mandatory", smf["name"].Mandatory == yang.TSTrue, "false")
	expect("default of port", smf["port"].Default, "[80]")
	expect("least number of addresses", smf["address"].ListAttr.MinElements, "0")
	expect("largest number of addresses", smf["address"].ListAttr.MaxElements, fmt.Sprint(^uint64(0)))
	expect("the grouping's leaf is there", smf["tls"].Dir["key"] != nil, "true")
	expect("the leaf of uses and augment is there", smf["tls"].Dir["depth"] != nil, "false")
	expect("the leaf of the module's augment is there", smf["tls"].Dir["bits"] != nil, "true")
	expect("patterns of dnn", smf["dnn"].Type.Pattern, "[[a-z.]+ test.*]")

	err := yang.NewModules().Parse(identities, "kinds.yang")
	expect("identityref of two bases", err, "base: already set")
}
GO
go get github.com/openconfig/goyang@v1.6.3 2>/dev/null
go run .
