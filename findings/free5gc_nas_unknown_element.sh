#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/free5gc/nas v1.2.2 (Go module): a message with an information element of a later release.
#
# TS 24.007, clause 11.2.4: the identifier alone says how an element is laid out, so that the receiver skips one that it does not know by
# the length behind it (TS 24.501, clause 7.6.1, ignores it). Expected: that. Seen: the identifier alone is skipped, and each octet
# of the unknown element is taken for the next identifier, in all messages.
# In a REGISTRATION REQUEST the library does not know "Requested T3512 value" (IEI 3B, release 17). A UE that asks for 20 minutes (b4) is
# read as one that asks for MICO mode, where an AMF does not page it; 16 to 31 minutes are all of this kind. One that asks for 160
# minutes (10) is refused, for a length of the 5GMM capability, which it has not sent. 4 minutes (a4) go well.
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

	"github.com/free5gc/nas"
)

// A REGISTRATION REQUEST with a SUCI, the element given, and the UE security capability.
const before, after = "7e004179000d0100f110000000001032547698", "2e02f0f0"

func main() {
	for _, one := range []struct {
		what, element string
		mico, refused bool
	}{
		{"nothing else", "", false, false},
		{"T3512 of 4 minutes", "3b01a4", false, false},
		{"T3512 of 20 minutes", "3b01b4", true, false},
		{"T3512 of 160 minutes", "3b0110", false, true},
	} {
		octets, err := hex.DecodeString(before + one.element + after)
		if err != nil {
			panic(err)
		}
		message := nas.NewMessage()
		err = message.GmmMessageDecode(&octets)
		request := message.RegistrationRequest
		fmt.Printf("%s: asks for MICO mode: %v, error: %v\n", one.what, request.MICOIndication != nil, err)
		if (request.MICOIndication != nil) != one.mico || (err != nil) != one.refused {
			panic("it is no longer as described")
		}
	}
}
GO
go get github.com/free5gc/nas@v1.2.2 2>/dev/null
go run . 2>messages || { cat messages; exit 1; }
