#!/usr/bin/env bash
# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# github.com/free5gc/nas v1.2.2 (Go module), nasConvert.PartialServiceAreaListToNas: where a UE may have service, from the
# subscription to the IE "Service area list" (TS 24.501, clause 9.11.3.49).
#
# The number of elements is that of the tracking area codes, less one. Expected: 2 for three codes, 0 for one.
# Seen: the number of *areas* of the subscription (each with codes of its own), and not less one: one area with three codes says
# "two elements", one code says "two" as well, and three areas with a code each say "four". The UE takes the last code
# for what follows the list, or reads beyond it. Its own TaiListToNas counts as the clause says.
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

	"github.com/free5gc/nas/nasConvert"
	"github.com/free5gc/openapi/models"
)

func main() {
	plmn := models.PlmnId{Mcc: "001", Mnc: "01"}
	for _, one := range []struct {
		areas []models.Area
		codes int
		says  int
	}{
		{[]models.Area{{Tacs: []string{"000001", "000002", "000003"}}}, 3, 2},
		{[]models.Area{{Tacs: []string{"000001"}}}, 1, 2},
		{[]models.Area{{Tacs: []string{"000001"}}, {Tacs: []string{"000002"}}, {Tacs: []string{"000003"}}}, 3, 4},
	} {
		list := nasConvert.PartialServiceAreaListToNas(plmn, models.ServiceAreaRestriction{
			RestrictionType: models.RestrictionType_ALLOWED_AREAS, Areas: one.areas,
		})
		says, has := int(list[0]&0x1f)+1, (len(list)-4)/3
		fmt.Printf("%x: says %d elements, has %d\n", list, says, has)
		if says != one.says || has != one.codes {
			panic("it is no longer as described")
		}
	}
	tai := nasConvert.TaiListToNas([]models.Tai{{PlmnId: &plmn, Tac: "000001"}, {PlmnId: &plmn, Tac: "000002"}})
	if int(tai[0]&0x1f)+1 != 2 {
		panic("TaiListToNas no longer counts as the clause says")
	}
}
GO
go get github.com/free5gc/nas@v1.2.2 2>/dev/null
go run . 2>messages || { cat messages; exit 1; }
