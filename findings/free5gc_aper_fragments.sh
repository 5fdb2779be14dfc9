#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/free5gc/aper v1.1.1 with github.com/free5gc/ngap v1.1.3 (Go modules): octet strings and open types whose length is a
# multiple of 16384.
#
# From 16384 octets on aligned PER sends fragments, and behind the last full one there is always a length below 16384, if need be 0
# (X.691, clause 11.9.3.8.3). Expected: any length up to the limit of the IE is written and read. Seen: the 0 is left out. The receiver
# takes what follows for a length, and so does this library, which cannot read what it has written. 65536 octets are written as none at
# all, without an error; of 131072 the first half is left.
# An NGAP message has a length in a length in a length, so that a radio capability of 16384 octets is hit, and those of 16382 and 16362
# as well. One octet more or less goes well.
#
# Needs Go. Fails if the behaviour changes.
set -euo pipefail
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch"
export GOPATH=$scratch/go GOCACHE=$scratch/cache GOFLAGS=-mod=mod GOTOOLCHAIN=local
cat >go.mod <<'MODULE'
module finding

go 1.26
MODULE
cat >main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/free5gc/aper"
	"github.com/free5gc/ngap"
	"github.com/free5gc/ngap/ngapType"
)

type text struct {
	Octets aper.OctetString
	Behind int64 `aper:"valueLB:0,valueUB:255"`
}

// again gives how many octets are left after writing and reading, and what the library says.
func again(size int) (int, int, error) {
	written, err := aper.Marshal(text{make([]byte, size), 7})
	if err != nil {
		panic(err)
	}
	read := text{}
	err = aper.Unmarshal(written, &read)
	return len(written), len(read.Octets), err
}

type (
	indication = ngapType.UERadioCapabilityInfoIndication
	value      = ngapType.UERadioCapabilityInfoIndicationIEsValue
)

// capability is the message with which a gNB reports what a UE can.
func capability(size int) ngapType.NGAPPDU {
	message := &indication{}
	add := func(identifier int64, present int, content value) {
		content.Present = present
		message.ProtocolIEs.List = append(message.ProtocolIEs.List, ngapType.UERadioCapabilityInfoIndicationIEs{
			Id:          ngapType.ProtocolIEID{Value: identifier},
			Criticality: ngapType.Criticality{Value: ngapType.CriticalityPresentIgnore},
			Value:       content,
		})
	}
	add(ngapType.ProtocolIEIDAMFUENGAPID, ngapType.UERadioCapabilityInfoIndicationIEsPresentAMFUENGAPID,
		value{AMFUENGAPID: &ngapType.AMFUENGAPID{Value: 1}})
	add(ngapType.ProtocolIEIDRANUENGAPID, ngapType.UERadioCapabilityInfoIndicationIEsPresentRANUENGAPID,
		value{RANUENGAPID: &ngapType.RANUENGAPID{Value: 1}})
	add(ngapType.ProtocolIEIDUERadioCapability, ngapType.UERadioCapabilityInfoIndicationIEsPresentUERadioCapability,
		value{UERadioCapability: &ngapType.UERadioCapability{Value: bytes.Repeat([]byte{0x55}, size)}})
	initiating := &ngapType.InitiatingMessage{}
	initiating.ProcedureCode.Value = ngapType.ProcedureCodeUERadioCapabilityInfoIndication
	initiating.Criticality.Value = ngapType.CriticalityPresentIgnore
	initiating.Value.Present = ngapType.InitiatingMessagePresentUERadioCapabilityInfoIndication
	initiating.Value.UERadioCapabilityInfoIndication = message
	return ngapType.NGAPPDU{Present: ngapType.NGAPPDUPresentInitiatingMessage, InitiatingMessage: initiating}
}

func main() {
	for _, one := range []struct {
		size, written, read int
		refused             bool
	}{
		{16383, 16386, 16383, false}, {16384, 16386, 0, true}, {16385, 16388, 16385, false}, {32768, 32770, 0, true},
		{65535, 65539, 65535, false}, {65536, 2, 0, false}, {65537, 65540, 65537, false}, {131072, 65539, 65536, false},
	} {
		written, read, err := again(one.size)
		fmt.Printf("%d octets: %d written, %d read (%v)\n", one.size, written, read, err)
		if written != one.written || read != one.read || (err != nil) != one.refused {
			panic("it is no longer as described")
		}
	}
	lost := []int{}
	for size := 16350; size < 16400; size++ {
		octets, err := ngap.Encoder(capability(size))
		if err != nil {
			panic(err)
		}
		if _, err := ngap.Decoder(octets); err != nil {
			lost = append(lost, size)
		}
	}
	fmt.Println("radio capabilities that are written and cannot be read:", lost)
	if !slices.Equal(lost, []int{16362, 16382, 16384}) {
		panic("it is no longer as described")
	}
}
GO
go get github.com/free5gc/aper@v1.1.1 github.com/free5gc/ngap@v1.1.3 2>messages || { cat messages; exit 1; }
go run . 2>messages || { cat messages; exit 1; }
