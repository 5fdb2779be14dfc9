#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/wmnsk/go-gtp v0.8.12 (Go module), gtpv2/ie: IEs that are written as TS 29.274 says, and read otherwise.
#
# - GUTI: GUTI().MCC and MNC are read one octet too late: 999-410 is 904-001, and MCC() and MNC() of the same IE are right.
# - IMSI (clause 8.3): a filler stands behind an odd number of digits only. The last digit is always taken for one: an IMSI of 14 digits
#   has 13.
# - Delay Value (clause 8.27) counts steps of 50 ms. It is divided by 50 again: 100 ms is 0, and 5 s is 2 ms.
# - Flow QoS (clause 8.16): MBRForUplink() is always 0; MBRForDownlink() and FlowQoS() are right.
# - Paging and Service Information (clause 8.117): the flag for the paging policy is looked for in the octet of the bearer. Of an even bearer the
#   policy is not found, and of an odd one without a policy "unexpected EOF" is all there is.
# - Bearer QoS (clause 8.15): PriorityLevel() reads it, HasPCI() and HasPVI() do not, and say false whatever it holds.
# - User CSG Information: CMI() is the whole octet, with the access mode: 131 where 1 was sent.
# Expected: what was written. Only Paging and Service Information has an error.
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
	"fmt"
	"time"

	"github.com/wmnsk/go-gtp/gtpv2/ie"
)

func expect(what string, expected string, seen ...any) {
	text := fmt.Sprint(seen...)
	fmt.Printf("%s: %s\n", what, text)
	if text != expected {
		panic("it was " + expected)
	}
}

func main() {
	guti := ie.NewGUTI("999", "410", 1, 2, 3)
	fields, err := guti.GUTI()
	expect("GUTI of 999-410, octets", "[153 9 20 0 1 2 0 0 0 3]", guti.Payload)
	expect("GUTI()", "904 001 <nil>", fields.MCC+" "+fields.MNC, " ", err)
	expect("MCC() and MNC()", "999 410", guti.MustMCC()+" "+guti.MustMNC())

	expect("IMSI of 15 digits", "001010123456789", ie.NewIMSI("001010123456789").MustIMSI())
	expect("IMSI of 14 digits, octets", "[0 1 1 33 67 101 135]", ie.NewIMSI("00101012345678").Payload)
	expect("IMSI of 14 digits", "0010101234567", ie.NewIMSI("00101012345678").MustIMSI())

	for _, one := range []struct {
		delay time.Duration
		seen  string
	}{{100 * time.Millisecond, "[2] 0s"}, {5 * time.Second, "[100] 2ms"}} {
		delay := ie.NewDelayValue(one.delay)
		expect(fmt.Sprintf("delay of %v", one.delay), one.seen, delay.Payload, " ", delay.MustDelayValue())
	}

	flow := ie.NewFlowQoS(9, 1000, 2000, 3000, 4000)
	all, err := flow.FlowQoS()
	expect("flow QoS", "{9 1000 2000 3000 4000} <nil>", *all, err)
	expect("MBRForUplink()", "0", flow.MustMBRForUplink())
	expect("MBRForDownlink()", "2000", flow.MustMBRForDownlink())

	for _, one := range []struct {
		bearer, flags, policy uint8
		seen                  string
	}{
		{5, 1, 7, "7 <nil>"},
		{6, 1, 7, "0 could not find the specified value in an IE"},
		{5, 0, 0, "0 unexpected EOF"},
	} {
		policy, err := ie.NewPagingAndServiceInformation(one.bearer, one.flags, one.policy).PagingPolicyIndication()
		expect(fmt.Sprintf("bearer %d, flags %d, policy %d", one.bearer, one.flags, one.policy), one.seen, policy, " ", err)
	}

	bearer := ie.NewBearerQoS(1, 15, 1, 9, 0, 0, 0, 0)
	priority, err := bearer.PriorityLevel()
	expect("bearer QoS, priority, PCI and PVI", "15 <nil> false false", priority, " ", err, " ", bearer.HasPCI(), " ", bearer.HasPVI())
	alone := ie.NewAllocationRetensionPriority(1, 15, 1)
	expect("ARP alone, PCI and PVI", "true true", alone.HasPCI(), " ", alone.HasPVI())

	cmi, err := ie.NewUserCSGInformation("001", "01", 1, 2, 1, 1).CMI()
	expect("CMI 1", "131 <nil>", cmi, " ", err)
}
GO
go get github.com/wmnsk/go-gtp@v0.8.12 2>/dev/null
go run .
