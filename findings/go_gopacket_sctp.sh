#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/google/gopacket v1.1.19 (Go module) and its successor github.com/gopacket/gopacket v1.7.7, package layers: SCTP.
#
# - A Gap Ack Block is two numbers of 16 bits, start and end (RFC 9260, clause 3.3.4). Expected: a SACK with one block and one duplicate TSN is
#   read so, and written as it was. Seen, in both: one number is taken for a block; the end of the block becomes the upper half of the
#   TSN (2 to 3 and TSN 7 are read as a block "2" and TSN 196608), and what is written is too short, and wrong.
# - SerializeOptions.ComputeChecksums with a buffer that is used again; SerializeLayers clears it. Expected: the
#   same packet has the same checksum. Seen, in both: the first is right, all later ones are computed over what the field had before.
#   A receiver drops these packets.
# - Several DATA chunks in one packet, as each stack bundles small messages (clause 6.10). Expected: two messages. Seen in google's: the second
#   chunk with its header is the end of the first message, less the length of the first one's padding. The successor is right.
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
	"encoding/hex"
	"fmt"
	"hash/crc32"

	"MODULE"
	"MODULE/layers"
)

const (
	header = "960c960c0000000100000000"
	sack   = "0300001800000009000010000001000100020003" + "00000007"
	first  = "0003001300000001000100000000003c" + "61626300"
	second = "0003001400000002000100010000003c" + "64656667"
)

func expect(what string, seen, expected any) {
	fmt.Printf("%s: %v\n", what, seen)
	if fmt.Sprint(seen) != fmt.Sprint(expected) {
		panic(fmt.Sprintf("it was %v", expected))
	}
}

func read(octets string) gopacket.Packet {
	data, err := hex.DecodeString(octets)
	if err != nil {
		panic(err)
	}
	packet := gopacket.NewPacket(data, layers.LayerTypeSCTP, gopacket.Default)
	if packet.ErrorLayer() != nil {
		panic(packet.ErrorLayer().Error())
	}
	return packet
}

func main() {
	packet := read(header + sack)
	ack := packet.Layer(layers.LayerTypeSCTPSack).(*layers.SCTPSack)
	expect("gaps of one block from 2 to 3", ack.GapACKs, "[2]")
	expect("duplicate TSN 7", ack.DuplicateTSNs, "[196608]")

	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	for _, right := range []bool{true, false, false} {
		buffer.Clear()
		sctp := packet.Layer(layers.LayerTypeSCTP).(*layers.SCTP)
		if err := gopacket.SerializeLayers(buffer, options, sctp, ack); err != nil {
			panic(err)
		}
		sent := buffer.Bytes()
		expect("written", hex.EncodeToString(sent[12:]), sack[:6]+"16"+sack[8:40]+"00000000")
		zeroed := append([]byte{}, sent...)
		clear(zeroed[8:12])
		sum := crc32.Checksum(zeroed, crc32.MakeTable(crc32.Castagnoli))
		expect("  the checksum is right", binary.LittleEndian.Uint32(sent[8:12]) == sum, right)
	}

	var messages []string
	for _, layer := range read(header + first + second).Layers() {
		if layer.LayerType() == layers.LayerTypeSCTPData {
			messages = append(messages, hex.EncodeToString(layer.(*layers.SCTPData).Payload))
		}
	}
	expect("messages", messages, []string{EXPECTED})
}
GO
run() {
	mkdir run
	(cd run && sed "s|MODULE|$1|; s|EXPECTED|$3|" ../main.go >main.go && cp ../go.mod . && go get "$1@$2" 2>/dev/null && echo "$1 $2" && go run .)
	rm -r run
}
run github.com/google/gopacket v1.1.19 '"616263" + "00" + second[:len(second)-2]'
run github.com/gopacket/gopacket v1.7.7 '"616263", "64656667"'
