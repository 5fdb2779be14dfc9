#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/free5gc/nas v1.2.2 (Go module), nasConvert.FullNetworkNameToNas (ShortNetworkNameToNas is the same code): the name of
# the network that a UE shows, in the 7-bit alphabet, packed (TS 24.008, clause 10.5.3.5a; TS 23.038, clause 6.1.2.1).
#
# Expected: n characters take 7 n bits. Seen: right up to seven characters. The eighth fills its octet, and one more octet is
# begun for nothing, so that a name of eight ends in "@" (the character 0); from the ninth on the bits stand in the wrong
# places, and the UE shows other characters. No error. Names of networks in tests are mostly short.
#
# Needs Go. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch"
export GOPATH=$scratch/go GOCACHE=$scratch/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local
cat >go.mod <<'MODULE'
module finding

go 1.23
MODULE
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/free5gc/nas/nasConvert"
)

// unpacked gives the characters that stand in packed octets, as a UE reads them; letters are the same as in ASCII.
func unpacked(octets []byte, spareBits uint8) string {
	text := ""
	for bit := 0; bit+7 <= 8*len(octets)-int(spareBits); bit += 7 {
		character := byte(0)
		for i := 0; i < 7; i++ {
			character |= octets[(bit+i)/8] >> ((bit + i) % 8) & 1 << i
		}
		if character == 0 {
			character = byte(64) // the sign "at" in this alphabet
		}
		text += string(rune(character))
	}
	return text
}

func main() {
	for _, one := range []struct{ given, shown string }{
		{"Example", "Example"},
		{"Operator", "Operator@"},
		{"ExampleNetwork", "ExampleNe@ho_eW"},
	} {
		name := nasConvert.FullNetworkNameToNas(one.given)
		shown := unpacked(name.GetTextString(), name.GetNumberOfSpareBitsInLastOctet())
		fmt.Printf("%s: %d octets, a UE shows %q\n", one.given, len(name.GetTextString()), shown)
		if shown != one.shown {
			panic("it is no longer as described")
		}
	}
}
GO
go get github.com/free5gc/nas@v1.2.2 2>/dev/null
go run . 2>messages || { cat messages; exit 1; }
