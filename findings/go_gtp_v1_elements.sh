#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/wmnsk/go-gtp v0.8.12 (Go module), gtpv1/ie: IEs of GTPv1-C (TS 29.060).
#
# - Routeing Area Identity (clause 7.7.3; TS 24.008, clause 10.5.5.15): the third digit of an MNC is written as "none": 999-410 becomes 999-41,
#   another operator. User Location Information is right.
# - MSISDN (clause 7.7.33): behind an odd number of digits stands a filler. MSISDN() gives it back as an "f": "44770090012f". In gtpv2
#   it is removed.
# - Authentication Quintuplet (clause 7.7.35): AUTN() begins with the octet of the length, and takes another octet for the length, which is one of IK
#   mostly: what comes is mostly an error, and with the right key a wrong AUTN. XRES(), CK() and IK() are right.
# Expected: what was given. No error but in the last case.
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
	"bytes"
	"fmt"

	"github.com/wmnsk/go-gtp/gtpv1/ie"
	gtpv2 "github.com/wmnsk/go-gtp/gtpv2/ie"
)

func expect(what string, expected string, seen string) {
	fmt.Printf("%s: %s\n", what, seen)
	if seen != expected {
		panic("it was " + expected)
	}
}

func octets(from byte, count int) []byte {
	made := make([]byte, count)
	for i := range made {
		made[i] = from + byte(i)
	}
	return made
}

func main() {
	area := ie.NewRouteingAreaIdentity("999", "410", 1, 2)
	location := ie.NewUserLocationInformationWithSAI("999", "410", 1, 2)
	expect("routeing area of 999-410", "99f914000102 999-41", fmt.Sprintf("%x %s-%s", area.Payload, area.MustMCC(), area.MustMNC()))
	expect("user location of 999-410", "0199091400010002 999-410", fmt.Sprintf("%x %s-%s", location.Payload, location.MustMCC(), location.MustMNC()))

	expect("MSISDN of 10 digits", "4477009001", ie.NewMSISDN("4477009001").MustMSISDN())
	expect("MSISDN of 11 digits", "44770090012f", ie.NewMSISDN("44770090012").MustMSISDN())
	expect("MSISDN of 11 digits, gtpv2", "44770090012", gtpv2.NewMSISDN("44770090012").MustMSISDN())

	rand, xres, ck, autn := octets(0x10, 16), octets(0x20, 8), octets(0x30, 16), octets(0x70, 16)
	for _, one := range []struct {
		ik   []byte
		seen string
	}{
		{octets(0x50, 16), " unexpected EOF"},
		{octets(0x07, 16), "10707172737475767778797a7b7c7d7e <nil>"},
	} {
		quintuplet := ie.NewAuthenticationQuintuplet(rand, xres, ck, one.ik, autn)
		ik, err := quintuplet.IK()
		if err != nil || !bytes.Equal(ik, one.ik) {
			panic("IK was right")
		}
		seen, err := quintuplet.AUTN()
		expect(fmt.Sprintf("AUTN %x", autn), one.seen, fmt.Sprintf("%x %v", seen, err))
	}
}
GO
go get github.com/wmnsk/go-gtp@v0.8.12 2>/dev/null
go run .
