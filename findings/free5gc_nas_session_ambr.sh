#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/free5gc/nas v1.2.2 (Go module), nasConvert.ModelsToSessionAMBR: the bit rates of a session, from a subscription (a text,
# TS 29.571, type BitRate) to the IE "Session-AMBR" (two octets and a unit; TS 24.501, clause 9.11.4.14).
#
# Expected: 65535 of a unit fit; a larger number takes the next unit, and a fraction, which the type allows, a smaller one.
# Seen: the number is read as a signed one of 16 bits. From 32768 on, and for every fraction, the UE is told a rate of 0, in the unit
# that was given; a line goes to the log, and the caller gets no error. "bps" becomes the unit "value is not used".
# Give subscriptions in numbers up to 32767 without a fraction, and not in bps.
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

	"github.com/free5gc/nas/nasConvert"
	"github.com/free5gc/openapi/models"
)

const unitOneKbps, unitOneMbps, unitOneGbps, unitNotUsed = 1, 6, 11, 0

func main() {
	for _, one := range []struct {
		given string
		unit  uint8
		value uint16
	}{
		{"32767 Kbps", unitOneKbps, 32767},
		{"32768 Kbps", unitOneKbps, 0},
		{"40000 Mbps", unitOneMbps, 0},
		{"1.5 Gbps", unitOneGbps, 0},
		{"9600 bps", unitNotUsed, 9600},
	} {
		told := nasConvert.ModelsToSessionAMBR(&models.Ambr{Uplink: one.given, Downlink: one.given})
		rate := told.GetSessionAMBRForUplink()
		value, unit := binary.BigEndian.Uint16(rate[:]), told.GetUnitForSessionAMBRForUplink()
		fmt.Printf("%s: the UE is told %d of unit %d\n", one.given, value, unit)
		if unit != one.unit || value != one.value {
			panic("it is no longer as described")
		}
	}
}
GO
go get github.com/free5gc/nas@v1.2.2 2>/dev/null
go run . 2>messages || { cat messages; exit 1; }
