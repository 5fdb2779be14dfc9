#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/free5gc/ngap v1.1.3 (Go module), package ngapConvert: identifiers between NGAP and the types of the service-based interfaces.
#
# - GNbId.gNBValue is the number in base 16; where the bits do not fill the digits, zeros stand in *front* (TS 29.571, type GNbId). Seen:
#   they are put behind: gNB 1 with 22 bits is "000004", and "000001" of another vendor is gNB 0 in NGAP. 24, 28 and 32 bits are right, and a
#   way there and back shows nothing.
# - A macro ng-eNB has 20 bits, a short macro one 18 (TS 38.413, clause 9.3.1.8). Seen in RanIDToNgap: 18 and 20. The macro one loses its two
#   lowest bits: MacroNGeNB-12347 is the same node as MacroNGeNB-12344.
# - A TNAP or TWAP identifier is written as six octets. Seen: it is read from the first two, so that the identifiers below 4294967296 are all 0.
# - Time Stamp is seconds since 1900 as NTP has them. Seen: it is read as a signed number: each time since 1968 is
#   negative.
# No error in any case.
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
	"encoding/binary"
	"fmt"
	"time"

	"github.com/free5gc/aper"
	"github.com/free5gc/ngap/ngapConvert"
	"github.com/free5gc/ngap/ngapType"
	"github.com/free5gc/openapi/models"
)

func expect(what string, seen, expected any) {
	fmt.Printf("%s: %v\n", what, seen)
	if fmt.Sprint(seen) != fmt.Sprint(expected) {
		panic(fmt.Sprintf("it was %v", expected))
	}
}

var plmn = models.PlmnId{Mcc: "001", Mnc: "01"}

// The bits of a number as a BIT STRING holds them, from the first octet on.
func bits(number uint32, length int) *aper.BitString {
	octets := binary.BigEndian.AppendUint32(nil, number<<(32-length))
	return &aper.BitString{Bytes: octets[:(length+7)/8], BitLength: uint64(length)}
}

func gnb(number uint32, length int) string {
	node := ngapType.GlobalRANNodeID{
		Present: ngapType.GlobalRANNodeIDPresentGlobalGNBID,
		GlobalGNBID: &ngapType.GlobalGNBID{
			PLMNIdentity: ngapConvert.PlmnIdToNgap(plmn),
			GNBID:        ngapType.GNBID{Present: ngapType.GNBIDPresentGNBID, GNBID: bits(number, length)},
		},
	}
	return ngapConvert.RanIdToModels(node).GNbId.GNBValue
}

func number(value *aper.BitString) string {
	octets := make([]byte, 4)
	copy(octets, value.Bytes)
	return fmt.Sprintf("%05x of %d bits", binary.BigEndian.Uint32(octets)>>(32-value.BitLength), value.BitLength)
}

func toNgap(node models.GlobalRanNodeId) ngapType.GlobalRANNodeID {
	node.PlmnId = &plmn
	return ngapConvert.RanIDToNgap(node)
}

func ngENB(name string) ngapType.NgENBID {
	return toNgap(models.GlobalRanNodeId{GNbId: &models.GNbId{}, NgeNbId: name}).GlobalNgENBID.NgENBID
}

func main() {
	expect("gNB 1 of 24 bits", gnb(1, 24), "000001")
	expect("gNB 1 of 22 bits", gnb(1, 22), "000004")
	expect("gNB 1 of 25 bits", gnb(1, 25), "0000008")
	other := toNgap(models.GlobalRanNodeId{GNbId: &models.GNbId{BitLength: 22, GNBValue: "000001"}})
	expect("000001 of 22 bits", number(other.GlobalGNBID.GNBID.GNBID), "00000 of 22 bits")

	expect("macro ng-eNB 12347", number(ngENB("MacroNGeNB-12347").MacroNgENBID), "048d1 of 18 bits")
	expect("macro ng-eNB 12344", number(ngENB("MacroNGeNB-12344").MacroNgENBID), "048d1 of 18 bits")
	expect("short macro ng-eNB 12347", number(ngENB("SMacroNGeNB-12347").ShortMacroNgENBID), "12347 of 20 bits")

	expect("TNAP 12345678", ngapConvert.TNAPIDToInt(ngapConvert.TNAPIDToNgap(12345678)), 0)
	expect("TWAP 2^32 and 12345678", ngapConvert.TWAPIDToInt(ngapConvert.TWAPIDToNgap(1<<32+12345678)), 1)

	epoch := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	now := uint32(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC).Unix() - epoch)
	stamp := aper.OctetString(binary.BigEndian.AppendUint32(nil, now))
	expect(fmt.Sprintf("time %d", now), ngapConvert.TimeStampToInt32(stamp), int64(now)-1<<32)
}
GO
go get github.com/free5gc/ngap@v1.1.3 2>/dev/null
go run .
