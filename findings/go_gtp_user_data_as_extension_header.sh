#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/wmnsk/go-gtp v0.8.12 (Go module), gtpv1/message: two things about the GTP-U header (TS 29.281, clause 5.1).
#
# The flag E says that the field "next extension header type" is to be read; its value 0 says that none follows.
# Expected: with E and 0 the user's packet begins after the field. Seen: the packet's first octet is taken for the length of an
# extension header (0x45 of IPv4: 276 octets). A long packet silently loses its first 276 octets; a short one is an error.
# Bit 4 of the first octet is spare and is sent as 0. Seen: Header.SetTEID sets it (it is GTPv2's flag for a TEID), so that a
# relay that changes the TEID of a parsed header sends 0x38 where 0x30 came.
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
	"encoding/binary"
	"fmt"

	"github.com/wmnsk/go-gtp/gtpv1/message"
)

const optionalFields, firstOctets = 4, 276

// withoutExtension is a G-PDU with the flag E, the next extension header type 0, and an IPv4 packet of zeros.
func withoutExtension(size int) []byte {
	octets := make([]byte, 8+optionalFields+size)
	octets[0], octets[1] = 0x34, 0xff
	binary.BigEndian.PutUint16(octets[2:], uint16(optionalFields+size))
	octets[8+optionalFields] = 0x45
	return octets
}

func main() {
	long, err := message.ParseHeader(withoutExtension(1400))
	if err != nil {
		panic(err)
	}
	fmt.Printf("of a packet of 1400 octets %d are left, behind %d extension header\n", len(long.Payload), len(long.ExtensionHeaders))
	_, refused := message.ParseHeader(withoutExtension(64))
	fmt.Printf("a packet of 64 octets: %v\n", refused)
	if len(long.Payload) != 1400-firstOctets || len(long.ExtensionHeaders) != 1 || refused == nil {
		panic("it is no longer as described")
	}

	relayed, err := message.ParseHeader([]byte{0x30, 0xff, 0, 1, 0, 0, 0, 1, 0})
	if err != nil {
		panic(err)
	}
	relayed.SetTEID(2)
	octets, err := relayed.Marshal()
	fmt.Printf("a header with a new TEID: %x\n", octets)
	if err != nil || octets[0] != 0x38 {
		panic("it is no longer as described")
	}
}
GO
go get github.com/wmnsk/go-gtp@v0.8.12 2>messages || { cat messages; exit 1; }
go run . 2>messages || { cat messages; exit 1; }
