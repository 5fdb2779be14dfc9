#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/google/gopacket v1.1.19 (Go module), layers.GTPv1U, beside its successor github.com/gopacket/gopacket v1.7.7.
#
# - A G-PDU with a PDU session container, as on N3, that is read and written again. Expected: the same octets. Seen: the optional fields and
#   all extension headers stand behind the user's packet. The flag E is set, and a UPF takes the packet's first octets for them. The same is
#   true of a sequence number.
# - FixLengths. Expected: the message's length is set. Seen: it is what the program has set, or 0.
# - The flag E with "no more extension headers" (0) as the next type (TS 29.281, clauses 5.1 and 5.2.1). Expected: the user's packet is behind
#   it. Seen: the packet's first octet is taken for the length of an extension header; there is an error, and a line of debug output.
# The successor has all of this right.
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
	"encoding/hex"
	"fmt"

	"MODULE"
	"MODULE/layers"
)

const (
	user      = "450000140000000040010000" + "0a3c00010a3c0002"
	teid      = "00000001"
	container = "00000085" + "01000900"
	sequence  = "00070000"
)

// Reads a message, forgets its length, and writes it again.
func again(octets string) string {
	data, err := hex.DecodeString(octets)
	if err != nil {
		panic(err)
	}
	packet := gopacket.NewPacket(data, layers.LayerTypeGTPv1U, gopacket.Default)
	if packet.ErrorLayer() != nil {
		return "refused"
	}
	gtp := packet.Layer(layers.LayerTypeGTPv1U).(*layers.GTPv1U)
	gtp.MessageLength = 0
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true}
	if err := gopacket.SerializeLayers(buffer, options, gtp, gopacket.Payload(gtp.LayerPayload())); err != nil {
		panic(err)
	}
	return hex.EncodeToString(buffer.Bytes())
}

func main() {
	right := "MODULE" != "github.com/google/gopacket"
	for _, one := range []struct{ what, read, wrong string }{
		{"plain", "30ff0014" + teid + user, "30ff0000" + teid + user},
		{"with a sequence number", "32ff0018" + teid + sequence + user, "32ff0000" + teid + user + sequence},
		{"with a container", "34ff001c" + teid + container + user, "34ff0000" + teid + user + container},
		{"with no more headers", "34ff0018" + teid + "00000000" + user, "refused"},
	} {
		seen := again(one.read)
		fmt.Printf("%s: %s\n%*s %s\n", one.what, one.read, len(one.what)+1, "", seen)
		if right && seen != one.read || !right && seen != one.wrong {
			panic("it is no longer as described")
		}
	}
}
GO
run() {
	mkdir run
	(cd run && sed "s|MODULE|$1|" ../main.go >main.go && cp ../go.mod . && go get "$1@$2" 2>/dev/null && echo "$1 $2" && go run .)
	rm -r run
}
run github.com/google/gopacket v1.1.19
run github.com/gopacket/gopacket v1.7.7
