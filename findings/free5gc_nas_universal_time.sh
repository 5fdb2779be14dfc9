#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/free5gc/nas v1.2.2 (Go module), nasConvert.EncodeUniversalTimeAndLocalTimeZoneToNas: the time with which an AMF sets the clock
# of a UE (CONFIGURATION UPDATE COMMAND; TS 24.008, clause 10.5.3.9).
#
# The IE is the universal time, and the offset of the local time from it. Expected: one moment, given in any zone, is the same time in the
# IE, and only the offset differs. Seen: the digits of the local time are sent, beside the offset. A UE adds the offset a second time:
# where the AMF's host is at +08:00 its clock is eight hours ahead. Given in UTC the time is right, but then the offset is 0, so that no
# argument gives the right IE for a place with an offset. Its own reader takes it back in the same way, and hosts in UTC show nothing.
# (A note of the clause says that some older UEs take the time for the local one; those are right by chance.)
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
	"time"

	"github.com/free5gc/nas/nasConvert"
)

// digits reads two digits, the first of which stands in the lower half of the octet.
func digits(octet uint8) int {
	return int(octet&0xf)*10 + int(octet>>4)
}

func main() {
	moment := time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC)
	for _, one := range []struct {
		zone         *time.Location
		hour, offset int // in the IE, the offset in hours
		aheadByHours int // of the clock of a UE
	}{
		{time.UTC, 4, 0, 0},
		{time.FixedZone("", 8*3600), 12, 8, 8},
		{time.FixedZone("", 2*3600), 6, 2, 2},
	} {
		element := nasConvert.EncodeUniversalTimeAndLocalTimeZoneToNas(moment.In(one.zone))
		hour, offset := digits(element.GetHour()), digits(element.GetTimeZone())/4
		local := time.Date(2026, 11, 30, hour, 0, 0, 0, time.UTC)
		ahead := int(local.Sub(moment).Hours())
		fmt.Printf("04:00 UTC in the zone %s: sent as %02d:00 with offset %d, the UE is %d hours ahead\n",
			moment.In(one.zone).Format("-07:00"), hour, offset, ahead)
		if hour != one.hour || offset != one.offset || ahead != one.aheadByHours {
			panic("it is no longer as described")
		}
		read := nasConvert.DecodeUniversalTimeAndLocalTimeZone(element)
		if !read.Equal(moment) {
			panic("its own reader no longer takes it back")
		}
	}
}
GO
go get github.com/free5gc/nas@v1.2.2 2>/dev/null
go run . 2>messages || { cat messages; exit 1; }
