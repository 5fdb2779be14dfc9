#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/wmnsk/go-pfcp v0.0.24 (Go module): two IEs are written as TS 29.244 says and read otherwise.
#
# C-TAG (clause 8.2.94): the upper four bits of the 12-bit VLAN identifier stand in bits 8 to 5 of octet 6.
# Expected: what was written is read. Seen: these four bits are read eight places too high instead of four, so that VLAN
# 0xabc is read as 0xa0bc, which is no VLAN at all; only identifiers below 256 survive.
# User ID (clause 8.2.101): IMEI and MSISDN are TBCD digits, two an octet, with a filler only behind an odd number.
# Seen: the last digit is always taken for the filler: a number with an even count of digits loses its last one.
# No error in either case. A UPF that matches Ethernet frames by the tag, or a log of who used what, is wrong in silence.
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
	"encoding/hex"
	"fmt"

	"github.com/wmnsk/go-pfcp/ie"
)

func expect(what string, seen, expected any) {
	fmt.Printf("%s: %v\n", what, seen)
	if seen != expected {
		panic(fmt.Sprintf("it is no longer %v", expected))
	}
}

func main() {
	const hasAll, priority, dropEligible = 7, 5, 1
	for _, one := range []struct{ written, read uint16 }{{0x0bc, 0x0bc}, {0xabc, 0xa0bc}} {
		tag := ie.NewCTAG(hasAll, priority, dropEligible, one.written)
		expect("octets of C-TAG", hex.EncodeToString(tag.Payload), fmt.Sprintf("07%xd%02x", one.written>>8, one.written&0xff))
		fields, err := tag.CTAG()
		if err != nil {
			panic(err)
		}
		expect(fmt.Sprintf("VLAN %#x is read as", one.written), fmt.Sprintf("%#x", fields.CVID), fmt.Sprintf("%#x", one.read))
	}
	const hasMSISDN = 4
	for _, one := range []struct{ written, read string }{{"49151000001", "49151000001"}, {"491510000012", "49151000001"}} {
		user := ie.NewUserID(hasMSISDN, "", "", one.written, "")
		fields, err := user.UserID()
		if err != nil {
			panic(err)
		}
		expect(fmt.Sprintf("MSISDN %s, octets %x, is read as", one.written, user.Payload), fields.MSISDN, one.read)
	}
}
GO
go get github.com/wmnsk/go-pfcp@v0.0.24 2>/dev/null
go run .
