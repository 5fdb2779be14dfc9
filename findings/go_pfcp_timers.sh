#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/wmnsk/go-pfcp v0.0.24 (Go module): the IEs "Timer" and "DL Buffering Duration", which both have a unit in three
# bits and a value of 0 to 31 in five (TS 29.244, clauses 8.2.35 and 8.2.29).
#
# The constructors take a time.Duration. Expected: one that does not fit is rounded to the next unit, or refused.
# Seen: the largest unit that divides the duration is taken and the value is cut to five bits, without an error:
# 90 s goes out as 26 s, 45 minutes as 13 minutes, 33 hours as 1 hour, and 64 s as "the timer is stopped".
# An odd number of seconds goes out as "infinite". Reading has a fault of its own: a unit that the release does not know is to
# be taken for minutes, and is read as 0.
# An SMF that asks a UPF to buffer for 5 s so asks it to buffer without a time limit. Give multiples that fit, and check what is built.
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
	"math"
	"time"

	"github.com/wmnsk/go-pfcp/ie"
)

const infinite = time.Duration(math.MaxInt64)

func main() {
	for _, one := range []struct{ given, received time.Duration }{
		{62 * time.Second, 62 * time.Second},
		{40 * time.Minute, 40 * time.Minute},
		{90 * time.Second, 26 * time.Second},
		{64 * time.Second, 0},
		{45 * time.Minute, 13 * time.Minute},
		{33 * time.Hour, 1 * time.Hour},
		{5 * time.Second, infinite},
	} {
		timer, err := ie.NewTimer(one.given).Timer()
		buffering, failure := ie.NewDLBufferingDuration(one.given).DLBufferingDuration()
		fmt.Printf("%v is received as %v and %v\n", one.given, timer, buffering)
		if err != nil || failure != nil || timer != one.received || buffering != one.received {
			panic("it is no longer as described")
		}
	}
	reserved, err := ie.New(ie.Timer, []byte{5<<5 | 5}).Timer()
	fmt.Printf("5 of a reserved unit, which stands for minutes, is received as %v\n", reserved)
	if err != nil || reserved != 0 {
		panic("it is no longer as described")
	}
}
GO
go get github.com/wmnsk/go-pfcp@v0.0.24 2>/dev/null
go run .
